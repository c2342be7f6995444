import { maximize, type Maximum } from './maximize.js';
import { MarginalLikelihood, type Hyperparameters, type LikelihoodGradient } from './likelihood.js';
import type { Uniform } from './random.js';

/** Hyperparameters chosen by {@link fitMap} or {@link fitIsotropic}. */
export interface Fit {
  parameters: Hyperparameters;
  /** The constant mean that goes with them. */
  mean: number;
  /** Log marginal likelihood, with the log priors for {@link fitMap}. */
  value: number;
}

/**
 * Length scale prior: log ℓ_j ~ N(√2 + ½ ln d, 3), which grows with the usual distance between points of a d-cube (Hvarfner et al.
 * 2024).
 */
const LENGTH_LOCATION = Math.SQRT2;
const LENGTH_VARIANCE = 3;
/** Noise-to-signal prior, log-normal; as Hvarfner et al. 2024. */
const NOISE_LOCATION = -4;
const NOISE_VARIANCE = 1;
/** Signal variance of standardised targets: log-normal with its mode at 1. */
const SIGNAL_LOCATION = 1;
const SIGNAL_VARIANCE = 1;
/** Variance of the constant mean of standardised targets. */
const MEAN_VARIANCE = 1;
const LOG_LENGTH_BOUNDS: readonly [number, number] = [Math.log(5e-3), Math.log(1e3)];
const LOG_SIGNAL_BOUNDS: readonly [number, number] = [Math.log(0.05), Math.log(100)];
const LOG_NOISE_BOUNDS: readonly [number, number] = [Math.log(1e-6), Math.log(1e2)];

/**
 * Maximum a posteriori hyperparameters of an ARD Matérn 5/2 process with learned signal, noise and mean, from several starts.
 *
 * The priors keep every length scale away from the collapse (ℓ → 0, all points independent) that plain maximum likelihood falls
 * into with few points in many dimensions.
 *
 * @param points [n, d] in the unit cube
 * @param targets [n], standardised
 * @param random draws the starts beyond the first two
 * @param starts at least 1
 */
export function fitMap(points: Float64Array, targets: Float64Array, random: Uniform, starts = 3): Fit {
  const d = points.length / targets.length;
  const likelihood = new MarginalLikelihood(points, targets, MEAN_VARIANCE);
  const parameters: Hyperparameters = { lengthScales: new Float64Array(d), signal: 1, noise: 0 };
  const byLog: LikelihoodGradient = { logLengthScales: new Float64Array(d), logSignal: 0, logNoise: 0 };
  const lengthLocation = LENGTH_LOCATION + 0.5 * Math.log(d);

  const posterior = (theta: Float64Array, gradient: Float64Array): number => {
    readTheta(theta, parameters);
    let value = likelihood.evaluate(parameters, byLog);
    gradient.set(byLog.logLengthScales);
    gradient[d] = byLog.logSignal;
    gradient[d + 1] = byLog.logNoise;
    // Densities of ℓ and of the noise, not of their logarithms: hence −log ℓ and −log noise.
    for (let j = 0; j < d; j++) value += addLogNormal(theta, gradient, j, lengthLocation, LENGTH_VARIANCE);
    value += addLogNormal(theta, gradient, d, SIGNAL_LOCATION, SIGNAL_VARIANCE);
    return value + addLogNormal(theta, gradient, d + 1, NOISE_LOCATION, NOISE_VARIANCE);
  };

  const box = thetaBox(d);
  let best: Maximum | undefined;
  for (let s = 0; s < starts; s++) {
    const start = new Float64Array(d + 2);
    // From the prior's mode, from half of it with little noise, then from anywhere within a factor of four.
    for (let j = 0; j < d; j++) {
      const shift = s === 0 ? 0 : s === 1 ? -Math.LN2 : 2 * Math.log(4) * (random.next() - 0.5);
      start[j] = lengthLocation - LENGTH_VARIANCE + shift;
    }
    start[d + 1] = NOISE_LOCATION - NOISE_VARIANCE - (s === 1 ? 3 : 0);
    const end = maximize(posterior, start, box, { maxIterations: 60, valueTolerance: 1e-7, gradientTolerance: 1e-4 });
    if (!best || end.value > best.value) best = end;
  }
  const { x, value } = best as Maximum;
  readTheta(x, parameters);
  likelihood.evaluate(parameters);
  return { parameters, mean: likelihood.mean, value };
}

