import { basename, resolve } from 'node:path';
import { writeFileAtomic } from '../core/atomic_write.js';
import type { RunOptions } from '../core/progress.js';
import { evaluateRows, scoringRows, type Evaluation, type OnPartial } from '../engine/evaluate.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import { prepareSplit, type DataOptions } from '../tasks/prepared_split.js';
import type { SplitName } from '../tasks/rows.js';
import { tokenizerOf } from '../tasks/tokenize.js';

/** Options of `evaluate`. */
export interface EvaluateOptions extends RunOptions, ComputeOptions, DataOptions {
  /** Model folder. */
  model: string;
  /** Task folder. */
  data: string;
  /** Default validation. */
  split?: SplitName;
  /** File that gets a JSON line per example, in order. */
  details?: string;
  /** Called after each batch with the rows scored and the right ones among them; true ends the evaluation there. */
  onPartial?: OnPartial;
}

/**
 * Accuracy of a model on a split of a task: the choice of lowest NLL per label token, against the label.
 * Errors: those of Session.open and loadSplit; NUMERIC, ABORTED.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const session = await Session.open(options.model, [], options);
  try {
    const split = await prepareSplit(await tokenizerOf(session), options.data, options.split ?? 'validation', {
      cache: options.cache,
    });
    await session.load(0, options.signal);
    const evaluation = await evaluateRows(session, scoringRows(session, split.rows, split.all), {
      ...options,
      subject: basename(resolve(options.data)),
    });
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
