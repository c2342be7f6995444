import { OptimizerError } from './errors.js';
import { crossCovariance, gramMatrix, scalePoints } from './kernel.js';
import type { Hyperparameters, TrainingSet } from './likelihood.js';
import type { Steps } from './steps.js';
import { cholesky, dot, inverseFromCholesky, solveLower, solveLowerTransposed } from './linalg.js';

/** A normal belief about f(x), with its gradients by x where they were asked for. */
export interface Posterior {
  mean: number;
  /** Standard deviation of f itself, without noise; exactly 0 where rounding leaves no positive variance. */
  std: number;
  meanGradient: Float64Array;
  stdGradient: Float64Array;
}

/** An empty {@link Posterior} for points of d coordinates. */
export function newPosterior(d: number): Posterior {
  return { mean: 0, std: 0, meanGradient: new Float64Array(d), stdGradient: new Float64Array(d) };
}

/**
 * A Gaussian process with constant mean, conditioned on targets at points (Rasmussen & Williams 2006, alg. 2.1). Means and
 * deviations are in the units of the targets.
 */
export class GaussianProcess {
  private readonly n: number;
  /** Coordinates of a point. */
  readonly d: number;
  private readonly scaled: Float64Array;
  private readonly factor: Float64Array;
  private readonly alpha: Float64Array;
  private readonly scaledX: Float64Array;
  private readonly covariance: Float64Array;
  private readonly slope: Float64Array;

  private constructor(
    { scaled, factor, targets }: Factored,
    readonly parameters: Hyperparameters,
    readonly mean: number,
  ) {
    const n = targets.length;
    const d = parameters.lengthScales.length;
    this.n = n;
    this.d = d;
    this.scaled = scaled;
    this.factor = factor;
    this.alpha = targets.map((y) => y - mean);
    solveLower(this.factor, n, this.alpha);
    solveLowerTransposed(this.factor, n, this.alpha);
    this.scaledX = new Float64Array(d);
    this.covariance = new Float64Array(n);
    this.slope = new Float64Array(n);
  }

  /**
   * Conditions a process, which keeps copies of what it needs of the points and targets.
   * @param mean the constant prior mean
   * @throws OptimizerError NUMERIC when the covariance stays indefinite even with noise raised to 1e-2
   */
  static *of({ points, targets }: TrainingSet, parameters: Hyperparameters, mean = 0): Steps<GaussianProcess> {
    const scaled = new Float64Array(points.length);
    scalePoints(points, parameters.lengthScales, scaled);
    const factor = yield* factorCovariance(scaled, targets.length, parameters);
    return new GaussianProcess({ scaled, factor, targets }, parameters, mean);
  }

  /** Writes the belief at x [d] to `out`, with both gradients when `withGradient`. */
  posterior(x: Float64Array, out: Posterior, withGradient = false): void {
    const { n, d, covariance: k, slope, scaledX } = this;
    const { lengthScales, signal } = this.parameters;
    for (let j = 0; j < d; j++) scaledX[j] = x[j] / lengthScales[j];
    crossCovariance(this.scaled, scaledX, { values: k, slopes: withGradient ? slope : undefined });
    for (let i = 0; i < n; i++) k[i] *= signal;
    out.mean = this.mean + dot(k, this.alpha, n);
    solveLower(this.factor, n, k);
    out.std = Math.sqrt(Math.max(signal - dot(k, k, n), 0));
    if (!withGradient) return;
    solveLowerTransposed(this.factor, n, k);
    this.differentiate(out);
  }

  /** The mean of the belief at x [d], without its deviation. */
  meanAt(x: Float64Array): number {
    const { d, covariance: k, scaledX } = this;
    const { lengthScales, signal } = this.parameters;
    for (let j = 0; j < d; j++) scaledX[j] = x[j] / lengthScales[j];
    crossCovariance(this.scaled, scaledX, { values: k });
    return this.mean + signal * dot(k, this.alpha, this.n);
  }

  /** For each target [n] what is left of it where it is predicted from all others, α_i / (K⁻¹)_ii (Rasmussen & Williams 2006, eq. 5.12). */
  *leftOutErrors(): Steps<Float64Array> {
    const { n, factor, alpha } = this;
    const inverse = new Float64Array(n * n);
    yield* inverseFromCholesky(factor, n, { inverse, work: new Float64Array(n * n) });
    return alpha.map((value, i) => value / inverse[i * n + i]);
  }

  /** With v = K⁻¹ k(x): ∂mean = Σ α_i ∂k_i and ∂std = −Σ v_i ∂k_i / std, where ∂k_i = −signal c(r_i) (x − x_i) / ℓ². */
  private differentiate(out: Posterior): void {
    const { n, d, scaled, scaledX, slope, alpha, covariance: v } = this;
    const { lengthScales, signal } = this.parameters;
    const byMean = out.meanGradient.fill(0);
    const byStd = out.stdGradient.fill(0);
    for (let i = 0; i < n; i++) {
      const meanWeight = -signal * slope[i] * alpha[i];
      const stdWeight = signal * slope[i] * v[i];
      for (let j = 0; j < d; j++) {
        const difference = scaledX[j] - scaled[i * d + j];
        byMean[j] += meanWeight * difference;
        byStd[j] += stdWeight * difference;
      }
    }
    for (let j = 0; j < d; j++) {
      byMean[j] /= lengthScales[j];
      byStd[j] = out.std > 0 ? byStd[j] / (lengthScales[j] * out.std) : 0;
    }
  }
}

/** Targets, the points over their length scales, and the factor of their covariance. */
interface Factored {
  scaled: Float64Array;
  factor: Float64Array;
  targets: Float64Array;
}

/** The Cholesky factor of K. Rounding can make a K with tiny noise indefinite: noise is then raised tenfold until it is not. */
function* factorCovariance(
  scaled: Float64Array,
  n: number,
  { lengthScales, signal, noise }: Hyperparameters,
): Steps<Float64Array> {
  const factor = new Float64Array(n * n);
  for (let extra = 0; extra <= 1e-2; extra = extra === 0 ? 1e-10 : extra * 10) {
    yield* gramMatrix(scaled, lengthScales.length, { values: factor });
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) factor[i * n + j] *= signal;
      factor[i * n + i] = signal * (1 + noise + extra);
    }
    if (yield* cholesky(factor, n)) return factor;
  }
  throw new OptimizerError('NUMERIC', `The covariance matrix of the ${n} trials could not be factored.`);
}
