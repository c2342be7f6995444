/**
 * Dense linear algebra on row-major Float64Arrays. Every routine writes into arrays of the caller, and walks rows, so that inner
 * loops neither allocate nor stride.
 */

/**
 * Factors the symmetric A [n, n] = L Lᵀ in place: the lower triangle of `a` is read and becomes L, the upper one is left alone.
 * @returns false when a pivot is not positive, which leaves `a` half written
 */
export function cholesky(a: Float64Array, n: number): boolean {
  for (let i = 0; i < n; i++) {
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
export function inverseFromCholesky(l: Float64Array, n: number, { inverse, work }: InverseOutput): void {
  for (let j = 0; j < n; j++) {
    const column = j * n;
    work[column + j] = 1 / l[column + j];
    for (let i = j + 1; i < n; i++) {
      const row = i * n;
      let sum = 0;
      for (let k = j; k < i; k++) sum -= l[row + k] * work[column + k];
      work[column + i] = sum / l[row + i];
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = i; k < n; k++) sum += work[i * n + k] * work[j * n + k];
      inverse[i * n + j] = sum;
    }
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
