import { FISHER_MODES } from '../../bindings/index.js';
import { checkCall, DATA_KINDS, either, FLAG, float32, number, oneOf, PATH, SEED, wholeNumber } from '../core/kinds.js';
import { basename, resolve } from 'node:path';
import { checkpointFingerprints } from '../checkpoint/fingerprint.js';
import { numberOption, seedOption, wholeOption } from '../core/arguments.js';
import { DfMergeError } from '../core/errors.js';
import { Pace } from '../core/pace.js';
import { Course, inStage } from '../core/course.js';
import type { RunOptions } from '../core/progress.js';
import { checkTask, type TaskCheckResult, type UsedSplit } from '../run/check_task.js';
import { passSeconds, writingSeconds } from '../run/estimate.js';
import { assertTaskRunnable, type PlannedTaskRun } from '../run/preflight_task.js';
import { elementCount } from '../checkpoint/layout.js';
import { sum } from '../core/statistics.js';
import {
  checkMinWeight,
  DEFAULT_EPSILON,
  fisherCost,
  fisherInputs,
  measureFisher,
  type FisherMode,
  type SkippedChoices,
} from '../engine/fisher.js';
import { DIGEST_SCHEME, writeFisher } from '../engine/fisher_file.js';
import { checkComputeOptions, COMPUTE_KINDS, Session, type ComputeOptions } from '../engine/session.js';
import { checkChoices, checkFisherRows, type Judging, type LookedAt } from '../tasks/degenerate.js';
import { judgingBy } from '../tasks/prepare.js';
import { prepareSplit, type DataOptions } from '../tasks/prepared_split.js';
import { SPLITS, type SplitName } from '../tasks/rows.js';
import { drawFisherRows } from '../tasks/subset.js';
import { tokenizerOf } from '../tasks/tokenize.js';

/** Options of `fisher`. */
export interface MeasureOptions extends RunOptions, ComputeOptions, DataOptions {
  /** The model's folder. */
  model: string;
  /** The base's folder. With it the Fisher is measured at base + coefficient (model − base), and else at the model. */
  base?: string;
  /** The default is 1. */
  coefficient?: number;
  /** The task's folder. */
  data: string;
  /** The split whose inputs are used. The default is validation. */
  split?: SplitName;
  /** How many inputs are drawn from the split, or `all`. The default is 30. */
  samples?: number | 'all';
  /** The default is exact. */
  mode?: FisherMode;
  /** Is added to every entry. The default is 1e-12. */
  epsilon?: number;
  /**
   * A number in [0, 1]: choices whose p̃ is below it are skipped, except for an input's likeliest. The default of 0 skips none, and mode
   * `sampled` takes nothing else.
   */
  minWeight?: number;
  /** The seed of the inputs drawn and, in mode `sampled`, of the choices. The default is 1. */
  seed?: number;
  /** The safetensors file to write. A device, a FIFO or a socket is written through. */
  out: string;
  /** Whether `out` may replace a file. */
  overwrite?: boolean;
}

/** What was measured. */
export interface MeasureResult {
  out: string;
  /** How many inputs were used. */
  samples: number;
  mode: FisherMode;
  /** What was left out, which bounds what is lost; absent without `minWeight`. */
  skipped?: SkippedChoices;
}

const KINDS = {
  ...COMPUTE_KINDS,
  ...DATA_KINDS,
  model: PATH,
  base: PATH,
  coefficient: float32(),
  data: PATH,
  split: oneOf(SPLITS),
  samples: either(wholeNumber(1), oneOf(['all'])),
  mode: oneOf(FISHER_MODES),
  epsilon: float32({ least: 0 }),
  minWeight: number({ least: 0, most: 1 }),
  seed: SEED,
  out: PATH,
  overwrite: FLAG,
};

/**
 * Measures the diagonal Fisher of a model on a task's inputs (labels are not used) and writes it as a safetensors file.
 * Errors: those of Session.open, loadSplit and measureFisher; EXISTS, IO.
 */
