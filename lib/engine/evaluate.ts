import { batched, type BatchedRows, type TokenizedRows } from './batch.js';
import { DfMergeError } from '../core/errors.js';
import { checkArgument, type Kind } from '../core/kinds.js';
import { Pace } from '../core/pace.js';
import type { Session } from './session.js';
import type { RunOptions } from '../core/progress.js';

/** The model's answer to one row. */
export interface ExampleResult {
  /** The row's index in the split. */
  index: number;
  /** The NLL of each choice, which is a sum over its label tokens, `</s>` included. */
  nll: number[];
  /** L, the number of label tokens of each choice. */
  tokens: number[];
  /** The index of the choice of lowest NLL / L, the first of equals. */
  prediction: number;
  /** The index of the right choice, or -1 where the row has no label. */
  label: number;
}

/** How far a scoring has come, in rows. */
export interface PartialEvaluation {
  done: number;
  total: number;
  /** How many of the rows done are answered rightly. */
  correct: number;
}

/** Is called after each batch, and ends the scoring there by returning true. */
export type OnPartial = (partial: PartialEvaluation) => boolean | void;

/** What a scoring found. */
export interface Evaluation {
  /** The fraction of the labelled examples that are answered rightly; NaN, which JSON would turn into null, where none has a label. */
  accuracy: number;
  /** How many examples have a label. */
  examples: number;
  results: ExampleResult[];
  /** A bitset for paired comparisons: bit i & 7 of byte i >> 3, counted from the lowest, says whether results[i] is right. */
  correct: Uint8Array;
  /** True where onPartial ended the scoring before the last row. All the rest then covers only the rows scored until then, the longest ones. */
  stopped?: true;
}

const NUMBERS: Kind<ArrayLike<number>> = {
  expected: 'a list of at least one number',
  accepts: (value): value is ArrayLike<number> =>
    (Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value)) &&
    Array.prototype.every.call(value, (number) => typeof number === 'number') &&
    value.length !== 0,
};

/** The index of the lowest NLL / L, the first of equals. Errors: INVALID_ARGUMENT for lists that are none or not of one length. */
export function predict(nll: ArrayLike<number>, tokens: ArrayLike<number>): number {
  checkArgument('predict', ['nll', nll], NUMBERS);
  checkArgument('predict', ['tokens', tokens], NUMBERS);
  if (nll.length !== tokens.length)
    throw new DfMergeError('INVALID_ARGUMENT', `predict: tokens has ${tokens.length} numbers; expected ${nll.length}`);
  let best = 0;
  for (let c = 1; c < nll.length; c++) if (nll[c] / tokens[c] < nll[best] / tokens[best]) best = c;
  return best;
}

/** Cuts rows `indices` of a split into the batches of a scoring pass. */
export function scoringRows(
  session: Session,
  split: { rows: TokenizedRows; indices: readonly number[] },
  signal?: AbortSignal,
): Promise<BatchedRows> {
  return batched(split, session.scoreBudget(), new Pace(signal));
}

/**
 * Scores rows that scoringRows has cut with the session's current parameters, batch by batch, longest rows first.
 * Errors: NUMERIC naming the row where a score is not finite.
 */
export async function evaluateRows(
  session: Session,
  { rows, indices, batches }: BatchedRows,
  options: RunOptions & { subject?: string; onPartial?: OnPartial } = {},
): Promise<Evaluation> {
  const { signal, onProgress, onPartial, subject } = options;
  const byRow = new Map<number, ExampleResult>();
  let correct = 0;
  let scored = 0;
  for (const [done, { indices: members, batch }] of batches.entries()) {
    onProgress?.({ phase: 'evaluate', done, total: batches.length, subject });
    const scores = await session.job((engine) => engine.score(batch), signal);
    members.forEach((index, i) => {
      const nll = Array.from(scores.subarray(batch.choiceOffsets[i], batch.choiceOffsets[i + 1]));
      if (!nll.every(Number.isFinite))
        throw new DfMergeError('NUMERIC', `${subject ?? 'evaluation'}: row ${index + 1} scores ${nll.join(', ')}`);
      const tokens = rows.choices[index].map((ids) => ids.length);
      const result = { index, nll, tokens, prediction: predict(nll, tokens), label: rows.labels[index] };
      byRow.set(index, result);
      if (result.prediction === result.label) correct++;
    });
    scored++;
    if (onPartial?.({ done: byRow.size, total: indices.length, correct })) break;
  }
  onProgress?.({ phase: 'evaluate', done: scored, total: batches.length, subject });
  const evaluation = summarize(indices.flatMap((index) => byRow.get(index) ?? []));
  return scored < batches.length ? { ...evaluation, stopped: true } : evaluation;
}

function summarize(results: ExampleResult[]): Evaluation {
  const correct = new Uint8Array(Math.ceil(results.length / 8));
  let right = 0;
  results.forEach(({ prediction, label }, i) => {
    if (prediction !== label) return;
    right++;
    correct[i >> 3] |= 1 << (i & 7);
  });
  const examples = results.filter(({ label }) => label >= 0).length;
  return { accuracy: examples > 0 ? right / examples : Number.NaN, examples, results, correct };
}
