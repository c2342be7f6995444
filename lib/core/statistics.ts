/** The sum of values, added in their order; 0 of none. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The unweighted mean of values, added in their order; NaN of none. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
