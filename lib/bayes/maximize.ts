import type { Steps } from './steps.js';

/**
 * Bounded smooth optimisation: the problem that L-BFGS-B solves (Byrd, Lu, Nocedal & Zhu 1995), solved by limited-memory BFGS with a two-metric
 * projection (Bertsekas 1982; Schmidt, Kim & Sra 2011). Coordinates held at a bound by the gradient take a plain gradient step, the
 * others a quasi-Newton step built from pairs restricted to them, and the whole step is projected onto the box with backtracking.
 * No maintained npm package that takes bounds was found. For the 1 to 40 coordinates here the original's search for the Cauchy point
 * would not pay.
 */

/** Returns f(x) and writes its gradient; −∞, +∞ and NaN are allowed and never accepted as progress. */
export type Objective = (x: Float64Array, gradient: Float64Array) => Steps<number>;

/** Bounds of each coordinate, [n] each. */
export interface Box {
  lower: Float64Array;
  upper: Float64Array;
}

export interface MaximizeOptions {
  maxIterations?: number;
  /** The climb stops when the projected gradient step is at most this long in every coordinate. */
  gradientTolerance?: number;
  /** The climb stops when an iteration gains at most this, relative to max(1, |f|). */
  valueTolerance?: number;
  /** Length of the first trial step, in the units of x. */
  firstStep?: number;
}

export interface Maximum {
  x: Float64Array;
  value: number;
  /** How often the objective was called. */
  evaluations: number;
}

const MEMORY = 8;
const MAX_BACKTRACKS = 25;
const SUFFICIENT_GAIN = 1e-4;
/** A coordinate this close to a bound that its gradient pushes against is treated as held there. */
const NEAR_BOUND = 1e-10;

/**
 * Climbs from `start`, which is moved into the box where it lies outside, to a local maximum of `objective` in the box.
 * @returns `start` itself, with its value, when the objective is not finite there
 */
export function maximize(objective: Objective, start: Float64Array, options: Box & MaximizeOptions): Steps<Maximum> {
  return new Ascent(objective, start, options).run(options);
}

class Ascent {
  private readonly lower: Float64Array;
  private readonly upper: Float64Array;
  private x: Float64Array;
  private gradient: Float64Array;
  private trial: Float64Array;
  private trialGradient: Float64Array;
  private readonly direction: Float64Array;
  private readonly free: Uint8Array;
  private readonly steps: Float64Array[] = [];
  private readonly changes: Float64Array[] = [];
  private readonly weights = new Float64Array(MEMORY);
  private value = -Infinity;
  private evaluations = 1;

  constructor(
    private readonly objective: Objective,
    start: Float64Array,
    { lower, upper }: Box,
  ) {
    const n = start.length;
    this.lower = lower;
    this.upper = upper;
    this.x = start.map((x, i) => Math.min(Math.max(x, lower[i]), upper[i]));
    this.gradient = new Float64Array(n);
    this.trial = new Float64Array(n);
    this.trialGradient = new Float64Array(n);
    this.direction = new Float64Array(n);
    this.free = new Uint8Array(n);
  }

  *run(options: MaximizeOptions): Steps<Maximum> {
    const { maxIterations = 100, gradientTolerance = 1e-6, valueTolerance = 1e-10, firstStep = 0.1 } = options;
    this.value = yield* this.objective(this.x, this.gradient);
    for (let i = 0; i < maxIterations && Number.isFinite(this.value); i++) {
      if (this.projectedGradient() <= gradientTolerance) break;
      this.findFree();
      const quasiNewton = this.computeDirection(firstStep);
      const before = this.value;
      if (!(yield* this.search())) {
        // Stale curvature is the usual reason; one restart from steepest ascent, and then the point is taken as it is.
        if (!quasiNewton) break;
        this.steps.length = 0;
        this.changes.length = 0;
        continue;
      }
      if (this.value - before <= valueTolerance * Math.max(1, Math.abs(this.value))) break;
    }
    return { x: this.x, value: this.value, evaluations: this.evaluations };
  }

