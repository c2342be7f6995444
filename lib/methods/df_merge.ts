import type { MergeMethod } from './method.js';
import { planWithFishers } from './plans.js';
import { coefficientsOfWeights, NORMALIZE, WEIGHT } from './weights.js';

/** Dynamic Fisher-weighted merging: every candidate's Fishers are measured at the models it is made of. */
export const dfMerge = {
  name: 'df_merge',
  aliases: [],
  title: 'DF-Merge',
  formula: 'θ0 + M (Σ F_i λ_i τ_i) / Σ F_i, F_i at θ0 + λ_i τ_i',
  source: 'Lee et al., NAACL 2025, 2025.naacl-long.254',
  parameters: [WEIGHT, { ...NORMALIZE, only: { value: false, reason: 'whose Fishers are normalised elementwise' } }],
  needs: { base: true, models: { least: 1 }, fisher: { at: 'candidate' }, tasks: true, reduction: false },
  search: { over: 'coefficients' },
  withoutFisher: { name: 'gta', replaces: true },
  coefficients: coefficientsOfWeights,
  plan: planWithFishers,
} as const satisfies MergeMethod;
