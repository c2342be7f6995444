import { mix32 } from '../core/random.js';
import { acquisitionOf, type Acquisition, type AcquisitionName } from './acquisition.js';
import { fitIsotropic, fitMap, type Fit } from './fit.js';
import { GaussianProcess, newPosterior } from './gp.js';
import type { TrainingSet } from './likelihood.js';
import { maximize, type Box, type Maximum } from './maximize.js';
import { Mt19937, Random } from './random.js';
import type { Steps } from './steps.js';
import { SobolSequence } from './sobol.js';

/**
 * The points told, with their targets, which are to be maximised, and the points that are still awaited. A suggestion is made from this
 * and its settings and from nothing else, so that the same values give the same point.
 */
export interface Experience extends TrainingSet {
  /** Points that were asked for and not yet told, [m, d]. */
  pending: Float64Array;
}

export interface SuggestSettings {
  acquisition: AcquisitionName;
  xi: number;
  kappa: number;
  seed: number;
  /** The number of this trial, counted from 0; with `seed` it names the random stream. */
  trial: number;
}

/** How many Sobol points are scored over the whole cube. */
const CANDIDATES = 512;
/** How many perturbations of the best points told are scored, and how many points are perturbed. */
const LOCAL_CANDIDATES = 256;
const LOCAL_PARENTS = 5;
/** How many climbs start from the best candidates, half of them from each kind. */
const ASCENTS = 8;
/** Points closer than this in every coordinate of the unit cube are the same trial. */
const APART = 1e-4;

/**
 * The next point by the default, modern method, all coordinates in the unit cube.
 *
 * Targets are standardised; the ARD process is fitted by {@link fitMap}; LogEI serves both 'ei' and 'logei' since they have the same
 * maximum and only LogEI has a gradient far from it. ξ is in standard deviations of the targets, so that a suggestion does not change
 * when the objective is shifted or scaled. The incumbent is the greatest posterior mean at a told point, which noise cannot inflate.
 * Candidates are scrambled Sobol points and perturbations of the best points told, down to 1/1000 of the cube; the best of both climb
 * by bounded quasi-Newton steps. A maximum where a trial was already made or is pending is passed over for the next best: a merge
 * evaluated twice on the same data scores the same.
 */
export function* suggestDefault(experience: Experience, settings: SuggestSettings): Steps<Float64Array> {
  const n = experience.targets.length;
  const d = experience.points.length / n;
  const { points, pending } = experience;
  const targets = standardise(experience.targets);
  const random = new Random(settings.seed, settings.trial, 1);
  const fit = yield* fitMap({ points, targets }, random);
  const belief = newPosterior(d);

  const told = yield* GaussianProcess.of({ points, targets }, fit.parameters, fit.mean);
  const means = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    told.posterior(points.subarray(i * d, (i + 1) * d), belief);
    means[i] = belief.mean;
    yield;
  }
  const incumbent = Math.max(...means);
  const gp = (yield* withPending({ points, targets, pending }, fit, incumbent)) ?? told;
  const name = settings.acquisition === 'ei' ? 'logei' : settings.acquisition;
  const surface = { gp, acquisition: acquisitionOf(name, { incumbent, xi: settings.xi, kappa: settings.kappa }) };

  const candidates = defaultCandidates({ points, means }, settings, random);
  const worth = yield* scoreAll(surface, candidates);
  const starts = [
    ...topOf(worth, ASCENTS / 2, { from: 0, to: CANDIDATES }),
    ...topOf(worth, ASCENTS / 2, { from: CANDIDATES, to: worth.length }),
  ];
  const box = { lower: new Float64Array(d), upper: new Float64Array(d).fill(1) };
  const maxima = yield* climb(surface, rowsOf(candidates, starts, d), box);
  const isNew = (x: Float64Array): boolean => distance(x, points) > APART && distance(x, pending) > APART;
  const found = maxima.find(({ x }) => isNew(x));
  if (found) return found.x;
  return rowsOf(candidates, topOf(worth, worth.length), d).find(isNew) ?? maxima[0].x;
}

/** Points [n, d] with their posterior means [n]. */
interface Believed {
  points: Float64Array;
  means: Float64Array;
}

/** The candidates [CANDIDATES + LOCAL_CANDIDATES, d]: Sobol points, and then perturbations of the best points. */
function defaultCandidates(told: Believed, settings: SuggestSettings, random: Random): Float64Array {
  const d = told.points.length / told.means.length;
  const candidates = new Float64Array((CANDIDATES + LOCAL_CANDIDATES) * d);
  const sobol = new SobolSequence(d, mix32(settings.seed, settings.trial + 1));
  for (let i = 0; i < CANDIDATES; i++) sobol.write(i, candidates, i * d);
  perturbBest(told, random, candidates.subarray(CANDIDATES * d));
  return candidates;
}

/** The greatest difference in a coordinate between x [d] and the nearest of the points [n, d]; +∞ where there are none. */
function distance(x: Float64Array, points: Float64Array): number {
  const d = x.length;
  let nearest = Infinity;
  for (let i = 0; i < points.length; i += d) {
    let longest = 0;
    for (let j = 0; j < d; j++) longest = Math.max(longest, Math.abs(x[j] - points[i + j]));
    nearest = Math.min(nearest, longest);
  }
  return nearest;
}

const COMPAT_CANDIDATES = 10_000;
const COMPAT_ASCENTS = 10;

/**
 * The next point as bayes_opt 3.x finds it: isotropic process on coordinates as given, acquisition in units of the targets, 10,000
 * uniform points of which the best 10 climb. The random numbers are those of MT19937, seeded anew for each trial.
 */
