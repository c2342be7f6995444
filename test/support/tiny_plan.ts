import type { Plan } from '../../lib/demo/plan.js';

/** A plan that goes through every stage with hardly any work. */
export const TINY: Plan = {
  model: { width: 16, feedForward: 32, layers: 1, heads: 2 },
  stories: 300,
  pretraining: [
    { steps: 6, batchSize: 8, learningRate: 2e-3 },
    { steps: 3, batchSize: 8, learningRate: 4e-4 },
  ],
  rows: { train: 48, validation: 24, test: 24 },
  finetuning: { steps: 4, batchSize: 8, learningRate: 1e-3, evaluateEvery: 2 },
  search: { init: 2, iterations: 2 },
};
