import {
  cholesky,
  dot,
  inSteps,
  inverseFromCholesky,
  solveLower,
  solveLowerTransposed,
  sumLogDiagonal,
} from './linalg.js';
import { gramMatrix, scalePoints } from './kernel.js';
import type { Steps } from './steps.js';

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/** What a process is conditioned on. */
export interface TrainingSet {
  /** Rows [n, d]. */
  points: Float64Array;
  /** One value per point, [n]. */
  targets: Float64Array;
}

/** Covariance K = signal (C + noise I), C the Matérn 5/2 Gram matrix: `noise` is relative to the signal variance. */
export interface Hyperparameters {
  /** One length scale per coordinate, in the units of the points. */
  lengthScales: Float64Array;
  /** Signal variance, in squared units of the targets. */
  signal: number;
  /** Noise variance over signal variance. */
  noise: number;
}

/** Derivatives of the log marginal likelihood by the logarithms of the hyperparameters. */
export interface LikelihoodGradient {
  logLengthScales: Float64Array;
  logSignal: number;
  logNoise: number;
}

/**
 * The log marginal likelihood of targets y [n] at points [n, d] (Rasmussen & Williams 2006, eq. 5.8):
 * −½ (y−m)ᵀ K⁻¹ (y−m) − ½ log|K| − n/2 log 2π. It holds the
 * work arrays, so that repeated calls allocate no matrix.
 */
export class MarginalLikelihood {
  private readonly points: Float64Array;
  private readonly targets: Float64Array;
  private readonly gram: Float64Array;
  private readonly slope: Float64Array;
  private readonly factor: Float64Array;
  private readonly inverse: Float64Array;
  private readonly work: Float64Array;
  private readonly scaled: Float64Array;
  private readonly alpha: Float64Array;
  private readonly ones: Float64Array;
  /** The constant mean m of the last call. */
  mean = 0;

  /**
   * @param meanVariance variance of the zero-centred normal prior on the constant mean m, which is set to its best value for each K
   *   and adds −m² / (2 meanVariance); 0 keeps m = 0
   */
  constructor(
    { points, targets }: TrainingSet,
    private readonly meanVariance = 0,
  ) {
    const n = targets.length;
    this.points = points;
    this.targets = targets;
    this.gram = new Float64Array(n * n);
    this.slope = new Float64Array(n * n);
    this.factor = new Float64Array(n * n);
    this.inverse = new Float64Array(n * n);
    this.work = new Float64Array(n * n);
    this.scaled = new Float64Array(points.length);
    this.alpha = new Float64Array(n);
    this.ones = new Float64Array(n);
  }

  /**
   * The log marginal likelihood of the hyperparameters, whose derivatives are written to `gradient` where it is given.
   * @returns −∞ when K is not positive definite to working precision; `gradient` is then left as it was
   */
  *evaluate(parameters: Hyperparameters, gradient?: LikelihoodGradient): Steps<number> {
    const n = this.targets.length;
    const { signal, noise, lengthScales } = parameters;
    const { gram, factor, alpha } = this;
    scalePoints(this.points, lengthScales, this.scaled);
    yield* gramMatrix(this.scaled, lengthScales.length, { values: gram, slopes: gradient ? this.slope : undefined });
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) factor[i * n + j] = signal * gram[i * n + j];
      factor[i * n + i] = signal * (1 + noise);
    }
    if (!(yield* cholesky(factor, n))) return -Infinity;

    this.mean = this.bestMean();
    for (let i = 0; i < n; i++) alpha[i] = this.targets[i] - this.mean;
    solveLower(factor, n, alpha);
    const fit = dot(alpha, alpha, n);
    solveLowerTransposed(factor, n, alpha);
    const prior = this.meanVariance > 0 ? (this.mean * this.mean) / (2 * this.meanVariance) : 0;
    if (gradient) yield* this.differentiate(parameters, gradient);
    return -0.5 * fit - sumLogDiagonal(factor, n) - n * HALF_LOG_2PI - prior;
  }

  /** The best mean is m = 1ᵀK⁻¹y / (1ᵀK⁻¹1 + 1/meanVariance). At the best m its own derivative is zero, so gradients need no term for it. */
  private bestMean(): number {
    if (this.meanVariance === 0) return 0;
    const n = this.targets.length;
    const { ones, alpha, factor } = this;
    ones.fill(1);
    alpha.set(this.targets);
    solveLower(factor, n, ones);
    solveLower(factor, n, alpha);
    return dot(ones, alpha, n) / (dot(ones, ones, n) + 1 / this.meanVariance);
  }

  /** The derivative by θ is ½ tr((α αᵀ − K⁻¹) ∂K/∂θ) (Rasmussen & Williams 2006, eq. 5.9), taken for all θ in one sweep over pairs. */
  private *differentiate(parameters: Hyperparameters, gradient: LikelihoodGradient): Steps<void> {
    const n = this.targets.length;
    const { signal, noise, lengthScales } = parameters;
    const { scaled, alpha, slope, gram } = this;
    const d = lengthScales.length;
    yield* inverseFromCholesky(this.factor, n, { inverse: this.inverse, work: this.work });
    const byLength = gradient.logLengthScales.fill(0);
    let bySignal = 0;
    let trace = 0;
    const pairsOf = (i: number): void => {
      let sum = bySignal; // A variable of this round alone stays in a register.
      for (let j = 0; j < i; j++) {
        // The pair stands in both triangles of K, hence no ½.
        const weight = (alpha[i] * alpha[j] - this.inverse[i * n + j]) * signal;
        sum += weight * gram[i * n + j];
        const pull = weight * slope[i * n + j];
        for (let k = 0; k < d; k++) {
          const difference = scaled[i * d + k] - scaled[j * d + k];
          byLength[k] += pull * difference * difference;
        }
      }
      bySignal = sum;
      trace += (alpha[i] * alpha[i] - this.inverse[i * n + i]) * signal;
    };
    yield* inSteps(n, (i) => i * (d + 4), pairsOf);
    gradient.logSignal = bySignal + 0.5 * trace * (1 + noise);
    gradient.logNoise = 0.5 * trace * noise;
  }
}
