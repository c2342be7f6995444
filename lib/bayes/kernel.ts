/**
 * The Matérn 5/2 kernel k(r) = (1 + √5 r + 5/3 r²) exp(−√5 r) (Rasmussen & Williams 2006, eq. 4.17), with unit variance and
 * r² = Σ_j ((x_j − x'_j) / ℓ_j)². ARD is one ℓ_j per coordinate; the isotropic kernel repeats one ℓ.
 *
 * Points are rows of a Float64Array [n, d]. `scaled` arrays hold x_j / ℓ_j.
 */
const SQRT5 = Math.sqrt(5);

/** k at distance r ≥ 0, in length scales. */
export function matern52(r: number): number {
  const s = SQRT5 * r;
  return (1 + s + (s * s) / 3) * Math.exp(-s);
}

/**
 * The common factor of every derivative: c(r) = −k'(r) / r = 5/3 (1 + √5 r) exp(−√5 r), finite at r = 0.
 * ∂k/∂log ℓ_j = c(r) ((x_j − x'_j) / ℓ_j)², and ∂k/∂x_j = −c(r) (x_j − x'_j) / ℓ_j².
 */
export function matern52Slope(r: number): number {
  const s = SQRT5 * r;
  return (5 / 3) * (1 + s) * Math.exp(-s);
}

/** Divides each coordinate of the points [n, d] by its length scale, into `scaled`. */
export function scalePoints(points: Float64Array, n: number, lengthScales: Float64Array, scaled: Float64Array): void {
  const d = lengthScales.length;
  for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) scaled[i * d + j] = points[i * d + j] / lengthScales[j];
}

/**
 * The lower triangle of the Gram matrix of `scaled` [n, d] into `gram` [n, n], and where `slope` is given c(r) of each pair into its
 * lower triangle.
 */
export function gramMatrix(scaled: Float64Array, n: number, d: number, gram: Float64Array, slope?: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      let squared = 0;
      for (let k = 0; k < d; k++) {
        const difference = scaled[i * d + k] - scaled[j * d + k];
        squared += difference * difference;
      }
      const s = SQRT5 * Math.sqrt(squared);
      const decay = Math.exp(-s);
      gram[i * n + j] = (1 + s + (s * s) / 3) * decay;
      if (slope) slope[i * n + j] = (5 / 3) * (1 + s) * decay;
    }
    gram[i * n + i] = 1;
    if (slope) slope[i * n + i] = 5 / 3;
  }
}

/** k(x, x_i) for all n points into `out`, and where `slope` is given c(r_i) into it. `scaledX` [d] is x over the length scales. */
export function crossCovariance(
  scaled: Float64Array,
  n: number,
  scaledX: Float64Array,
  out: Float64Array,
  slope?: Float64Array,
): void {
  const d = scaledX.length;
  for (let i = 0; i < n; i++) {
    let squared = 0;
    for (let k = 0; k < d; k++) {
      const difference = scaledX[k] - scaled[i * d + k];
      squared += difference * difference;
    }
    const s = SQRT5 * Math.sqrt(squared);
    const decay = Math.exp(-s);
    out[i] = (1 + s + (s * s) / 3) * decay;
    if (slope) slope[i] = (5 / 3) * (1 + s) * decay;
  }
}
