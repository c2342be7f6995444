import { atOnce } from '../core/pace.js';
import { RandomStream } from '../core/random_stream.js';
import { sum } from '../core/statistics.js';

/** Two models on the same rows: what one of them answers rightly and the other does not. */
export interface PairedCounts {
  /** Rows that the first answers rightly and the second does not. */
  gained: number;
  /** Rows that the second answers rightly and the first does not. */
  lost: number;
  /** All rows. */
  rows: number;
}

/** A difference of accuracies, the first model's less the second's, and how easily chance alone makes one as large. */
export interface PairedTest {
  difference: number;
  /** Two-sided: the probability of a difference at least as large, either way, if the models were equally good. */
  p: number;
}

/** How many times the permutation test draws. */
const DRAWS = 100_000;

/** Counts where two bitsets in base64, lowest bit first, differ; undefined where one of them does not have the length of `rows` bits. */
export function pairedCounts(first: string, second: string, rows: number): PairedCounts | undefined {
  const [a, b] = [first, second].map((text) => Buffer.from(text, 'base64'));
  const bytes = Math.ceil(rows / 8);
  if (a.length !== bytes || b.length !== bytes) return undefined;
  let [gained, lost] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const [one, other] = [a, b].map((bits) => (bits[row >> 3] >> (row & 7)) & 1);
    if (one > other) gained += 1;
    else if (other > one) lost += 1;
  }
  return { gained, lost, rows };
}

/**
 * McNemar's test, exact: among the rows on which the models differ, each is right on half of them if they are equally good, so that the count
 * is binomial.
 */
export function mcnemar({ gained, lost, rows }: PairedCounts): PairedTest {
  return {
    difference: rows === 0 ? 0 : (gained - lost) / rows,
    p: evenBinomialP(Math.min(gained, lost), gained + lost),
  };
}

/**
 * A paired permutation test, stratified by task, of the difference of mean accuracies over tasks: were the models equally good, the two answers
 * to a row could change places, so that the rows of each task on which they differ fall to either side as a coin does. The p value counts,
 * among 100,000 draws from a fixed seed, those whose difference is at least as large, with the one that was seen. For one task it is McNemar's.
 */
export function meanDifference(tasks: readonly PairedCounts[]): PairedTest {
  return atOnce(meanDifferenceInSteps(tasks));
}

/** As meanDifference; it yields after every thousand draws. */
export function* meanDifferenceInSteps(tasks: readonly PairedCounts[]): Generator<void, PairedTest> {
  if (tasks.length === 1) return mcnemar(tasks[0]);
  const difference = sum(tasks.map(({ gained, lost, rows }) => (gained - lost) / rows)) / tasks.length;
  const random = new RandomStream(0, 'permutation test');
  const flips = tasks.flatMap(({ gained, lost, rows }) => {
    const split = gained + lost;
    return split === 0 ? [] : [{ table: evenBinomialTable(split), split, weight: 1 / (rows * tasks.length) }];
  });
  // What differs in the last bits only, by the order of a sum, is as large.
  const least = Math.abs(difference) - 1e-12;
  let reached = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    let drawn = 0;
    for (const { table, split, weight } of flips) drawn += weight * (2 * quantile(table, random.next()) - split);
    if (Math.abs(drawn) >= least) reached += 1;
    if (draw % 1000 === 999) yield;
  }
  return { difference, p: (reached + 1) / (DRAWS + 1) };
}

/** P(X ≤ k or X ≥ n − k) of a binomial X with n throws of a fair coin, for k ≤ n / 2. */
export function evenBinomialP(k: number, n: number): number {
  if (2 * k >= n) return 1;
  let logarithm = -n * Math.LN2;
  for (let i = 1; i <= k; i++) logarithm += Math.log((n - k + i) / i);
  // From P(X = k) down, each term relative to the first: none of them underflows that counts.
  let [term, terms] = [1, 1];
  for (let j = k; j > 0 && term > 1e-18; j--) terms += term *= j / (n - j + 1);
  return Math.min(1, 2 * Math.exp(logarithm) * terms);
}

/** P(X ≤ k) for k = 0 .. n of n throws of a fair coin. */
function evenBinomialTable(n: number): Float64Array {
  const table = new Float64Array(n + 1);
  const middle = n >> 1;
  // Relative to the middle, and then divided by the whole.
  table[middle] = 1;
  for (let k = middle + 1; k <= n; k++) table[k] = (table[k - 1] * (n - k + 1)) / k;
  for (let k = middle - 1; k >= 0; k--) table[k] = (table[k + 1] * (k + 1)) / (n - k);
  const whole = table.reduce((total, value) => total + value, 0);
  let running = 0;
  for (let k = 0; k <= n; k++) table[k] = running += table[k] / whole;
  return table;
}

/** The first index whose entry of an ascending table exceeds `level`. */
function quantile(table: Float64Array, level: number): number {
  let [low, high] = [0, table.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (table[middle] > level) high = middle;
    else low = middle + 1;
  }
  return low;
}
