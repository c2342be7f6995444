import type { MergeMethod } from './method.js';
import { LEE_2025 } from './papers.js';
import { planOfSum } from './plans.js';
import { checkDivisible, coefficientsOfWeights, NORMALIZE, WEIGHT } from './weights.js';

/** General task arithmetic: a coefficient for each model, and DF-Merge without its Fishers. */
export const gta = {
  name: 'gta',
  aliases: [],
  title: 'General task arithmetic',
  formula: 'θ0 + Σ λ_i τ_i',
  summary:
    'What fine-tuning changed in each model is multiplied by a coefficient of its own, and all of it is added to the base model.',
  source: 'Lee et al., NAACL 2025, 2025.naacl-long.254',
  citation: LEE_2025,
  parameters: [WEIGHT, NORMALIZE],
  needs: { base: true, models: { least: 1 }, tasks: false, reduction: false },
  search: { over: 'coefficients' },
  coefficients: coefficientsOfWeights,
  check: checkDivisible,
  plan: planOfSum,
} as const satisfies MergeMethod;
