import type { MergeMethod } from './method.js';
import { LEE_2025 } from './papers.js';
import { planWithFishers } from './plans.js';
import { coefficientsOfWeights, NORMALIZE, WEIGHT } from './weights.js';

/** Dynamic Fisher-weighted merging: every candidate's Fishers are measured at the models it is made of. */
export const dfMerge = {
  name: 'df_merge',
  aliases: [],
  title: 'DF-Merge',
  formula: 'θ0 + M (Σ F_i λ_i τ_i) / Σ F_i, F_i at θ0 + λ_i τ_i',
  summary:
    'What fine-tuning changed in each model is multiplied by a coefficient of its own, and the changes are averaged weight by weight: a change counts for as much as the weight matters to the answers on its own task (its Fisher information, measured on a few unlabelled inputs).',
  source: 'Lee et al., NAACL 2025, 2025.naacl-long.254',
  citation: LEE_2025,
  parameters: [WEIGHT, { ...NORMALIZE, only: { value: false, reason: 'whose Fishers are normalised elementwise' } }],
  needs: { base: true, models: { least: 1 }, fisher: { at: 'candidate' }, tasks: true, reduction: false },
  search: { over: 'coefficients' },
  withoutFisher: { name: 'gta', replaces: true },
  coefficients: coefficientsOfWeights,
  plan: planWithFishers,
} as const satisfies MergeMethod;