export async function fisher(options: MeasureOptions): Promise<MeasureResult> {
  checkCall('fisher', options, { kinds: KINDS, needed: ['model', 'data', 'out'] });
  const {
    mode = 'exact',
    seed = 1,
    samples = 30,
    coefficient = 1,
    epsilon = DEFAULT_EPSILON,
    minWeight = 0,
    signal,
  } = options;
  checkMeasuring(options);
  if (Math.fround(epsilon) === 0)
    options.onWarning?.(
      `epsilon is ${epsilon}: elements that no input moves stay 0, and a merge divides 0 by 0 where they are 0 in all of its Fishers`,
    );
  const { split: name = 'validation' } = options;
  await assertTaskRunnable(plannedRun(options), options);
  const session = await (options.base === undefined
    ? Session.open(options.model, [], options)
    : Session.open(options.base, [options.model], options));
  try {
    const task = basename(resolve(options.data));
    const tokenizer = await tokenizerOf(session);
    const split = await prepareSplit(tokenizer, options.data, {
      split: name,
      cache: options.cache,
      signal,
    });
    const indices = await drawFisherRows(split.all.length, samples, { seed, task, pace: new Pace(signal) });
    const looked = { ...split, task, indices };
    const judging = await judgingBy(session, { ...options, tokenizer });
    await checkChoices(looked, judging);
    await checkFisherRows(looked, mode, judging);
    if (options.base === undefined) await session.load(0, signal);
    else await session.interpolate(1, coefficient, signal);
    const measured = await fisherInputs(session, { rows: split.rows, indices, signal }, mode);
    const course = new Course(options.onProgress);
    const run = inStage({ ...options, onProgress: course.report }, 'fisher');
    course.plan([
      { stage: 'fisher', work: [{ phase: 'fisher', cost: fisherCost(measured, mode) }] },
      { stage: 'reading', work: [{ phase: 'read', cost: session.set.models.length + 1 }] },
      { stage: 'writing', work: [{ phase: 'write', cost: 1 }] },
    ]);
    const { skipped } = await measureFisher(session, measured, {
      ...run,
      mode,
      epsilon,
      draw: { seed, task },
      subject: task,
    });
    const members = [session.set.base, ...session.set.models].map(({ checkpoint }) => checkpoint);
    const fingerprints = await checkpointFingerprints(members, run);
    const metadata = {
      mode,
      samples: String(indices.length),
      coefficient: String(options.base === undefined ? 1 : coefficient),
      epsilon: String(epsilon),
      compute_dtype: session.computeDtype,
      seed: String(seed),
      model: fingerprints[fingerprints.length - 1],
      ...(options.base === undefined ? {} : { base: fingerprints[0] }),
      digests: DIGEST_SCHEME,
      data: split.digest,
      ...(minWeight > 0 ? { min_weight: String(minWeight), skipped: JSON.stringify(skipped) } : {}),
    };
    const written = (done: number) =>
      course.report({ stage: 'writing', phase: 'write', done, total: 1, subject: options.out });
    written(0);
    await writeFisher(session, options.out, { metadata, overwrite: options.overwrite, signal });
    written(1);
    return { out: options.out, samples: indices.length, mode, ...(minWeight > 0 ? { skipped } : {}) };
  } finally {
    session.close();
  }
}

/**
 * Checks what `fisher` would do and all that it reads, without measuring more than a few batches to measure the time.
 * Errors: INVALID_ARGUMENT for options, and the reason of a signal that has fired; what is wrong otherwise is in the result.
 */
export async function checkFisher(options: MeasureOptions): Promise<TaskCheckResult> {
  checkCall('checkFisher', options, { kinds: KINDS, needed: ['model', 'data', 'out'] });
  checkMeasuring(options);
  const { mode = 'exact', seed = 1, samples = 30, epsilon = DEFAULT_EPSILON, signal } = options;
  const task = basename(resolve(options.data));
  const drawn = (rows: number) => drawFisherRows(rows, samples, { seed, task, pace: new Pace(signal) });
  const look = async (looked: LookedAt, judging: Judging) => {
    await checkChoices(looked, judging);
    await checkFisherRows(looked, mode, judging);
  };
  const seconds = async (session: Session, [split]: readonly UsedSplit[]) => {
    await session.load(0, signal);
    const inputs = await fisherInputs(session, { ...split, signal }, mode);
    const settings = { mode, epsilon, draw: { seed, task }, signal };
    const measuring = await passSeconds(inputs, (part) => measureFisher(session, part, settings));
    return measuring + writingSeconds(sum(session.parameters.map(({ shape }) => elementCount(shape))));
  };
  return checkTask({ run: plannedRun(options), needLabels: false, drawn, called: 'fisher', look, seconds }, options);
}

function plannedRun({ model, base, data, split = 'validation', out, overwrite }: MeasureOptions): PlannedTaskRun {
  const output = { path: out, kind: 'file', overwrite, bytes: (parameters: number) => 4 * parameters } as const;
  // The parameters, the Fisher, and the weights as products take them.
  return { model, base, data, splits: [split], vectors: 3, output };
}

/** Throws INVALID_ARGUMENT for options that are wrong by themselves or beside each other. */
function checkMeasuring(options: MeasureOptions): void {
  checkNumbers(options);
  checkMinWeight(options.mode ?? 'exact', options.minWeight ?? 0);
  checkComputeOptions(options);
}

function checkNumbers({ seed, samples, coefficient, epsilon, base }: MeasureOptions): void {
  if (seed !== undefined) seedOption(seed);
  if (samples !== undefined && samples !== 'all') wholeOption('samples', samples, { least: 1 });
  if (epsilon !== undefined) numberOption('epsilon', epsilon, { least: 0 });
  if (coefficient === undefined) return;
  numberOption('coefficient', coefficient);
  if (base === undefined)
    throw new DfMergeError(
      'INVALID_ARGUMENT',
      `coefficient ${coefficient}: expected a base beside it, from which the model is moved`,
    );
}
