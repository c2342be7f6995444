import type { FisherMode } from '../bindings/index.js';
import { makeBatches, type TokenizedRows } from './data/batch.js';
import { RandomStream } from './data/random.js';
import { DfMergeError } from './errors.js';
import type { T5Model } from './model.js';
import type { RunOptions } from './progress.js';

export type { FisherMode };

/** How a task's Fisher is measured (paper eq. 2-3). */
export interface FisherOptions extends RunOptions {
  mode: FisherMode;
  /** Added to every entry. Default 1e-12. */
  epsilon?: number;
  /** For `sampled`: the seed and name of the stream that picks a choice per input. */
  draw?: { seed: number; task: string };
  /** For `sampled`: the drawn choice of every row of the data, instead of a seed. */
  drawn?: Int32Array;
  /** Named in progress events. */
  subject?: string;
}

export const DEFAULT_EPSILON = 1e-12;

/**
 * Measures the diagonal Fisher at the model's current parameters, over the rows `indices` of a tokenized split; it stays in the engine,
 * to be folded into a merge or written. F = 1/N Σ_x Σ_c p̃_c g_c² + ε, squares per input and choice.
 * Returns p̃ per row, in the order of `indices`. Errors: NUMERIC, INVALID_ARGUMENT, ABORTED.
 */
export async function measureFisher(model: T5Model, rows: TokenizedRows, indices: readonly number[], options: FisherOptions): Promise<Float64Array[]> {
  const { mode, signal, onProgress } = options;
  if (indices.length === 0) throw new DfMergeError('INVALID_ARGUMENT', 'a Fisher needs at least one input');
  const draws = mode === 'sampled' && !options.drawn ? uniforms(indices, options.draw) : undefined;
  await model.job((engine) => engine.beginFisher(), signal);
  const batches = makeBatches(rows, indices, model.gradientBudget((choices) => gradientsPerInput(mode, choices)));
  const probabilities = new Map<number, Float64Array>();
  for (const [done, { indices: members, batch }] of batches.entries()) {
    onProgress?.({ phase: 'fisher', done, total: batches.length, subject: options.subject });
    const uniform = draws && Float64Array.from(members, (row) => draws.get(row) as number);
    const drawn = options.drawn && mode === 'sampled' ? Int32Array.from(members, (row) => (options.drawn as Int32Array)[row]) : undefined;
    const p = await model.job((engine) => engine.addFisher(batch, mode, uniform, drawn), signal);
    members.forEach((row, i) => probabilities.set(row, p.slice(batch.choiceOffsets[i], batch.choiceOffsets[i + 1])));
  }
  await model.job((engine) => engine.finishFisher(indices.length, options.epsilon ?? DEFAULT_EPSILON), signal);
  onProgress?.({ phase: 'fisher', done: batches.length, total: batches.length, subject: options.subject });
  return indices.map((row) => probabilities.get(row) as Float64Array);
}

function gradientsPerInput(mode: FisherMode, choices: number): number {
  if (mode === 'sampled') return 1;
  // Every pass of `choices` goes through the decoder rows of the choices before it.
  return mode === 'choices' ? Math.max(1, choices - 1) * Math.max(1, choices / 2) : choices;
}

/** A uniform number per row, in row order: a batch's make-up does not move them. */
function uniforms(indices: readonly number[], draw: FisherOptions['draw']): Map<number, number> {
  const stream = new RandomStream(draw?.seed ?? 0, 'sampled', draw?.task ?? '');
  return new Map([...indices].sort((a, b) => a - b).map((row) => [row, stream.nextUint32() / 2 ** 32]));
}
