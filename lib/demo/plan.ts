/** How much of everything the demo makes and does. */
export interface Plan {
  /** Of the T5. */
  width: number;
  feedForward: number;
  layers: number;
  heads: number;
  /** Plain texts to pre-train on. */
  texts: number;
  pretraining: { steps: number; batchSize: number; learningRate: number; warmup: number };
  /** Rows of each task. */
  rows: { train: number; validation: number; test: number };
  finetuning: { steps: number; batchSize: number; learningRate: number; warmup: number; evaluateEvery: number };
  search: { init: number; iterations: number; samples: number };
}

/** About a minute and a quarter on two cores. */
export const FULL: Plan = {
  width: 64,
  feedForward: 128,
  layers: 2,
  heads: 4,
  texts: 20_000,
  pretraining: { steps: 800, batchSize: 32, learningRate: 2e-3, warmup: 50 },
  rows: { train: 2_000, validation: 200, test: 500 },
  finetuning: { steps: 150, batchSize: 32, learningRate: 1e-3, warmup: 10, evaluateEvery: 50 },
  search: { init: 8, iterations: 16, samples: 30 },
};