function readTheta(theta: Float64Array, out: Hyperparameters): void {
  const d = out.lengthScales.length;
  for (let j = 0; j < d; j++) out.lengthScales[j] = Math.exp(theta[j]);
  out.signal = Math.exp(theta[d]);
  out.noise = Math.exp(theta[d + 1]);
}

function thetaBox(d: number): { lower: Float64Array; upper: Float64Array } {
  const bounds = [...Array.from({ length: d }, () => LOG_LENGTH_BOUNDS), LOG_SIGNAL_BOUNDS, LOG_NOISE_BOUNDS];
  return { lower: Float64Array.from(bounds, (b) => b[0]), upper: Float64Array.from(bounds, (b) => b[1]) };
}

/** Log density, up to a constant, of a log-normal variable whose logarithm is theta[i]; adds its derivative to gradient[i]. */
function addLogNormal(
  theta: Float64Array,
  gradient: Float64Array,
  i: number,
  location: number,
  variance: number,
): number {
  const deviation = theta[i] - location;
  gradient[i] -= 1 + deviation / variance;
  return -theta[i] - (deviation * deviation) / (2 * variance);
}

/** Noise on the diagonal in the compat mode. */
const COMPAT_ALPHA = 1e-6;
const COMPAT_LOG_BOUNDS = Math.log(1e5);
const COMPAT_RESTARTS = 5;

/**
 * The isotropic length scale in [1e-5, 1e5] of greatest marginal likelihood, with unit signal, zero mean and 1e-6 on the diagonal: from
 * ℓ = 1 and 5 log-uniform restarts, as bayes_opt 3.x fits.
 *
 * @param points [n, d]
 * @param targets [n], of mean 0 and standard deviation 1
 */
export function fitIsotropic(points: Float64Array, targets: Float64Array, random: Uniform): Fit {
  const d = points.length / targets.length;
  const likelihood = new MarginalLikelihood(points, targets);
  const parameters = isotropic(d, 1);
  const byLog: LikelihoodGradient = { logLengthScales: new Float64Array(d), logSignal: 0, logNoise: 0 };
  const objective = (theta: Float64Array, gradient: Float64Array): number => {
    parameters.lengthScales.fill(Math.exp(theta[0]));
    const value = likelihood.evaluate(parameters, byLog);
    gradient[0] = byLog.logLengthScales.reduce((sum, g) => sum + g, 0);
    return value;
  };
  const box = { lower: Float64Array.of(-COMPAT_LOG_BOUNDS), upper: Float64Array.of(COMPAT_LOG_BOUNDS) };
  let best: Maximum = { x: Float64Array.of(0), value: -Infinity, evaluations: 0 };
  for (let s = 0; s <= COMPAT_RESTARTS; s++) {
    const start = Float64Array.of(s === 0 ? 0 : COMPAT_LOG_BOUNDS * (2 * random.next() - 1));
    const end = maximize(objective, start, box, { gradientTolerance: 1e-5, valueTolerance: 1e-12 });
    if (end.value > best.value) best = end;
  }
  return { parameters: isotropic(d, Math.exp(best.x[0])), mean: 0, value: best.value };
}

/** The compat mode's hyperparameters at a given length scale. */
export function isotropic(d: number, lengthScale: number): Hyperparameters {
  return { lengthScales: new Float64Array(d).fill(lengthScale), signal: 1, noise: COMPAT_ALPHA };
}
