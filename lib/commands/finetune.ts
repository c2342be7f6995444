import { checkCall, DATA_KINDS, FLAG, HANDLER, oneOf, PATH, wholeNumber, withDefaults } from '../core/kinds.js';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { outputPath } from '../core/paths.js';
import { fileError } from '../core/files.js';
import { removeAbandoned, temporaryBeside, type Temporary } from '../core/temporary.js';
import { readHeader } from '../checkpoint/safetensors.js';
import { fillSafetensorsFile } from '../checkpoint/safetensors_file.js';
import { whileLocked } from '../core/output_lock.js';
import { checkTask, type TaskCheckResult, type UsedSplit } from '../run/check_task.js';
import { passSeconds, writingSeconds } from '../run/estimate.js';
import { assertTaskRunnable, type PlannedTaskRun } from '../run/preflight_task.js';
import { elementCount } from '../checkpoint/layout.js';
import { SMALL_FILES } from '../run/room.js';
import { originOf } from '../card/origin.js';
import { trainingCard } from '../card/training_card.js';
import { assertWritable, OUTPUT_DTYPES, type OutputDtype } from '../checkpoint/write.js';
import { checkChoices, checkLabels, type Judging, type LookedAt } from '../tasks/degenerate.js';
import { judgingBy } from '../tasks/prepare.js';
import { prepareSplit, type DataOptions } from '../tasks/prepared_split.js';
import { evaluateRows, scoringRows } from '../engine/evaluate.js';
import { COMPUTE_KINDS, checkComputeOptions, Session, type ComputeOptions } from '../engine/session.js';
import { Course, inStage, type PlannedWork } from '../core/course.js';
import type { RunOptions } from '../core/progress.js';
import { scoringCost, type BatchedRows, type TokenizedRows } from '../engine/batch.js';
import { mean, sum } from '../core/statistics.js';
import { VERSION } from '../core/version.js';
import { tokenizerOf } from '../tasks/tokenize.js';
import { train, TRAINING_DEFAULTS, TRAINING_KINDS, trainingOptions, type TrainingOptions } from '../engine/train.js';

/** Options of a fine-tuning. */
export interface FinetuneOptions extends RunOptions, ComputeOptions, DataOptions, TrainingOptions {
  /** The folder of the model to start from. */
  model: string;
  /** The task's folder, with train.jsonl and validation.jsonl. */
  data: string;
  /** The model folder to write. */
  out: string;
  overwrite?: boolean;
  /** How many steps lie between evaluations on the validation split, by default 100. The state of lowest validation loss is kept. */
  evaluateEvery?: number;
  /** The dtype of the weights that are written. The default is float32. */
  dtype?: OutputDtype;
  onEvaluation?: (evaluation: FinetuneEvaluation) => void;
}

/** What FinetuneOptions are where they are left out, in the library and on the command line. */
export const FINETUNE_DEFAULTS = { ...TRAINING_DEFAULTS, evaluateEvery: 100, dtype: 'float32' } as const;

const KINDS = {
  ...COMPUTE_KINDS,
  ...DATA_KINDS,
  ...TRAINING_KINDS,
  model: PATH,
  data: PATH,
  out: PATH,
  overwrite: FLAG,
  evaluateEvery: wholeNumber(1),
  dtype: oneOf(OUTPUT_DTYPES),
  onEvaluation: HANDLER,
};

/** The state of a model after a number of steps, as the validation split shows it. */
export interface FinetuneEvaluation {
  step: number;
  /** The mean training loss per label token since the last evaluation. */
  trainLoss: number;
  /** The mean NLL per label token of the right choices. */
  validationLoss: number;
  accuracy: number;
}

/** What came of a fine-tuning. */
export interface FinetuneResult {
  /** The state that was written. */
  best: FinetuneEvaluation;
  evaluations: FinetuneEvaluation[];
}

/**
 * Fine-tunes a model on a task by AdamW on the right choice of each row, without dropout. The state of lowest validation loss is written.
 * Errors: EXISTS, LOCKED, INVALID_DATA, NUMERIC and those of Session.open.
 */
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  checkCall('finetune', options, { kinds: KINDS, needed: ['model', 'data', 'out'] });
  checkComputeOptions(options);
  const out = outputPath(options.out);
  await assertTaskRunnable(plannedRun(options), options);
  await mkdir(dirname(out), { recursive: true });
  return whileLocked(out, () => finetuneInto(out, options));
}

