import type { MergeMethod } from './method.js';
import { planOfSum } from './plans.js';
import { checkDivisible, coefficientsOfWeights, NORMALIZE, WEIGHT } from './weights.js';

/** Task arithmetic: task vectors are added to the base; its search tries one coefficient for all of them, 0, 0.1 … 1. */
export const taskArithmetic = {
  name: 'task_arithmetic',
  aliases: [],
  title: 'Task arithmetic',
  formula: 'θ0 + Σ λ_i τ_i',
  source: 'Ilharco et al., ICLR 2023, arXiv 2212.04089',
  parameters: [WEIGHT, NORMALIZE],
  needs: { base: true, models: { least: 1 }, tasks: false, reduction: false },
  search: { over: 'one coefficient', grid: Array.from({ length: 11 }, (_, i) => i / 10) },
  comparison: {
    name: 'task_arithmetic',
    label: ([coefficient]) => `task arithmetic, λ = ${coefficient}`,
    coefficients: 'grid',
    cheap: false,
  },
  coefficients: coefficientsOfWeights,
  check: checkDivisible,
  plan: planOfSum,
} as const satisfies MergeMethod;
