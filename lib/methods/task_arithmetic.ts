import type { MergeMethod } from './method.js';
import { planOfSum } from './plans.js';
import { checkDivisible, coefficientsOfWeights, NORMALIZE, WEIGHT } from './weights.js';

/** Task arithmetic: task vectors are added to the base; its search tries one coefficient for all of them, 0, 0.1 … 1. */
export const taskArithmetic = {
  name: 'task_arithmetic',
  aliases: [],
  title: 'Task arithmetic',
  formula: 'θ0 + Σ λ_i τ_i',
  summary:
    'What fine-tuning changed in each model, its task vector, is multiplied by a coefficient, usually the same for all, and added to the base model.',
  source: 'Ilharco et al., ICLR 2023, arXiv 2212.04089',
  citation: `@inproceedings{ilharco2023editing,
  title = {Editing Models with Task Arithmetic},
  author = {Ilharco, Gabriel and Ribeiro, Marco Tulio and Wortsman, Mitchell and Gururangan, Suchin and Schmidt, Ludwig and Hajishirzi, Hannaneh and Farhadi, Ali},
  booktitle = {International Conference on Learning Representations},
  year = {2023},
  url = {https://arxiv.org/abs/2212.04089}
}`,
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
