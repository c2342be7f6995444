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
  summary: 'Every weight is the average of that weight in the fine-tuned models.',
  source: 'Wortsman et al., ICML 2022, arXiv 2203.05482',
  citation: `@inproceedings{wortsman2022model,
  title = {Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing inference time},
  author = {Wortsman, Mitchell and Ilharco, Gabriel and Gadre, Samir Ya and Roelofs, Rebecca and Gontijo-Lopes, Raphael and Morcos, Ari S and Namkoong, Hongseok and Farhadi, Ali and Carmon, Yair and Kornblith, Simon and Schmidt, Ludwig},
  booktitle = {Proceedings of the 39th International Conference on Machine Learning},
  series = {Proceedings of Machine Learning Research},
  volume = {162},
  pages = {23965--23998},
  year = {2022},
  publisher = {PMLR},
  url = {https://proceedings.mlr.press/v162/wortsman22a.html}
}`,
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
