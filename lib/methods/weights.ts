import type { BooleanParameter, NumberParameter, ParameterMistake, ParameterValues } from './parameter.js';

/** λ of a model, before it is divided by anything. */
export const WEIGHT: NumberParameter = {
  name: 'weight',
  type: 'number',
  perModel: true,
  searchable: true,
  description: 'the coefficient of this model',
};

/** Whether weights are divided by their sum. */
export const NORMALIZE: BooleanParameter = {
  name: 'normalize',
  type: 'boolean',
  perModel: false,
  default: false,
  inSearch: { value: false, reason: 'whose coefficients are used as they are' },
  description: 'whether the weights are divided by their sum',
};

/** λ_i = w_i, or w_i / Σ w where the recipe normalises. */
export function coefficientsOfWeights(values: ParameterValues): number[] {
  const weights = weightsIn(values);
  const sum = values[NORMALIZE.name] === true ? sumOf(weights) : 1;
  return weights.map((weight) => weight / sum);
}

/** Weights that add up to 0 cannot be divided by their sum. */
export function checkDivisible(values: ParameterValues): ParameterMistake | undefined {
  const sum = sumOf(weightsIn(values));
  if (values[NORMALIZE.name] !== true || Math.abs(sum) >= 1e-6) return undefined;
  return { at: 'models', message: `the weights add up to ${sum}; expected a sum other than 0 to divide them by` };
}

/** One weight per model. */
export function weightsIn(values: ParameterValues): readonly number[] {
  return values[WEIGHT.name] as readonly number[];
}

/** In the order of the models, so that rounding is always the same. */
export function sumOf(weights: readonly number[]): number {
  return weights.reduce((total, weight) => total + weight, 0);
}
