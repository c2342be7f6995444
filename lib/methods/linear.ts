import { sum } from '../core/statistics.js';
import type { MergeMethod } from './method.js';
import type { ParameterMistake, ParameterValues } from './parameter.js';
import { planOfSum } from './plans.js';
import { checkDivisible, coefficientsOfWeights, NORMALIZE, WEIGHT, weightsIn } from './weights.js';

/** Averaging: the weights add up to 1, so that Σ λ_i θ_i comes out whatever the base is. */
export const linear = {
  name: 'linear',
  aliases: [],
  title: 'Averaging',
  formula: 'Σ λ_i θ_i = θ0 + Σ λ_i τ_i, Σ λ_i = 1',
  source: 'Wortsman et al., ICML 2022, arXiv 2203.05482',
  parameters: [
    { ...WEIGHT, default: 1 },
    { ...NORMALIZE, default: true },
  ],
  needs: { base: false, models: { least: 1 }, tasks: false, reduction: false },
  comparison: { name: 'average', label: () => 'average', coefficients: 'equal', cheap: true },
  coefficients: coefficientsOfWeights,
  check: (values) => checkDivisible(values) ?? checkSum(values),
  plan: planOfSum,
} as const satisfies MergeMethod;

function checkSum(values: ParameterValues): ParameterMistake | undefined {
  const total = sum(weightsIn(values));
  if (values[NORMALIZE.name] === true || Math.abs(total - 1) <= 1e-6) return undefined;
  return {
    at: NORMALIZE.name,
    message: `parameters.normalize is false and the weights add up to ${total}; expected a sum of 1 with linear (task_arithmetic takes any weights)`,
  };
}