  private projectedGradient(): number {
    let longest = 0;
    for (let i = 0; i < this.x.length; i++) {
      const to = Math.min(Math.max(this.x[i] + this.gradient[i], this.lower[i]), this.upper[i]);
      longest = Math.max(longest, Math.abs(to - this.x[i]));
    }
    return longest;
  }

  private findFree(): void {
    for (let i = 0; i < this.x.length; i++) {
      const g = this.gradient[i];
      const held =
        (g < 0 && this.x[i] - this.lower[i] <= NEAR_BOUND) || (g > 0 && this.upper[i] - this.x[i] <= NEAR_BOUND);
      this.free[i] = held ? 0 : 1;
    }
  }

  private freeDot(a: Float64Array, b: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < a.length; i++) if (this.free[i]) sum += a[i] * b[i];
    return sum;
  }

  /** The two-loop recursion (Nocedal & Wright 2006, alg. 7.4) over the free coordinates. @returns whether any curvature was used */
  private computeDirection(firstStep: number): boolean {
    const { direction: q, steps, changes, weights } = this;
    for (let i = 0; i < q.length; i++) q[i] = this.free[i] ? this.gradient[i] : 0;
    let scale = 0;
    for (let p = steps.length - 1; p >= 0; p--) {
      const curvature = this.freeDot(steps[p], changes[p]);
      weights[p] = NaN;
      if (curvature <= 1e-12 * this.freeDot(steps[p], steps[p])) continue;
      if (scale === 0) scale = curvature / this.freeDot(changes[p], changes[p]);
      weights[p] = this.freeDot(steps[p], q) / curvature;
      for (let i = 0; i < q.length; i++) if (this.free[i]) q[i] -= weights[p] * changes[p][i];
    }
    const quasiNewton = scale > 0;
    if (!quasiNewton) scale = firstStep / Math.sqrt(this.freeDot(this.gradient, this.gradient) || 1);
    for (let i = 0; i < q.length; i++) q[i] *= scale;
    for (let p = 0; p < steps.length; p++) {
      if (Number.isNaN(weights[p])) continue;
      const correction = weights[p] - this.freeDot(changes[p], q) / this.freeDot(steps[p], changes[p]);
      for (let i = 0; i < q.length; i++) if (this.free[i]) q[i] += correction * steps[p][i];
    }
    for (let i = 0; i < q.length; i++) if (!this.free[i]) q[i] = this.gradient[i];
    return quasiNewton;
  }

  /** Backtracking along the projected path until the gain is a fair part of what the gradient promised; then moves there. */
  private *search(): Steps<boolean> {
    let length = 1;
    for (let attempt = 0; attempt < MAX_BACKTRACKS; attempt++) {
      let promised = 0;
      for (let i = 0; i < this.x.length; i++) {
        const to = this.x[i] + length * this.direction[i];
        this.trial[i] = Math.min(Math.max(to, this.lower[i]), this.upper[i]);
        promised += this.gradient[i] * (this.trial[i] - this.x[i]);
      }
      if (!(promised > 0)) return false;
      const value = yield* this.objective(this.trial, this.trialGradient);
      this.evaluations++;
      if (Number.isFinite(value) && value >= this.value + SUFFICIENT_GAIN * promised) {
        this.accept(value);
        return true;
      }
      // The parabola through f, f' here and f there, kept within a tenth and a half of the step.
      const shortfall = this.value + promised - value;
      const fraction = Number.isFinite(shortfall) ? promised / (2 * shortfall) : 0.1;
      length *= Math.min(0.5, Math.max(0.1, fraction));
    }
    return false;
  }

  private accept(value: number): void {
    const n = this.x.length;
    const recycled = this.steps.length === MEMORY;
    const step = (recycled ? this.steps.shift() : undefined) ?? new Float64Array(n);
    const change = (recycled ? this.changes.shift() : undefined) ?? new Float64Array(n);
    for (let i = 0; i < n; i++) {
      step[i] = this.trial[i] - this.x[i];
      // The change of the gradient of −f, so that a maximum has positive curvature.
      change[i] = this.gradient[i] - this.trialGradient[i];
    }
    this.steps.push(step);
    this.changes.push(change);
    [this.x, this.trial] = [this.trial, this.x];
    [this.gradient, this.trialGradient] = [this.trialGradient, this.gradient];
    this.value = value;
  }
}
