import type { TrainingOptions } from '../engine/train.js';

/** A stretch of training at one learning rate. */
export type Stretch = Required<Pick<TrainingOptions, 'steps' | 'batchSize' | 'learningRate'>> &
  Pick<TrainingOptions, 'warmup' | 'beta2'>;

/** How much of everything the demo makes and does. */
export interface Plan {
  /** The T5: its d_model, d_ff, the blocks of each stack, and its heads. */
  model: { width: number; feedForward: number; layers: number; heads: number };
  /** How many stories of plain text it is pre-trained on. */
  stories: number;
  /** Stretches of pre-training, one after the other: fast learning, and then a lower rate at which the model settles. */
  pretraining: readonly Stretch[];
  /** How many rows each task has. */
  rows: { train: number; validation: number; test: number };
  finetuning: Stretch & { evaluateEvery: number };
  search: { init: number; iterations: number };
}

/**
 * What `dfmerge demo` does. Most of the time has to go to pre-training: children of a base that knows the language well stay close to it
 * and to each other, and only such children can be merged.
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
