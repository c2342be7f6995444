import { acquisitionOf, type Acquisition, type AcquisitionName } from './acquisition.js';
import { fitIsotropic, fitMap, type Fit } from './fit.js';
import { GaussianProcess, newPosterior, type Posterior } from './gp.js';
import { maximize, type Maximum } from './maximize.js';
import { Mt19937, mix32, Random } from './random.js';
import { SobolSequence } from './sobol.js';

/** What a suggestion is made from, and nothing else: the same value gives the same point. */
export interface Experience {
  /** Points told, [n, d]. */
  points: Float64Array;
  /** Their targets [n], to be maximised. */
  targets: Float64Array;
  /** Points asked for and not yet told, [m, d]. */
  pending: Float64Array;
}

export interface SuggestSettings {
  acquisition: AcquisitionName;
  xi: number;
  kappa: number;
  seed: number;
  /** Number of this trial, from 0; with `seed` it names the random stream. */
  trial: number;
}

/** Sobol points scored over the whole cube. */
const CANDIDATES = 512;
/** Perturbations of the best points told, and how many of those are perturbed. */
const LOCAL_CANDIDATES = 256;
const LOCAL_PARENTS = 5;
/** Climbs from the best candidates, half of them of each kind. */
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
export function suggestDefault(experience: Experience, settings: SuggestSettings): Float64Array {
  const n = experience.targets.length;
  const d = experience.points.length / n;
  const targets = standardise(experience.targets);
  const random = new Random(settings.seed, settings.trial, 1);
  const fit = fitMap(experience.points, targets, random);
  const belief = newPosterior(d);

  const told = new GaussianProcess(experience.points, targets, fit.parameters, fit.mean);
  const means = Float64Array.from(targets, (_, i) => {
    told.posterior(experience.points.subarray(i * d, (i + 1) * d), belief);
    return belief.mean;
  });
  const incumbent = Math.max(...means);
  const gp = withPending(experience, targets, fit, incumbent) ?? told;
  const name = settings.acquisition === 'ei' ? 'logei' : settings.acquisition;
  const acquisition = acquisitionOf(name, { incumbent, xi: settings.xi, kappa: settings.kappa });

  const candidates = defaultCandidates(experience.points, means, settings, random);
  const worth = scoreAll(gp, acquisition, candidates, d, belief);
  const starts = [
    ...topOf(worth, 0, CANDIDATES, ASCENTS / 2),
    ...topOf(worth, CANDIDATES, CANDIDATES + LOCAL_CANDIDATES, ASCENTS / 2),
  ];
  const box = { lower: new Float64Array(d), upper: new Float64Array(d).fill(1) };
  const maxima = climb(gp, acquisition, rowsOf(candidates, starts, d), box);
  const isNew = (x: Float64Array): boolean =>
    distance(x, experience.points) > APART && distance(x, experience.pending) > APART;
  const found = maxima.find(({ x }) => isNew(x));
  if (found) return found.x;
  return rowsOf(candidates, topOf(worth, 0, worth.length, worth.length), d).find(isNew) ?? maxima[0].x;
}

/** Sobol points, then perturbations of the best of `points`, [CANDIDATES + LOCAL_CANDIDATES, d]. */
function defaultCandidates(
  points: Float64Array,
  means: Float64Array,
  settings: SuggestSettings,
  random: Random,
): Float64Array {
  const d = points.length / means.length;
  const candidates = new Float64Array((CANDIDATES + LOCAL_CANDIDATES) * d);
  const sobol = new SobolSequence(d, mix32(settings.seed, settings.trial + 1));
  for (let i = 0; i < CANDIDATES; i++) sobol.write(i, candidates, i * d);
  perturbBest(points, means, random, candidates.subarray(CANDIDATES * d));
  return candidates;
}

/** Greatest difference in a coordinate from x [d] to the nearest of points [n, d]; +∞ to no points. */
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
 * uniform points of which the best 10 climb. The random numbers are MT19937's, of a stream of their own per trial.
 *
 * @param box bounds of the coordinates, [d] each
 */
