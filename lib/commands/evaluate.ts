import { checkCall, DATA_KINDS, HANDLER, oneOf, PATH, FLAG } from '../core/kinds.js';
import { basename, resolve } from 'node:path';
import { Course, inStage } from '../core/course.js';
import { writeOutputLines } from '../core/output_file.js';
import type { RunOptions } from '../core/progress.js';
import { scoringCost } from '../engine/batch.js';
import { checkTask, type TaskCheckResult, type UsedSplit } from '../run/check_task.js';
import { passSeconds } from '../run/estimate.js';
import { assertTaskRunnable, type PlannedTaskRun } from '../run/preflight_task.js';
import { evaluateRows, scoringRows, type Evaluation, type OnPartial } from '../engine/evaluate.js';
import { checkComputeOptions, COMPUTE_KINDS, Session, type ComputeOptions } from '../engine/session.js';
import { checkChoices, checkLabels, type Judging, type LookedAt } from '../tasks/degenerate.js';
import { judgingBy } from '../tasks/prepare.js';
import { prepareSplit, type DataOptions } from '../tasks/prepared_split.js';
import { SPLITS, type SplitName } from '../tasks/rows.js';
import { tokenizerOf } from '../tasks/tokenize.js';

/** Options of `evaluate`. */
export interface EvaluateOptions extends RunOptions, ComputeOptions, DataOptions {
  /** The model's folder. */
  model: string;
  /** The task's folder. */
  data: string;
  /** The split to score. The default is validation. */
  split?: SplitName;
  /** A file that gets a JSON line per example, in order. A device, a FIFO or a socket is written through. */
  details?: string;
  /** Whether `details` may replace a file. */
  overwrite?: boolean;
  /** Is called after each batch with the rows scored and the right ones among them, and ends the evaluation there by returning true. */
  onPartial?: OnPartial;
}

const KINDS = {
  ...COMPUTE_KINDS,
  ...DATA_KINDS,
  model: PATH,
  data: PATH,
  split: oneOf(SPLITS),
  details: PATH,
  overwrite: FLAG,
  onPartial: HANDLER,
};

/**
 * Measures the accuracy of a model on a split of a task. The model's answer is the choice of lowest NLL per label token.
 * Errors: those of Session.open and loadSplit; NUMERIC; EXISTS and IO for `details`.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  checkCall('evaluate', options, { kinds: KINDS, needed: ['model', 'data'] });
  checkComputeOptions(options);
  const { split: name = 'validation' } = options;
  await assertTaskRunnable(plannedRun(options), options);
  const session = await Session.open(options.model, [], options);
  try {
    const tokenizer = await tokenizerOf(session);
    const split = await prepareSplit(tokenizer, options.data, {
      split: name,
      cache: options.cache,
      signal: options.signal,
    });
    const looked = { ...split, task: basename(resolve(options.data)) };
    const judging = await judgingBy(session, { ...options, tokenizer });
    await checkChoices(looked, judging);
    await checkLabels(looked, judging);
    await session.load(0, options.signal);
    const rows = await scoringRows(session, { rows: split.rows, indices: split.all }, options.signal);
    const course = new Course(options.onProgress);
    course.plan([{ stage: 'evaluation', work: [{ phase: 'evaluate', cost: scoringCost(rows) }] }]);
    const run = inStage({ ...options, onProgress: course.report }, 'evaluation');
    const evaluation = await evaluateRows(session, rows, { ...run, subject: basename(resolve(options.data)) });
    if (options.details !== undefined) await writeOutputLines(options.details, jsonLines(evaluation.results), options);
    return evaluation;
  } finally {
    session.close();
  }
}

/**
 * Checks what `evaluate` would do and all that it reads, without scoring more than a few batches to measure the time.
 * Errors: INVALID_ARGUMENT for options, and the reason of a signal that has fired; what is wrong otherwise is in the result.
 */
export async function checkEvaluate(options: EvaluateOptions): Promise<TaskCheckResult> {
  checkCall('checkEvaluate', options, { kinds: KINDS, needed: ['model', 'data'] });
  checkComputeOptions(options);
  const { signal } = options;
  const look = async (looked: LookedAt, judging: Judging) => {
    await checkChoices(looked, judging);
    await checkLabels(looked, judging);
  };
  const seconds = async (session: Session, [split]: readonly UsedSplit[]) => {
    await session.load(0, signal);
    const rows = await scoringRows(session, split, signal);
    return passSeconds(rows, (part) => evaluateRows(session, part, { signal }));
  };
  return checkTask({ run: plannedRun(options), needLabels: false, look, seconds }, options);
}

function plannedRun({ model, data, details, overwrite, split = 'validation' }: EvaluateOptions): PlannedTaskRun {
  // A row's details are about as long as the row.
  const bytes = (_parameters: number, rows: number) => rows;
  const output = details === undefined ? undefined : ({ path: details, kind: 'file', overwrite, bytes } as const);
  return { model, data, splits: [split], vectors: 2, output };
}

function* jsonLines(values: Iterable<unknown>): Generator<string> {
  for (const value of values) yield `${JSON.stringify(value)}\n`;
}
