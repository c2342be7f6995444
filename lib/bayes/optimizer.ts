import { OptimizerError } from './errors.js';
import type { AcquisitionName } from './acquisition.js';
import { Mt19937 } from './random.js';
import type { Steps } from './steps.js';
import { SobolSequence } from './sobol.js';
import { suggestCompat, suggestDefault, type Experience } from './suggest.js';

/** 'default' is this library's method, 'bayes_opt' that of the Python package bayes_opt 3.x, which the paper used. */
export type OptimizerMode = 'default' | 'bayes_opt';

export interface BayesianOptimizerOptions {
  /** One [low, high] per coordinate, finite, low < high. */
  bounds: readonly (readonly [number, number])[];
  /** An integer in [0, 2^32); every random choice follows from it. Default 1. */
  seed?: number;
  /** Default 'ei'. In mode 'default' it is maximised as its logarithm, which has the same maximum, so that 'ei' and 'logei' are one. */
  acquisition?: AcquisitionName;
  /**
   * ξ ≥ 0, the improvement that EI asks for beyond the best. It is in units of the objective in mode 'bayes_opt', and in standard
   * deviations of the values told so far in mode 'default'. Default 0.01.
   */
  xi?: number;
  /** κ ≥ 0, the standard deviations that UCB adds to the mean. Default 2.576. */
  kappa?: number;
  /**
   * How many trials, at least 1, are spread over the box before the model is used. They are Sobol points, and those of MT19937 in mode
   * 'bayes_opt'. Default 10.
   */
  init?: number;
  mode?: OptimizerMode;
}

/** A point tried and what came of it. */
export interface Observation {
  x: number[];
  y: number;
}

/** All that an optimizer knows. It survives JSON unchanged. */
export interface OptimizerState {
  version: 1;
  options: Required<BayesianOptimizerOptions>;
  told: Observation[];
  pending: number[][];
}

/**
 * Maximises a function over a box, where each evaluation is costly, by Bayesian optimisation (paper, eq. 9-12): `ask` for a point, evaluate it,
 * `tell` its value. Several points may be asked for before the first is told.
 *
 * A suggestion depends on the options, on the list of (x, y) told, in order, and on the points pending, and on nothing else: an optimizer
 * that is built anew and told the same trials goes on with the same bits.
 */
export class BayesianOptimizer {
  private readonly options: Required<BayesianOptimizerOptions>;
  private readonly lower: Float64Array;
  private readonly upper: Float64Array;
  private readonly told: Observation[] = [];
  private readonly pending: number[][] = [];

  /** @throws OptimizerError INVALID_ARGUMENT for an option out of its range */
  constructor(options: BayesianOptimizerOptions) {
    this.options = checkOptions(options);
    this.lower = Float64Array.from(this.options.bounds, (b) => b[0]);
    this.upper = Float64Array.from(this.options.bounds, (b) => b[1]);
  }

  /**
   * An optimizer that goes on where {@link BayesianOptimizer.state} was taken.
   * @throws OptimizerError INVALID_ARGUMENT for a state that no optimizer can have been in
   */
  static from(state: OptimizerState): BayesianOptimizer {
    if (!isObject(state)) throw invalid(`The state must be an object that state() has made, got ${shown(state)}.`);
    if (state.version !== 1)
      throw invalid(`Optimizer state has version ${shown(state.version)}; this release reads version 1.`);
    if (!Array.isArray(state.told) || !state.told.every(isObject) || !Array.isArray(state.pending))
      throw invalid('Optimizer state lacks its lists told and pending.');
    const optimizer = new BayesianOptimizer(state.options);
    for (const { x, y } of state.told) optimizer.tell(x, y);
    for (const x of state.pending) optimizer.addPending(x);
    return optimizer;
  }

  /** A copy of all that it knows, from which {@link BayesianOptimizer.from} makes an optimizer that goes on with the same bits. */
  state(): OptimizerState {
    return structuredClone({ version: 1 as const, options: this.options, told: this.told, pending: this.pending });
  }

  /** The greatest value told so far and its point, of equal ones the earliest; undefined before the first. */
  get best(): Observation | undefined {
    let best: Observation | undefined;
    for (const trial of this.told) if (!best || trial.y > best.y) best = trial;
    return best && { x: [...best.x], y: best.y };
  }

  /** The next point to try, one number per coordinate, within the bounds; it is pending until told. */
  ask(): number[] {
    for (const steps = this.askInSteps(); ;) {
      const { done, value } = steps.next();
      if (done) return value;
    }
  }

  /**
   * Does as `ask` in many short steps, between which it yields: with hundreds of trials told, finding a point takes seconds. Nothing may be asked,
   * told or added before it has returned.
   */
  *askInSteps(): Generator<void, number[]> {
    const trial = this.told.length + this.pending.length;
    const starts = trial < this.options.init || this.told.length === 0;
    const x = starts ? this.startPoint(trial) : yield* this.suggest(trial);
    this.pending.push(x);
    return [...x];
  }

  /**
   * Records that x is being tried, as after `ask`.
   * @throws OptimizerError INVALID_ARGUMENT when x is out of bounds or of the wrong length
   */
  addPending(x: readonly number[]): void {
    this.pending.push(this.checkPoint(x));
  }