export function suggestCompat(
  experience: Experience,
  settings: SuggestSettings,
  box: { lower: Float64Array; upper: Float64Array },
): Float64Array {
  const d = box.lower.length;
  const targets = standardise(experience.targets);
  const random = new Mt19937(mix32(settings.seed, settings.trial));
  const fit = fitIsotropic(experience.points, targets, random);
  const incumbent = Math.max(...targets);
  const gp =
    withPending(experience, targets, fit, incumbent) ?? new GaussianProcess(experience.points, targets, fit.parameters);
  // Everything stays in standard deviations: it moves no maximum, and tolerances then mean the same for any objective.
  const xi = settings.xi / spread(experience.targets).std;
  const acquisition = acquisitionOf(settings.acquisition, { incumbent, xi, kappa: settings.kappa });

  const candidates = new Float64Array(COMPAT_CANDIDATES * d);
  for (let i = 0; i < candidates.length; i++) {
    const j = i % d;
    candidates[i] = box.lower[j] + (box.upper[j] - box.lower[j]) * random.next();
  }
  const worth = scoreAll(gp, acquisition, candidates, d, newPosterior(d));
  const starts = topOf(worth, 0, COMPAT_CANDIDATES, COMPAT_ASCENTS);
  return climb(gp, acquisition, rowsOf(candidates, starts, d), box)[0].x;
}

/**
 * The process with a lie told for each pending point, so that workers at once are sent to different places: the constant liar of
 * Ginsbourger et al. (2010), whose best lie was the incumbent's value. Hyperparameters stay those of the truth.
 * @returns undefined when nothing is pending
 */
function withPending(
  experience: Experience,
  targets: Float64Array,
  fit: Fit,
  lie: number,
): GaussianProcess | undefined {
  if (experience.pending.length === 0) return undefined;
  const n = targets.length;
  const points = new Float64Array(experience.points.length + experience.pending.length);
  points.set(experience.points);
  points.set(experience.pending, experience.points.length);
  const all = new Float64Array((points.length / experience.points.length) * n).fill(lie);
  all.set(targets);
  return new GaussianProcess(points, all, fit.parameters, fit.mean);
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
function perturbBest(points: Float64Array, means: Float64Array, random: Random, out: Float64Array): void {
  const d = points.length / means.length;
  const parents = topOf(means, 0, means.length, LOCAL_PARENTS);
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

function scoreAll(
  process: GaussianProcess,
  acquisition: Acquisition,
  candidates: Float64Array,
  d: number,
  belief: Posterior,
): Float64Array {
  const worth = new Float64Array(candidates.length / d);
  for (let i = 0; i < worth.length; i++) {
    process.posterior(candidates.subarray(i * d, (i + 1) * d), belief);
    worth[i] = acquisition(belief);
  }
  return worth;
}

/** Indices of the `count` greatest values of values[from .. to), greatest first, earlier first on ties. */
function topOf(values: Float64Array, from: number, to: number, count: number): number[] {
  const order = Array.from({ length: to - from }, (_, i) => from + i);
  return order.sort((a, b) => (values[a] === values[b] ? a - b : values[b] - values[a])).slice(0, count);
}

/** Copies of rows of points [n, d]. */
function rowsOf(points: Float64Array, rows: number[], d: number): Float64Array[] {
  return rows.map((i) => points.slice(i * d, (i + 1) * d));
}

/** The local maxima reached from the starts, greatest first. */
function climb(
  process: GaussianProcess,
  acquisition: Acquisition,
  starts: Float64Array[],
  box: { lower: Float64Array; upper: Float64Array },
): Maximum[] {
  const belief = newPosterior(box.lower.length);
  const objective = (x: Float64Array, gradient: Float64Array): number => {
    process.posterior(x, belief, true);
    return acquisition(belief, gradient);
  };
  const maxima = starts.map((start) => maximize(objective, start, box, { maxIterations: 60, valueTolerance: 1e-9 }));
  return maxima.sort((a, b) => (a.value === b.value ? 0 : b.value - a.value));
}
