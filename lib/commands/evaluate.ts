import { checkCall, DATA_KINDS, HANDLER, oneOf, PATH, FLAG } from '../core/kinds.js';
import { basename, resolve } from 'node:path';
import { writeFileAtomic } from '../core/atomic_write.js';
import { assertFileSpares } from '../core/inputs.js';
import { Course, inStage } from '../core/course.js';
import type { RunOptions } from '../core/progress.js';
import { dataInput, modelInput } from '../run/inputs.js';
import { scoringCost } from '../engine/batch.js';
import { evaluateRows, scoringRows, type Evaluation, type OnPartial } from '../engine/evaluate.js';
import { COMPUTE_KINDS, Session, type ComputeOptions } from '../engine/session.js';
import { checkChoices, checkLabels } from '../tasks/degenerate.js';
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
  /** A file that gets a JSON line per example, in order. */
  details?: string;
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
 * Errors: those of Session.open and loadSplit; NUMERIC.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  checkCall('evaluate', options, { kinds: KINDS, needed: ['model', 'data'] });
  if (options.details !== undefined) {
    const inputs = [await modelInput(options.model, 'the model'), dataInput(options.data, 'the data')];
    await assertFileSpares(options.details, inputs);
  }
  const session = await Session.open(options.model, [], options);
  try {
    const tokenizer = await tokenizerOf(session);
    const split = await prepareSplit(tokenizer, options.data, {
      split: options.split ?? 'validation',
      cache: options.cache,
      signal: options.signal,
    });
    const looked = { ...split, task: basename(resolve(options.data)) };
    const judging = await judgingBy(session, { ...options, tokenizer });
    checkChoices(looked, judging);
    checkLabels(looked, judging);
    await session.load(0, options.signal);
    const rows = scoringRows(session, split.rows, split.all);
    const course = new Course(options.onProgress);
    course.plan([{ stage: 'evaluation', work: [{ phase: 'evaluate', cost: scoringCost(rows) }] }]);
    const run = inStage({ ...options, onProgress: course.report }, 'evaluation');
    const evaluation = await evaluateRows(session, rows, { ...run, subject: basename(resolve(options.data)) });
    if (options.details !== undefined)
      await writeFileAtomic(
        options.details,
        evaluation.results.map((result) => `${JSON.stringify(result)}\n`).join(''),
      );
    return evaluation;
  } finally {
    session.close();
  }
}
