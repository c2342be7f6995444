import { fitMap } from './fit.js';
import { GaussianProcess } from './gp.js';
import { Random } from './random.js';
import { SobolSequence } from './sobol.js';
import type { Steps } from './steps.js';
import { spread } from './suggest.js';

/** How much each coordinate has to do with the value of a function over a box. */
export interface Importance {
  /**
   * Total Sobol indices: the share of the function's variance, over a box whose points are all equally likely, in which a coordinate has a part,
   * alone or together with others. They add up to 1 or more.
   */
  total: number[];
  /** First-order Sobol indices: the share that is due to the coordinate alone. They add up to 1 or less. */
  first: number[];
}

/** What a model of a search's objective says of the coordinates, and how far it can be believed. */
export interface ModelImportance extends Importance {
  /**
   * How well the model predicts each trial from all others: 1 less the mean squared error over the variance of the values. Near 1 it predicts
   * them; at 0 or below it is no better than their mean, and its importances mean nothing.
   */
  predictive: number;
}

/** Points in each of the two samples of the estimators; a power of two keeps Sobol points even. */
const SAMPLES = 2048;
const SEED = 1;
/** Which random numbers the fit draws its starts from: those of no trial. */
const FIT = 0x1a9;

/**
 * The importance of each coordinate by the process that suggestions are made from: a Gaussian process with a Matérn 5/2 kernel and a length scale
 * per coordinate, fitted to all trials. Its posterior mean is taken for the objective, and its Sobol indices are estimated by quasi-Monte Carlo.
 *
 * @param trials points within the bounds and the objective there
 * @returns undefined where there is nothing to learn from: fewer than 2 (d + 1) trials, or values that are all equal
 */
export function* importanceOf(
  trials: readonly { x: readonly number[]; y: number }[],
  bounds: readonly (readonly [number, number])[],
): Steps<ModelImportance | undefined> {
  const d = bounds.length;
  const values = Float64Array.from(trials, ({ y }) => y);
  const { mean, std } = spread(values);
  if (trials.length < 2 * (d + 1) || values.every((value) => value === values[0])) return undefined;
  const points = Float64Array.from(
    trials.flatMap(({ x }) => x.map((value, j) => (value - bounds[j][0]) / (bounds[j][1] - bounds[j][0]))),
  );
  const targets = values.map((value) => (value - mean) / std);
  const fit = yield* fitMap({ points, targets }, new Random(SEED, trials.length, FIT));
  const process = yield* GaussianProcess.of({ points, targets }, fit.parameters, fit.mean);
  const indices = yield* sobolIndices((x) => process.meanAt(x), d);
  const errors = yield* process.leftOutErrors();
  const predictive = 1 - errors.reduce((sum, error) => sum + error ** 2, 0) / targets.length;
  return indices && { ...indices, predictive };
}

/**
 * Sobol indices of a function on the unit cube of `d` dimensions (Sobol' 1993): the total ones by Jansen's estimator, the first-order ones by
 * Saltelli's (2010), over two scrambled Sobol samples that are independent of each other. The same function gives the same bits.
 * @returns undefined where the function is constant
 */
export function* sobolIndices(f: (x: Float64Array) => number, d: number): Steps<Importance | undefined> {
  const sequence = new SobolSequence(2 * d, SEED);
  const both = new Float64Array(2 * d);
  const mixed = new Float64Array(d);
  const values: { one: number; other: number; mixed: number[] }[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    sequence.write(i, both);
    const [one, other] = [both.subarray(0, d), both.subarray(d)];
    const exchanged = Array.from({ length: d }, (_, j) => {
      mixed.set(one);
      mixed[j] = other[j];
      return f(mixed);
    });
    values.push({ one: f(one), other: f(other), mixed: exchanged });
    yield;
  }
  const { mean, std } = spread(Float64Array.from(values.flatMap(({ one, other }) => [one, other])));
  if (values.every(({ one }) => Math.abs(one - mean) <= 1e-9 * Math.max(1, Math.abs(mean)))) return undefined;
  const share = (part: (value: (typeof values)[number]) => number) =>
    Math.min(1, Math.max(0, values.reduce((sum, value) => sum + part(value), 0) / (SAMPLES * std ** 2)));
  const total = Array.from({ length: d }, (_, j) => share(({ one, mixed: at }) => (one - at[j]) ** 2 / 2));
  const first = total.map((_, j) => share(({ one, other, mixed: at }) => (other - mean) * (at[j] - one)));
  return { total, first: first.map((alone, j) => Math.min(alone, total[j])) };
}
