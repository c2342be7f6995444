import type { MergeMethod } from './method.js';
import { planWithFishers } from './plans.js';
import { coefficientsOfWeights, NORMALIZE, WEIGHT } from './weights.js';

/** Fisher merging: each parameter is averaged by how much it matters to each model, and DF-Merge without its search. */
export const fisher = {
  name: 'fisher',
  aliases: [],
  title: 'Fisher merging',
  formula: 'θ0 + M (Σ F_i λ_i τ_i) / Σ F_i, F_i at θ_i',
  summary:
    'The fine-tuned models are averaged weight by weight: a model counts for as much as the weight matters to the answers on its own task (its Fisher information, measured on a few unlabelled inputs).',
  source: 'Matena and Raffel, NeurIPS 2022, arXiv 2111.09832',
  citation: `@inproceedings{matena2022merging,
  title = {Merging Models with {Fisher}-Weighted Averaging},
  author = {Matena, Michael S. and Raffel, Colin A.},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {35},
  year = {2022},
  url = {https://arxiv.org/abs/2111.09832}
}`,
  parameters: [
    { ...WEIGHT, default: '1/M' },
    { ...NORMALIZE, only: { value: false, reason: 'whose Fishers are normalised elementwise' } },
  ],
  needs: { base: true, models: { least: 1 }, fisher: { at: 'model' }, tasks: true, reduction: false },
  comparison: { name: 'fisher', label: () => 'Fisher merging', coefficients: 'equal', cheap: false },
  withoutFisher: { name: 'linear', replaces: false },
  coefficients: coefficientsOfWeights,
  plan: planWithFishers,
} as const satisfies MergeMethod;
