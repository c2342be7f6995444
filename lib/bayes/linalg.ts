import type { Steps } from './steps.js';

/**
 * Dense linear algebra on row-major Float64Arrays. Every routine writes into arrays of the caller, and walks rows, so that inner
 * loops neither allocate nor stride.
 */

/** About so many products are summed between two yields. */
export const PRODUCTS = 50_000;

/** Does a loop whose round `i` sums about `cost(i)` products, and yields in between. It ends where a round returns false, and returns that. */
export function* inSteps(n: number, cost: (i: number) => number, round: (i: number) => boolean | void): Steps<boolean> {
  let products = 0;
  for (let i = 0; i < n; i++) {
    if (round(i) === false) return false;
    products += cost(i);
    if (products < PRODUCTS) continue;
    products = 0;
    yield;
  }
  return true;
}

/**
 * Factors the symmetric A [n, n] = L Lᵀ in place: the lower triangle of `a` is read and becomes L, the upper one is left alone.
 * @returns false when a pivot is not positive, which leaves `a` half written
 */
export function cholesky(a: Float64Array, n: number): Steps<boolean> {
  return inSteps(
    n,
    (i) => (i * i) / 2,
    (i) => factorRow(a, n, i),
  );
}

function factorRow(a: Float64Array, n: number, i: number): boolean {
  const row = i * n;
  for (let j = 0; j <= i; j++) {
    const other = j * n;
    let sum = a[row + j];
    for (let k = 0; k < j; k++) sum -= a[row + k] * a[other + k];
    if (j < i) {
      a[row + j] = sum / a[other + j];
    } else {
      if (!(sum > 0)) return false;
      a[row + i] = Math.sqrt(sum);
    }
  }
  return true;
}

/** Solves L x = b in place, L lower triangular [n, n]. */
export function solveLower(l: Float64Array, n: number, b: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const row = i * n;
    let sum = b[i];
    for (let k = 0; k < i; k++) sum -= l[row + k] * b[k];
    b[i] = sum / l[row + i];
  }
}

/** Solves Lᵀ x = b in place, L lower triangular [n, n]. */
export function solveLowerTransposed(l: Float64Array, n: number, b: Float64Array): void {
  for (let i = n - 1; i >= 0; i--) {
    const row = i * n;
    const x = b[i] / l[row + i];
    b[i] = x;
    for (let k = 0; k < i; k++) b[k] -= l[row + k] * x;
  }
}

/** Where {@link inverseFromCholesky} writes. */
export interface InverseOutput {
  /** The lower triangle of the inverse, [n, n]; the upper one is left alone. */
  inverse: Float64Array;
  /** Receives (L⁻¹)ᵀ [n, n], which is upper triangular, so that the last product reads rows. */
  work: Float64Array;
}

/** Computes (L Lᵀ)⁻¹, L lower triangular [n, n]. */
export function* inverseFromCholesky(l: Float64Array, n: number, { inverse, work }: InverseOutput): Steps<void> {
  yield* inSteps(
    n,
    (j) => (n - j) ** 2 / 2,
    (j) => invertColumn(l, work, { n, j }),
  );
  yield* inSteps(
    n,
    (i) => i * (n - i),
    (i) => multiplyRow(work, inverse, { n, i }),
  );
}

function invertColumn(l: Float64Array, work: Float64Array, { n, j }: { n: number; j: number }): void {
  const column = j * n;
  work[column + j] = 1 / l[column + j];
  for (let i = j + 1; i < n; i++) {
    const row = i * n;
    let sum = 0;
    for (let k = j; k < i; k++) sum -= l[row + k] * work[column + k];
    work[column + i] = sum / l[row + i];
  }
}

function multiplyRow(work: Float64Array, inverse: Float64Array, { n, i }: { n: number; i: number }): void {
  for (let j = 0; j <= i; j++) {
    let sum = 0;
    for (let k = i; k < n; k++) sum += work[i * n + k] * work[j * n + k];
    inverse[i * n + j] = sum;
  }
}

/** Σ_i a_i b_i over the first n entries. */
export function dot(a: Float64Array, b: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/** Σ_i log L_ii = ½ log det(L Lᵀ). */
export function sumLogDiagonal(l: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += Math.log(l[i * n + i]);
  return sum;
}
