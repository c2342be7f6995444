import type { TrainingOptions } from '../engine/train.js';

/** One stretch of training at one learning rate. */
export type Stretch = Pick<TrainingOptions, 'steps' | 'batchSize' | 'learningRate' | 'warmup' | 'beta2'>;

/** How much of everything the demo makes and does. */
export interface Plan {
  /** Of the T5: d_model, d_ff, blocks of each stack, heads. */
  model: { width: number; feedForward: number; layers: number; heads: number };
  /** Stories of plain text to pre-train on. */
  stories: number;
  /** One stretch after the other: fast learning, then a lower rate at which the model settles. */
  pretraining: readonly Stretch[];
  /** Rows of each task. */
  rows: { train: number; validation: number; test: number };
  finetuning: Stretch & { evaluateEvery: number };
  search: { init: number; iterations: number };
}

/**
 * What `dfmerge demo` does. Most of the time goes to pre-training, and has to: children of a base that knows the language well stay
 * close to it and to each other, and only such children can be merged.
 */
export const FULL_PLAN: Plan = {
  model: { width: 64, feedForward: 256, layers: 2, heads: 4 },
  stories: 20_000,
  pretraining: [
    { steps: 3_700, batchSize: 48, learningRate: 2e-3, warmup: 50, beta2: 0.98 },
    { steps: 800, batchSize: 48, learningRate: 4e-4, warmup: 50, beta2: 0.98 },
  ],
  rows: { train: 2_000, validation: 200, test: 500 },
  finetuning: { steps: 150, batchSize: 32, learningRate: 4e-4, warmup: 10, beta2: 0.98, evaluateEvery: 50 },
  search: { init: 10, iterations: 40 },
};
