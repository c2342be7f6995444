import { makeBatches, type TokenizedRows } from './batch.js';
import { numberOption, seedOption, wholeOption } from '../core/arguments.js';
import { RandomStream } from '../core/random_stream.js';
import { DfMergeError } from '../core/errors.js';
import { sum } from '../core/statistics.js';
import type { Session } from './session.js';
import type { RunOptions } from '../core/progress.js';

/** A training by AdamW with PyTorch's defaults, on the right choice of each row and without dropout. */
export interface TrainingOptions {
  steps: number;
  /** How many rows make one step; they are split into as many passes as memory asks for. */
  batchSize: number;
  learningRate: number;
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
  /** The seed of the order of rows. */
  seed: number;
}

/** Checks the numbers of a training by themselves. Errors: INVALID_ARGUMENT naming the option. */
export function checkTrainingOptions(options: TrainingOptions): void {
  const { steps, batchSize, learningRate, warmup = 0, weightDecay = 0, beta1 = 0.9, beta2 = 0.999, seed } = options;
  wholeOption('steps', steps, { least: 1 });
  wholeOption('batchSize', batchSize, { least: 1 });
  if (numberOption('learningRate', learningRate) <= 0)
    throw new DfMergeError('INVALID_ARGUMENT', `learningRate ${learningRate}: expected a number above 0`);
  wholeOption('warmup', warmup, { least: 0 });
  numberOption('weightDecay', weightDecay, { least: 0 });
  for (const [name, beta] of Object.entries({ beta1, beta2 }))
    if (numberOption(name, beta, { least: 0 }) >= 1)
      throw new DfMergeError('INVALID_ARGUMENT', `${name} ${beta}: expected a number from 0 to below 1`);
  numberOption('epsilon', options.epsilon ?? 1e-8, { least: 0 });
  seedOption(seed);
}

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
 * Errors: NUMERIC naming the tensor whose gradient is not finite; ABORTED.
 */
export async function train(
  session: Session,
  rows: TokenizedRows,
  options: TrainingOptions &
    RunOptions & { subject?: string; afterStep?: (step: TrainingStep) => Promise<boolean | void> },
): Promise<void> {
  const { steps, batchSize, learningRate, seed, signal, subject } = options;
  checkTrainingOptions(options);
  const right = rightChoices(rows);
  const order = epochs(right.labels.length, new RandomStream(seed, 'train', subject ?? ''));
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, warmup = 0 } = options;
  await session.job((engine) => engine.beginTraining(), signal);
  for (let step = 1; step <= steps; step++) {
    options.onProgress?.({ phase: 'train', done: step - 1, total: steps, subject });
    const members = Array.from({ length: Math.min(batchSize, right.labels.length) }, () => order.next().value);
    const labelTokens = sum(members.map((row) => right.choices[row][0].length));
    let nll = 0;
    for (const { batch } of makeBatches(
      right,
      members,
      session.gradientBudget(() => 1),
    )) {
      const values = await session.job((engine) => engine.addGradient(batch, 1 / labelTokens), signal);
      for (const value of values) nll += value;
    }
    const rate = learningRate * (warmup > 0 ? Math.min(1, step / warmup) : 1);
    await session.job(
      (engine) => engine.adamw({ learningRate: rate, beta1, beta2, epsilon, weightDecay, step }),
      signal,
    );
    if (await options.afterStep?.({ step, loss: nll / labelTokens })) break;
  }
  options.onProgress?.({ phase: 'train', done: steps, total: steps, subject });
}

/** Row numbers without end: one permutation of 0 .. n − 1 after another. */
function* epochs(n: number, stream: RandomStream): Generator<number, never> {
  for (;;) yield* stream.sample(n, n);
}