/**
 * Checks what `finetune` would do and all that it reads, without making more than two steps to measure the time.
 * Errors: INVALID_ARGUMENT for options, and the reason of a signal that has fired; what is wrong otherwise is in the result.
 */
export async function checkFinetune(options: FinetuneOptions): Promise<TaskCheckResult> {
  checkCall('checkFinetune', options, { kinds: KINDS, needed: ['model', 'data', 'out'] });
  checkComputeOptions(options);
  const { signal, overwrite } = options;
  const { steps = FINETUNE_DEFAULTS.steps, evaluateEvery = FINETUNE_DEFAULTS.evaluateEvery } = options;
  const look = async (looked: LookedAt, judging: Judging) => {
    await checkChoices(looked, judging);
    await checkLabels(looked, judging);
  };
  const seconds = async (session: Session, [training, validation]: readonly UsedSplit[]) => {
    await session.load(0, signal);
    const rows = await scoringRows(session, validation, signal);
    const evaluation = await passSeconds(rows, (part) => evaluateRows(session, part, { signal }));
    // The second step is measured, since the first one touches the memory.
    const ends: number[] = [];
    const afterStep = async () => void ends.push(performance.now());
    await train(session, training.rows, { ...options, onProgress: undefined, steps: 2, afterStep });
    const writing = writingSeconds(sum(session.parameters.map(({ shape }) => elementCount(shape))));
    return (steps * (ends[1] - ends[0])) / 1000 + Math.ceil(steps / evaluateEvery) * (evaluation + writing) + writing;
  };
  return checkTask({ run: { ...plannedRun(options), overwrite }, needLabels: true, look, seconds }, options);
}

function plannedRun({ model, data, out }: FinetuneOptions): PlannedTaskRun {
  // Beside the best state so far lies the next one while it is written, and at the end the model.
  const bytes = (parameters: number) => 8 * parameters + SMALL_FILES;
  const output = { path: outputPath(out), kind: 'folder', bytes } as const;
  // The parameters, their gradient, two moments of it, and the weights as products take them.
  return { model, data, splits: ['train', 'validation'], vectors: 5, output };
}

async function finetuneInto(out: string, options: FinetuneOptions): Promise<FinetuneResult> {
  // What a killed run left takes the disk that this one needs.
  await removeAbandoned(dirname(out), { own: out, warn: options.onWarning });
  await assertWritable(out, options);
  const session = await Session.open(options.model, [], options);
  const keep = new BestParameters(session, `${out}.best`);
  try {
    const { signal, cache } = options;
    const { steps = FINETUNE_DEFAULTS.steps, evaluateEvery = FINETUNE_DEFAULTS.evaluateEvery } = options;
    const course = new Course(options.onProgress);
    const { onProgress } = inStage({ onProgress: course.report }, 'training');
    const tokenizer = await tokenizerOf(session);
    const task = basename(resolve(options.data));
    const training = await prepareSplit(tokenizer, options.data, { split: 'train', needLabels: true, cache, signal });
    const validation = await prepareSplit(tokenizer, options.data, {
      split: 'validation',
      needLabels: true,
      cache,
      signal,
    });
    const judging = await judgingBy(session, { ...options, tokenizer });
    for (const split of [training, validation]) {
      await checkChoices({ ...split, task }, judging);
      await checkLabels({ ...split, task }, judging);
    }
    const validationRows = await scoringRows(session, { rows: validation.rows, indices: validation.all }, signal);
    course.plan([
      { stage: 'training', work: trainingWork(training.rows, validationRows, { ...options, steps, evaluateEvery }) },
      { stage: 'writing', work: [{ phase: 'write', cost: 1 }] },
    ]);
    await session.load(0, signal);
    const evaluations: FinetuneEvaluation[] = [];
    let best: FinetuneEvaluation | undefined;
    let losses: number[] = [];
    const afterStep = async ({ step, loss }: { step: number; loss: number }): Promise<void> => {
      losses.push(loss);
      if (step % evaluateEvery !== 0 && step !== steps) return;
      const { accuracy, results } = await evaluateRows(session, validationRows, { signal, onProgress, subject: task });
      const tokens = sum(results.map(({ tokens: lengths, label }) => lengths[label]));
      const evaluation: FinetuneEvaluation = {
        step,
        trainLoss: mean(losses),
        validationLoss: sum(results.map(({ nll, label }) => nll[label])) / tokens,
        accuracy,
      };
      losses = [];
      evaluations.push(evaluation);
      options.onEvaluation?.(evaluation);
      if (best && best.validationLoss <= evaluation.validationLoss) return;
      best = evaluation;
      await keep.save(signal);
    };
    await train(session, training.rows, { ...options, onProgress, subject: undefined, afterStep });
    await keep.restore(signal);
    const record = { dfmerge: VERSION, command: 'finetune', best, evaluations };
    const { overwrite, onWarning } = options;
    const { architecture, base } = session.set;
    const origin = await originOf(base.dir, base.checkpoint.config);
    const settings = {
      ...withDefaults(trainingOptions(options), TRAINING_DEFAULTS),
      evaluateEvery,
      computeDtype: session.computeDtype,
    };
    const card = () =>
      trainingCard({
        dfmerge: VERSION,
        architecture,
        model: options.model,
        origin,
        task,
        settings,
        best: { ...(best as unknown as FinetuneEvaluation), examples: validation.all.length },
      });
    const written = (done: number) => course.report({ stage: 'writing', phase: 'write', done, total: 1, subject: out });
    written(0);
    await session.write(
      out,
      { dtype: options.dtype ?? FINETUNE_DEFAULTS.dtype, overwrite, card, record, onWarning },
      signal,
    );
    written(1);
    return { best: best as unknown as FinetuneEvaluation, evaluations };
  } finally {
    await keep.discard();
    session.close();
  }
}

