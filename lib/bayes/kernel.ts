import { inSteps } from './linalg.js';
import type { Steps } from './steps.js';

/**
 * The Matérn 5/2 kernel is k(r) = (1 + √5 r + 5/3 r²) exp(−√5 r) (Rasmussen & Williams 2006, eq. 4.17), with unit variance and
 * r² = Σ_j ((x_j − x'_j) / ℓ_j)². ARD is one ℓ_j per coordinate; the isotropic kernel repeats one ℓ.
 *
 * Points are rows of a Float64Array [n, d]. `scaled` arrays hold x_j / ℓ_j.
 */
const SQRT5 = Math.sqrt(5);
/** So many products take as long as a square root and an exponential. */
const EXPONENTIAL = 20;

/** The kernel at distance r ≥ 0, in length scales. */
export function matern52(r: number): number {
  const s = SQRT5 * r;
  return (1 + s + (s * s) / 3) * Math.exp(-s);
}

/**
 * The factor that every derivative of k has in common is c(r) = −k'(r) / r = 5/3 (1 + √5 r) exp(−√5 r), finite at r = 0.
 * ∂k/∂log ℓ_j = c(r) ((x_j − x'_j) / ℓ_j)², and ∂k/∂x_j = −c(r) (x_j − x'_j) / ℓ_j².
 */
export function matern52Slope(r: number): number {
  const s = SQRT5 * r;
  return (5 / 3) * (1 + s) * Math.exp(-s);
}

/** Divides each coordinate of the points [n, d] by its length scale, and writes the quotients to `scaled`. */
export function scalePoints(points: Float64Array, lengthScales: Float64Array, scaled: Float64Array): void {
  const d = lengthScales.length;
  for (let i = 0; i < points.length; i += d)
    for (let j = 0; j < d; j++) scaled[i + j] = points[i + j] / lengthScales[j];
}

/** Where values of the kernel are written. */
export interface KernelOutput {
  /** k(r) of each pair of points. */
  values: Float64Array;
  /** Receives c(r) of each pair, where it is given. */
  slopes?: Float64Array;
}

/** Writes the lower triangle [n, n] of the Gram matrix of the points `scaled` [n, d]; the upper triangle is left alone. */
export function* gramMatrix(scaled: Float64Array, d: number, { values, slopes }: KernelOutput): Steps<void> {
  const n = scaled.length / d;
  const row = (i: number): void => {
    for (let j = 0; j < i; j++) {
      let squared = 0;
      for (let k = 0; k < d; k++) {
        const difference = scaled[i * d + k] - scaled[j * d + k];
        squared += difference * difference;
      }
      const s = SQRT5 * Math.sqrt(squared);
      const decay = Math.exp(-s);
      values[i * n + j] = (1 + s + (s * s) / 3) * decay;
      if (slopes) slopes[i * n + j] = (5 / 3) * (1 + s) * decay;
    }
    values[i * n + i] = 1;
    if (slopes) slopes[i * n + i] = 5 / 3;
  };
  yield* inSteps(n, (i) => i * (d + EXPONENTIAL), row);
}

/** Writes k(x, x_i) [n] for every point of `scaled` [n, d]; `scaledX` [d] is x over the length scales. */
export function crossCovariance(scaled: Float64Array, scaledX: Float64Array, { values, slopes }: KernelOutput): void {
  const d = scaledX.length;
  const n = scaled.length / d;
  for (let i = 0; i < n; i++) {
    let squared = 0;
    for (let k = 0; k < d; k++) {
      const difference = scaledX[k] - scaled[i * d + k];
      squared += difference * difference;
    }
    const s = SQRT5 * Math.sqrt(squared);
    const decay = Math.exp(-s);
    values[i] = (1 + s + (s * s) / 3) * decay;
    if (slopes) slopes[i] = (5 / 3) * (1 + s) * decay;
  }
}
