import { DfMergeError } from '../core/errors.js';
import { RandomStream } from '../core/random_stream.js';

const ROUNDING = 1e-9; // 0.07 · 100 is a hair over 7 and means 7

/**
 * A share of a task's rows, nested: with the same seed and task, a smaller ratio's rows are among a larger one's.
 * @param n rows there are
 * @param ratio in (0, 1]; ceil(ratio · n) rows are taken
 * @param stream.task the task's name
 * @returns row indices, ascending
 * Errors: INVALID_ARGUMENT for a ratio outside (0, 1].
 */
export function subsetRows(n: number, ratio: number, stream: { seed: number; task: string }): number[] {
  if (!(ratio > 0 && ratio <= 1))
    throw new DfMergeError('INVALID_ARGUMENT', `subset ratio is ${ratio}; expected a number over 0 and up to 1`);
  return draw(n, Math.ceil(ratio * n - ROUNDING), new RandomStream(stream.seed, 'subset', stream.task));
}

/**
 * The rows that a task's Fisher is measured on: drawn once per run, without replacement, from a stream of their own, so
 * that they do not move when anything else draws more or less.
 * @param n rows there are
 * @param samples how many to draw; 'all', n or more takes every row
 * @returns row indices, ascending
 * Errors: INVALID_ARGUMENT for a number of samples that is no positive integer.
 */
export function drawFisherRows(n: number, samples: number | 'all', stream: { seed: number; task: string }): number[] {
  if (samples !== 'all' && !(Number.isInteger(samples) && samples > 0))
    throw new DfMergeError('INVALID_ARGUMENT', `Fisher samples is ${samples}; expected a positive integer or "all"`);
  return draw(n, samples === 'all' ? n : samples, new RandomStream(stream.seed, 'fisher', stream.task));
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * The first `k` rows of an order that starts anywhere and spreads every prefix evenly over the file (steps of the golden ratio): files are
 * often sorted by class or source, and an even spread then has every class in its share, which plain drawing has only on average.
 */
function draw(n: number, k: number, stream: RandomStream): number[] {
  if (k >= n) return Array.from({ length: n }, (_, i) => i);
  const start = stream.nextUint32() / 2 ** 32;
  const taken = new Set<number>();
  for (let i = 0; taken.size < k; i++) {
    let row = Math.floor(((start + i * GOLDEN) % 1) * n);
    while (taken.has(row)) row = (row + 1) % n;
    taken.add(row);
  }
  return [...taken].sort((a, b) => a - b);
}
