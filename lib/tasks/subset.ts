import { DfMergeError } from '../core/errors.js';
import { Pace } from '../core/pace.js';
import { RandomStream } from '../core/random_stream.js';

/** What decides which rows are drawn, and how fast. */
export interface Draw {
  /** The run's seed. */
  seed: number;
  task: string;
  /** The pace of the work, which is that of a work that nothing ends by default. */
  pace?: Pace;
}

/** How many rows are drawn before the clock is read. */
const ROWS = 256;

/** 0.07 · 100 is a hair over 7 in floating point, and means 7. */
const ROUNDING = 1e-9;

/**
 * Takes a share of a task's rows. Shares are nested: with the same seed and task, the rows of a smaller ratio are among those of a larger.
 * @param n how many rows there are
 * @param ratio the share, in (0, 1]; ceil(ratio · n) rows are taken
 * @param draw.task the task's name
 * @returns the indices of the rows, in ascending order
 * Errors: INVALID_ARGUMENT for a ratio outside (0, 1]; the reason of the pace's signal.
 */
export async function subsetRows(n: number, ratio: number, draw: Draw): Promise<number[]> {
  if (!(ratio > 0 && ratio <= 1))
    throw new DfMergeError('INVALID_ARGUMENT', `subset ratio is ${ratio}; expected a number over 0 and up to 1`);
  return drawn(n, Math.ceil(ratio * n - ROUNDING), { ...draw, from: 'subset' });
}

/**
 * Draws the rows that a task's Fisher is measured on, once per run and without replacement. They come from a stream of their own, so that
 * they stay the same when anything else draws more or less.
 * @param n how many rows there are
 * @param samples how many to draw; 'all', n or more takes every row
 * @returns the indices of the rows, in ascending order
 * Errors: INVALID_ARGUMENT for a number of samples that is no positive integer; the reason of the pace's signal.
 */
export async function drawFisherRows(n: number, samples: number | 'all', draw: Draw): Promise<number[]> {
  if (samples !== 'all' && !(Number.isInteger(samples) && samples > 0))
    throw new DfMergeError('INVALID_ARGUMENT', `Fisher samples is ${samples}; expected a positive integer or "all"`);
  return drawn(n, samples === 'all' ? n : samples, { ...draw, from: 'fisher' });
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * The first `k` rows of an order that starts anywhere and goes on in steps of the golden ratio, which spreads every prefix evenly over the
 * file. Files are often sorted by class or source: an even spread then holds every class in its share, which plain drawing does only on
 * average.
 */
async function drawn(
  n: number,
  k: number,
  { seed, task, from, pace = new Pace() }: Draw & { from: string },
): Promise<number[]> {
  if (k >= n) return Array.from({ length: n }, (_, i) => i);
  const start = new RandomStream(seed, from, task).nextUint32() / 2 ** 32;
  const taken = new Uint8Array(n);
  for (let i = 0; i < k; i++) {
    let row = Math.floor(((start + i * GOLDEN) % 1) * n);
    while (taken[row]) row = (row + 1) % n;
    taken[row] = 1;
    if (i % ROWS === 0 && pace.isOver) await pace.rest();
  }
  return pace.filter(taken.keys(), (row) => taken[row] === 1);
}
