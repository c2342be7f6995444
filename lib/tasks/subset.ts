import { DfMergeError } from '../core/errors.js';
import { RandomStream } from '../core/random_stream.js';

/** 0.07 · 100 is a hair over 7 in floating point, and means 7. */
const ROUNDING = 1e-9;

/**
 * Takes a share of a task's rows. Shares are nested: with the same seed and task, the rows of a smaller ratio are among those of a larger.
 * @param n how many rows there are
 * @param ratio the share, in (0, 1]; ceil(ratio · n) rows are taken
 * @param stream.task the task's name
 * @returns the indices of the rows, in ascending order
 * Errors: INVALID_ARGUMENT for a ratio outside (0, 1].
 */
export function subsetRows(n: number, ratio: number, stream: { seed: number; task: string }): number[] {
  if (!(ratio > 0 && ratio <= 1))
    throw new DfMergeError('INVALID_ARGUMENT', `subset ratio is ${ratio}; expected a number over 0 and up to 1`);
  return draw(n, Math.ceil(ratio * n - ROUNDING), new RandomStream(stream.seed, 'subset', stream.task));
}

/**
 * Draws the rows that a task's Fisher is measured on, once per run and without replacement. They come from a stream of their own, so that
 * they stay the same when anything else draws more or less.
 * @param n how many rows there are
 * @param samples how many to draw; 'all', n or more takes every row
 * @returns the indices of the rows, in ascending order
 * Errors: INVALID_ARGUMENT for a number of samples that is no positive integer.
 */
export function drawFisherRows(n: number, samples: number | 'all', stream: { seed: number; task: string }): number[] {
  if (samples !== 'all' && !(Number.isInteger(samples) && samples > 0))
    throw new DfMergeError('INVALID_ARGUMENT', `Fisher samples is ${samples}; expected a positive integer or "all"`);
  return draw(n, samples === 'all' ? n : samples, new RandomStream(stream.seed, 'fisher', stream.task));
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * The first `k` rows of an order that starts anywhere and goes on in steps of the golden ratio, which spreads every prefix evenly over the
 * file. Files are often sorted by class or source: an even spread then holds every class in its share, which plain drawing does only on
 * average.
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
