import { sum } from '../core/statistics.js';
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
  const divisor = values[NORMALIZE.name] === true ? sum(weights) : 1;
  return weights.map((weight) => weight / divisor);
}

/** Complains about weights that add up to 0, which cannot be divided by their sum. */
export function checkDivisible(values: ParameterValues): ParameterMistake | undefined {
  const total = sum(weightsIn(values));
  if (values[NORMALIZE.name] !== true || Math.abs(total) >= 1e-6) return undefined;
  return { at: 'models', message: `the weights add up to ${total}; expected a sum other than 0 to divide them by` };
}

/** One weight per model. */
export function weightsIn(values: ParameterValues): readonly number[] {
  return values[WEIGHT.name] as readonly number[];
}
