// The merge in float32 steps, each rounded by Math.fround, in the order that METHOD §3 lays down. Native merges must agree with it in every bit.
const fl = Math.fround;

export interface MergeOperands {
  base: Float32Array;
  models: Float32Array[];
  /** One Fisher per model, or none, which means all ones. */
  fishers: Float32Array[];
  coefficients: Float64Array;
}

/**
 * The unified merge θ = fl(fl(fl(M·num)/den) + θ0). Each model does num ← fl(num + fl(fl(F λ) τ)) and den ← fl(den + F), where
 * τ = fl(θ_i − θ0).
 */
export function plainMerge({ base, models, fishers, coefficients }: MergeOperands): Float32Array {
  return base.map((theta0, i) => {
    let [numerator, denominator] = [0, 0];
    models.forEach((model, m) => {
      const fisher = fishers[m]?.[i] ?? 1;
      numerator = fl(numerator + fl(fl(fisher * fl(coefficients[m])) * fl(model[i] - theta0)));
      denominator = fl(denominator + fisher);
    });
    return fl(fl(fl(models.length * numerator) / denominator) + theta0);
  });
}

/** The candidate of one model, θ̂ = fl(θ0 + fl(λ τ)). */
export function plainInterpolation(base: Float32Array, model: Float32Array, coefficient: number): Float32Array {
  return base.map((theta0, i) => fl(theta0 + fl(fl(coefficient) * fl(model[i] - theta0))));
}