export function* suggestCompat(experience: Experience, settings: SuggestSettings, box: Box): Steps<Float64Array> {
  const d = box.lower.length;
  const { points, pending } = experience;
  const targets = standardise(experience.targets);
  const random = new Mt19937(mix32(settings.seed, settings.trial));
  const fit = yield* fitIsotropic({ points, targets }, random);
  const incumbent = Math.max(...targets);
  const gp =
    (yield* withPending({ points, targets, pending }, fit, incumbent)) ??
    (yield* GaussianProcess.of({ points, targets }, fit.parameters));
  // Everything stays in standard deviations: it moves no maximum, and tolerances then mean the same for any objective.
  const xi = settings.xi / spread(experience.targets).std;
  const surface = { gp, acquisition: acquisitionOf(settings.acquisition, { incumbent, xi, kappa: settings.kappa }) };

  const candidates = new Float64Array(COMPAT_CANDIDATES * d);
  for (let i = 0; i < candidates.length; i++) {
    const j = i % d;
    candidates[i] = box.lower[j] + (box.upper[j] - box.lower[j]) * random.next();
  }
  const starts = topOf(yield* scoreAll(surface, candidates), COMPAT_ASCENTS);
  return (yield* climb(surface, rowsOf(candidates, starts, d), box))[0].x;
}

/**
 * The process with a lie told for each pending point, so that workers at once are sent to different places: the constant liar of
 * Ginsbourger et al. (2010), whose best lie was the incumbent's value. Hyperparameters stay those of the truth.
 * @returns undefined when nothing is pending
 */
function* withPending(told: Experience, fit: Fit, lie: number): Steps<GaussianProcess | undefined> {
  if (told.pending.length === 0) return undefined;
  const points = new Float64Array(told.points.length + told.pending.length);
  points.set(told.points);
  points.set(told.pending, told.points.length);
  const targets = new Float64Array((points.length / told.points.length) * told.targets.length).fill(lie);
  targets.set(told.targets);
  return yield* GaussianProcess.of({ points, targets }, fit.parameters, fit.mean);
}

/** Mean and population standard deviation; 1 in place of a deviation that is zero but for rounding. */
export function spread(y: Float64Array): { mean: number; std: number } {
  const mean = y.reduce((sum, v) => sum + v, 0) / y.length;
  const std = Math.sqrt(y.reduce((sum, v) => sum + (v - mean) ** 2, 0) / y.length);
  return { mean, std: std > 1e-12 * Math.max(Math.abs(mean), Number.MIN_VALUE) ? std : 1 };
}

function standardise(y: Float64Array): Float64Array {
  const { mean, std } = spread(y);
  return y.map((v) => (v - mean) / std);
}

/** Fills `out` [count, d] with copies of the best points, each moved in some of its coordinates by a normal step of a random size. */
function perturbBest({ points, means }: Believed, random: Random, out: Float64Array): void {
  const d = points.length / means.length;
  const parents = topOf(means, LOCAL_PARENTS);
  for (let i = 0; i < out.length / d; i++) {
    const parent = parents[i % parents.length] * d;
    const size = 10 ** (-3 + 2.5 * random.next());
    // At least one coordinate moves; on average half do, so that points on a face of the cube can stay there.
    const always = Math.floor(random.next() * d);
    for (let j = 0; j < d; j++) {
      const moved = j === always || random.next() < 0.5 ? size * random.nextNormal() : 0;
      out[i * d + j] = Math.min(Math.max(points[parent + j] + moved, 0), 1);
    }
  }
}

/** The worth of every point of the box, by the belief about it. */
interface Surface {
  gp: GaussianProcess;
  acquisition: Acquisition;
}

/** The worth of each candidate, [n] for candidates [n, d]. */
function* scoreAll({ gp, acquisition }: Surface, candidates: Float64Array): Steps<Float64Array> {
  const { d } = gp;
  const belief = newPosterior(d);
  const worth = new Float64Array(candidates.length / d);
  for (let i = 0; i < worth.length; i++) {
    gp.posterior(candidates.subarray(i * d, (i + 1) * d), belief);
    worth[i] = acquisition(belief);
    yield;
  }
  return worth;
}

/** Indices of the `count` greatest of values[from .. to), the greatest first and, of equal ones, the earlier first. */
function topOf(values: Float64Array, count: number, { from, to } = { from: 0, to: values.length }): number[] {
  const order = Array.from({ length: to - from }, (_, i) => from + i);
  return order.sort((a, b) => (values[a] === values[b] ? a - b : values[b] - values[a])).slice(0, count);
}

/** Copies of some rows of points [n, d]. */
function rowsOf(points: Float64Array, rows: number[], d: number): Float64Array[] {
  return rows.map((i) => points.slice(i * d, (i + 1) * d));
}

/** The local maxima reached from the starts, greatest first. */
function* climb({ gp, acquisition }: Surface, starts: Float64Array[], box: Box): Steps<Maximum[]> {
  const belief = newPosterior(gp.d);
  const objective = function* (x: Float64Array, gradient: Float64Array): Steps<number> {
    yield;
    gp.posterior(x, belief, true);
    return acquisition(belief, gradient);
  };
  const maxima: Maximum[] = [];
  for (const start of starts)
    maxima.push(yield* maximize(objective, start, { ...box, maxIterations: 60, valueTolerance: 1e-9 }));
  return maxima.sort((a, b) => (a.value === b.value ? 0 : b.value - a.value));
}
