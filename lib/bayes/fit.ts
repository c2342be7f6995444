import { maximize, type Box, type Maximum } from './maximize.js';
import { MarginalLikelihood, type Hyperparameters, type LikelihoodGradient, type TrainingSet } from './likelihood.js';
import type { Uniform } from './random.js';
import type { Steps } from './steps.js';

/** Hyperparameters chosen by {@link fitMap} or {@link fitIsotropic}. */
export interface Fit {
  parameters: Hyperparameters;
  /** The constant mean that goes with them. */
  mean: number;
  /** The log marginal likelihood, plus the log priors in {@link fitMap}. */
  value: number;
}

/** A prior of a positive quantity whose logarithm is normal, with this mean and variance. */
interface LogNormal {
  location: number;
  variance: number;
}

/**
 * The prior of length scales is log ℓ_j ~ N(√2 + ½ ln d, 3), which grows with the usual distance between points of a d-cube (Hvarfner et al.
 * 2024).
 */
const LENGTH_LOCATION = Math.SQRT2;
const LENGTH_VARIANCE = 3;
/** The prior of the noise-to-signal ratio, as Hvarfner et al. 2024 have it. */
const NOISE: LogNormal = { location: -4, variance: 1 };
/** The prior of the signal variance of standardised targets, whose mode is 1. */
const SIGNAL: LogNormal = { location: 1, variance: 1 };
/** Prior variance of the constant mean of standardised targets. */
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
 * @param data points in the unit cube, targets standardised
 * @param random draws the starts beyond the first two
 * @param starts at least 1
 */
export function* fitMap(data: TrainingSet, random: Uniform, starts = 3): Steps<Fit> {
  const d = data.points.length / data.targets.length;
  const likelihood = new MarginalLikelihood(data, MEAN_VARIANCE);
  const parameters: Hyperparameters = { lengthScales: new Float64Array(d), signal: 1, noise: 0 };
  const byLog: LikelihoodGradient = { logLengthScales: new Float64Array(d), logSignal: 0, logNoise: 0 };
  const length: LogNormal = { location: LENGTH_LOCATION + 0.5 * Math.log(d), variance: LENGTH_VARIANCE };

  const posterior = function* (theta: Float64Array, gradient: Float64Array): Steps<number> {
    readTheta(theta, parameters);
    let value = yield* likelihood.evaluate(parameters, byLog);
    gradient.set(byLog.logLengthScales);
    gradient[d] = byLog.logSignal;
    gradient[d + 1] = byLog.logNoise;
    // Densities of ℓ and of the noise, not of their logarithms: hence −log ℓ and −log noise.
    const at = { theta, gradient };
    for (let j = 0; j < d; j++) value += addLogPrior(at, j, length);
    value += addLogPrior(at, d, SIGNAL);
    return value + addLogPrior(at, d + 1, NOISE);
  };

  const box = thetaBox(d);
  let best: Maximum | undefined;
  for (let s = 0; s < starts; s++) {
    const start = new Float64Array(d + 2);
    // From the prior's mode, from half of it with little noise, then from anywhere within a factor of four.
    for (let j = 0; j < d; j++) {
      const shift = s === 0 ? 0 : s === 1 ? -Math.LN2 : 2 * Math.log(4) * (random.next() - 0.5);
      start[j] = length.location - length.variance + shift;
    }
    start[d + 1] = NOISE.location - NOISE.variance - (s === 1 ? 3 : 0);
    const end = yield* maximize(posterior, start, {
      ...box,
      maxIterations: 60,
      valueTolerance: 1e-7,
      gradientTolerance: 1e-4,
    });
    if (!best || end.value > best.value) best = end;
  }
  const { x, value } = best as Maximum;
  readTheta(x, parameters);
  yield* likelihood.evaluate(parameters);
  return { parameters, mean: likelihood.mean, value };
}

function readTheta(theta: Float64Array, out: Hyperparameters): void {
  const d = out.lengthScales.length;
  for (let j = 0; j < d; j++) out.lengthScales[j] = Math.exp(theta[j]);
  out.signal = Math.exp(theta[d]);
  out.noise = Math.exp(theta[d + 1]);
}

function thetaBox(d: number): Box {
  const bounds = [...Array.from({ length: d }, () => LOG_LENGTH_BOUNDS), LOG_SIGNAL_BOUNDS, LOG_NOISE_BOUNDS];
  return { lower: Float64Array.from(bounds, (b) => b[0]), upper: Float64Array.from(bounds, (b) => b[1]) };
}

/**
 * The log density, up to a constant, of a log-normal variable whose logarithm is theta[i]. Its derivative is added to gradient[i].
 */
function addLogPrior(
  { theta, gradient }: { theta: Float64Array; gradient: Float64Array },
  i: number,
  { location, variance }: LogNormal,
): number {
  const deviation = theta[i] - location;
  gradient[i] -= 1 + deviation / variance;
  return -theta[i] - (deviation * deviation) / (2 * variance);
}

/** The noise that bayes_opt puts on the diagonal. */
const COMPAT_ALPHA = 1e-6;
const COMPAT_LOG_BOUNDS = Math.log(1e5);
const COMPAT_RESTARTS = 5;

/**
 * The isotropic length scale in [1e-5, 1e5] of greatest marginal likelihood, with unit signal, zero mean and 1e-6 on the diagonal. The
 * fit starts from ℓ = 1 and restarts from 5 log-uniform draws, as bayes_opt 3.x does.
 *
 * @param data targets of mean 0 and standard deviation 1
 */
export function* fitIsotropic(data: TrainingSet, random: Uniform): Steps<Fit> {
  const d = data.points.length / data.targets.length;
  const likelihood = new MarginalLikelihood(data);
  const parameters = isotropic(d, 1);
  const byLog: LikelihoodGradient = { logLengthScales: new Float64Array(d), logSignal: 0, logNoise: 0 };
  const objective = function* (theta: Float64Array, gradient: Float64Array): Steps<number> {
    parameters.lengthScales.fill(Math.exp(theta[0]));
    const value = yield* likelihood.evaluate(parameters, byLog);
    gradient[0] = byLog.logLengthScales.reduce((sum, g) => sum + g, 0);
    return value;
  };
  const box = { lower: Float64Array.of(-COMPAT_LOG_BOUNDS), upper: Float64Array.of(COMPAT_LOG_BOUNDS) };
  let best: Maximum = { x: Float64Array.of(0), value: -Infinity, evaluations: 0 };
  for (let s = 0; s <= COMPAT_RESTARTS; s++) {
    const start = Float64Array.of(s === 0 ? 0 : COMPAT_LOG_BOUNDS * (2 * random.next() - 1));
    const end = yield* maximize(objective, start, { ...box, gradientTolerance: 1e-5, valueTolerance: 1e-12 });
    if (end.value > best.value) best = end;
  }
  return { parameters: isotropic(d, Math.exp(best.x[0])), mean: 0, value: best.value };
}

/** The compat mode's hyperparameters at a given length scale. */
export function isotropic(d: number, lengthScale: number): Hyperparameters {
  return { lengthScales: new Float64Array(d).fill(lengthScale), signal: 1, noise: COMPAT_ALPHA };
}
