import { batched, type TokenizedRows } from './batch.js';
import { RandomStream } from '../core/random_stream.js';
import { DfMergeError } from '../core/errors.js';
import { checkOptions, DEFAULT_SEED, float32, number, SEED, wholeNumber, withDefaults } from '../core/kinds.js';
import { Pace } from '../core/pace.js';
import { sum } from '../core/statistics.js';
import type { Session } from './session.js';
import type { RunOptions } from '../core/progress.js';

/** A training by AdamW with PyTorch's defaults, on the right choice of each row and without dropout. */
export interface TrainingOptions {
  /** How many steps there are. The default is 2500. */
  steps?: number;
  /** How many rows make one step; they are split into as many passes as memory asks for. The default is 64. */
  batchSize?: number;
  /** The learning rate after the warm-up, which stays the same. The default is 1e-4. */
  learningRate?: number;
  /** How many steps the learning rate takes to rise from 0. The default is 0. */
  warmup?: number;
  /** The decoupled weight decay. The default is 0. */
  weightDecay?: number;
  /** The default is 0.9. */
  beta1?: number;
  /** The default is 0.999. */
  beta2?: number;
  /** The ε of AdamW. The default is 1e-8. */
  epsilon?: number;
  /** The seed of the order of rows. The default is 1. */
  seed?: number;
}

/** What TrainingOptions are where they are left out: the paper's settings, and AdamW as PyTorch has it. */
export const TRAINING_DEFAULTS = {
  steps: 2500,
  batchSize: 64,
  learningRate: 1e-4,
  warmup: 0,
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  seed: DEFAULT_SEED,
} as const satisfies Required<TrainingOptions>;

/** Which values TrainingOptions take. */
export const TRAINING_KINDS = {
  steps: wholeNumber(1),
  batchSize: wholeNumber(1),
  learningRate: float32({ above: 0 }),
  warmup: wholeNumber(0),
  weightDecay: float32({ least: 0 }),
  beta1: number({ least: 0, below: 1 }),
  beta2: number({ least: 0, below: 1 }),
  epsilon: float32({ above: 0 }),
  seed: SEED,
};

/** What is known after a step. */
export interface TrainingStep {
  step: number;
  /** The mean NLL per label token of the step's rows, before the step. */
  loss: number;
}

/** Rows whose only choice is the right one. Errors: INVALID_ARGUMENT where a row has no label. */
export function rightChoices(rows: TokenizedRows): TokenizedRows {
  const choices = rows.choices.map((all, i) => {
    if (rows.labels[i] < 0) throw new DfMergeError('INVALID_ARGUMENT', `row ${i + 1} has no label to train on`);
    return [all[rows.labels[i]]];
  });
  return { ...rows, choices, labels: new Int32Array(choices.length) };
}

/**
 * Trains the model's current parameters in place. Rows come in a new order each epoch; a step's loss is the mean over all of its label
 * tokens. `afterStep` may evaluate (it must leave the parameters as they are) and return true to stop.
 * Errors: NUMERIC naming the tensor whose gradient is not finite.
 */
export async function train(
  session: Session,
  rows: TokenizedRows,
  options: TrainingOptions &
    RunOptions & { subject?: string; afterStep?: (step: TrainingStep) => Promise<boolean | void> },
): Promise<void> {
  const { signal, subject } = options;
  checkTrainingOptions(options);
  const { steps, batchSize, learningRate, seed, ...settings } = withDefaults(
    trainingOptions(options),
    TRAINING_DEFAULTS,
  );
  const pace = new Pace(signal);
  const budget = session.gradientBudget(() => 1);
  const right = rightChoices(rows);
  const order = epochs(right.labels.length, new RandomStream(seed, 'train', subject ?? ''));
  const { beta1, beta2, epsilon, weightDecay, warmup } = settings;
  await session.job((engine) => engine.beginTraining(), signal);
  for (let step = 1; step <= steps; step++) {
    options.onProgress?.({ phase: 'train', done: step - 1, total: steps, subject });
    const members = Array.from({ length: Math.min(batchSize, right.labels.length) }, () => order.next().value);
    const labelTokens = sum(members.map((row) => right.choices[row][0].length));
    let nll = 0;
    const { batches } = await batched({ rows: right, indices: members }, budget, pace);
    for (const { batch } of batches) {
      const values = await session.job((engine) => engine.addGradient(batch, 1 / labelTokens), signal);
      for (const value of values) nll += value;
    }
    const rate = learningRate * (warmup > 0 ? Math.min(1, step / warmup) : 1);
    await session.job((engine) => engine.adamw({ learningRate: rate, beta1, beta2, epsilon, weightDecay }), signal);
    if (await options.afterStep?.({ step, loss: nll / labelTokens })) break;
  }
  options.onProgress?.({ phase: 'train', done: steps, total: steps, subject });
}

/** Checks the numbers of a training by themselves. Errors: INVALID_ARGUMENT naming the option. */
export function checkTrainingOptions(options: TrainingOptions): void {
  checkOptions('training', trainingOptions(options), { kinds: TRAINING_KINDS });
}

/** The options of a training among others. */
export function trainingOptions(options: TrainingOptions): TrainingOptions {
  const names = Object.keys(TRAINING_KINDS) as (keyof TrainingOptions)[];
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

/** Row numbers without end: one permutation of 0 .. n − 1 after another. */
function* epochs(n: number, stream: RandomStream): Generator<number, never> {
  for (;;) yield* stream.sample(n, n);
}