  /**
   * Records that the objective is y at x; x need not have been asked for.
   * @throws OptimizerError INVALID_ARGUMENT when y is not finite, or x is out of bounds or of the wrong length
   */
  tell(x: readonly number[], y: number): void {
    const point = this.checkPoint(x);
    if (!Number.isFinite(y))
      throw invalid(`The objective's value must be a finite number, got ${shown(y)} at [${x.join(', ')}].`);
    const asked = this.pending.findIndex((p) => samePoint(p, point));
    if (asked >= 0) this.pending.splice(asked, 1);
    this.told.push({ x: point, y: y + 0 });
  }

  private startPoint(trial: number): number[] {
    const d = this.lower.length;
    if (this.options.mode === 'bayes_opt') {
      const random = new Mt19937(this.options.seed);
      for (let i = 0; i < trial * d; i++) random.next();
      return this.fromUnit(Float64Array.from({ length: d }, () => random.next()));
    }
    return this.fromUnit(new SobolSequence(d, this.options.seed).point(trial));
  }

  private *suggest(trial: number): Steps<number[]> {
    const { acquisition, xi, kappa, seed, mode } = this.options;
    const settings = { acquisition, xi, kappa, seed, trial };
    if (mode === 'bayes_opt') {
      const told = this.experience((x) => x);
      return this.clip(yield* suggestCompat(told, settings, { lower: this.lower, upper: this.upper }));
    }
    const told = this.experience((x, j) => this.toUnit(x, j));
    return this.fromUnit(yield* suggestDefault(told, settings));
  }

  private experience(map: (x: number, j: number) => number): Experience {
    return {
      points: Float64Array.from(this.told.flatMap(({ x }) => x.map(map))),
      targets: Float64Array.from(this.told, ({ y }) => y),
      pending: Float64Array.from(this.pending.flatMap((x) => x.map(map))),
    };
  }

  private toUnit(x: number, j: number): number {
    return (x - this.lower[j]) / (this.upper[j] - this.lower[j]);
  }

  private fromUnit(u: Float64Array): number[] {
    return this.clip(u.map((v, j) => this.lower[j] + v * (this.upper[j] - this.lower[j])));
  }

  /** Moves x back where rounding stepped over a bound; adding 0 turns −0, which JSON does not keep, into 0. */
  private clip(x: Float64Array): number[] {
    return Array.from(x, (v, j) => Math.min(Math.max(v, this.lower[j]), this.upper[j]) + 0);
  }

  private checkPoint(x: readonly number[]): number[] {
    const d = this.lower.length;
    if (!Array.isArray(x)) throw invalid(`A point x must be an array of ${d} coordinates, got ${shown(x)}.`);
    if (x.length !== d) throw invalid(`A point needs ${d} coordinates, got ${x.length}.`);
    x.forEach((v: number, j) => {
      if (!(typeof v === 'number' && v >= this.lower[j] && v <= this.upper[j])) {
        throw invalid(`Coordinate ${j} is ${shown(v)}, outside of its bounds [${this.lower[j]}, ${this.upper[j]}].`);
      }
    });
    return x.map((v: number) => v + 0);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as an error shows it, whatever it is. */
function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function samePoint(a: readonly number[], b: readonly number[]): boolean {
  return a.every((v, j) => v === b[j]);
}

const OPTIONS = ['bounds', 'seed', 'acquisition', 'xi', 'kappa', 'init', 'mode'];

function checkOptions(options: BayesianOptimizerOptions): Required<BayesianOptimizerOptions> {
  if (!isObject(options)) throw invalid(`The options must be an object with bounds, got ${shown(options)}.`);
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw invalid(`${unknown} is no option; expected only ${OPTIONS.join(', ')}.`);
  const { bounds, seed = 1, acquisition = 'ei', xi = 0.01, kappa = 2.576, init = 10, mode = 'default' } = options;
  const pairs = Array.isArray(bounds) && bounds.every((pair) => Array.isArray(pair) && pair.length === 2);
  if (!pairs) throw invalid('bounds must be an array of [low, high] pairs.');
  if (bounds.length === 0) throw invalid('bounds needs at least one [low, high] pair.');
  bounds.forEach(([low, high], j) => {
    if (!(Number.isFinite(low) && Number.isFinite(high) && low < high && Number.isFinite(high - low))) {
      throw invalid(
        `bounds[${j}] is [${shown(low)}, ${shown(high)}]; both ends must be finite, and the first the smaller.`,
      );
    }
  });
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    throw invalid(`seed must be an integer from 0 to 4294967295, got ${shown(seed)}.`);
  }
  if (!['ei', 'logei', 'ucb'].includes(acquisition))
    throw invalid(`acquisition must be ei, logei or ucb, got ${shown(acquisition)}.`);
  if (!['default', 'bayes_opt'].includes(mode)) throw invalid(`mode must be default or bayes_opt, got ${shown(mode)}.`);
  if (!(Number.isFinite(xi) && xi >= 0)) throw invalid(`xi must be a finite number of at least 0, got ${shown(xi)}.`);
  if (!(Number.isFinite(kappa) && kappa >= 0))
    throw invalid(`kappa must be a finite number of at least 0, got ${shown(kappa)}.`);
  if (!(Number.isInteger(init) && init >= 1))
    throw invalid(`init must be an integer of at least 1, got ${shown(init)}.`);
  return { bounds: bounds.map(([low, high]) => [low, high] as const), seed, acquisition, xi, kappa, init, mode };
}

function invalid(message: string): OptimizerError {
  return new OptimizerError('INVALID_ARGUMENT', message);
}