/** All steps, and the evaluations between them. */
function trainingWork(
  rows: TokenizedRows,
  validation: BatchedRows,
  {
    steps,
    evaluateEvery,
    batchSize = TRAINING_DEFAULTS.batchSize,
  }: FinetuneOptions & { steps: number; evaluateEvery: number },
): PlannedWork[] {
  const { inputIds, labels, choices } = rows;
  const tokens = sum(inputIds.map((ids, i) => ids.length + (choices[i][labels[i]]?.length ?? 0)));
  const perStep = (tokens / labels.length) * Math.min(batchSize, labels.length);
  const evaluation: PlannedWork = { phase: 'evaluate', cost: scoringCost(validation) };
  return [
    { phase: 'train', cost: steps * perStep },
    ...Array<PlannedWork>(Math.ceil(steps / evaluateEvery)).fill(evaluation),
  ];
}

/** The best parameters so far. They lie on the disk, since memory holds only one set of parameters. */
class BestParameters {
  #file: Temporary | undefined;

  constructor(
    private readonly session: Session,
    private readonly target: string,
  ) {}

  async save(signal: AbortSignal | undefined): Promise<void> {
    const what = `cannot write ${this.target}`;
    const next = await temporaryBeside(this.target).catch((error: unknown) => {
      throw fileError(error, what);
    });
    const tensors = this.session.parameters.map(({ name, shape }) => ({ name, shape, dtype: 'F32' as const }));
    try {
      await fillSafetensorsFile(next.path, tensors, {
        writeTensors: (file, places) =>
          this.session.job(
            (engine) =>
              engine.write(
                'parameters',
                places.map((place) => ({ file, ...place })),
              ),
            signal,
          ),
      });
    } catch (error) {
      await next.remove();
      throw fileError(error, what);
    }
    await this.discard();
    this.#file = next;
  }

  async restore(signal: AbortSignal | undefined): Promise<void> {
    const file = this.#file!.path; // The last step is always evaluated, and the first evaluation is always kept.
    const { tensors } = await readHeader(file);
    const sources = this.session.parameters.map(({ name }) => ({
      name,
      file,
      offset: tensors.get(name)?.begin ?? 0,
      dtype: 'F32' as const,
    }));
    const index = this.session.engine.addModel(sources);
    await this.session.load(index, signal);
  }

  async discard(): Promise<void> {
    await this.#file?.remove();
  }
}
