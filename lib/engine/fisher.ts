import type { FisherMode, Fold } from '../../bindings/index.js';
import { batched, type BatchedRows, type TokenizedRows } from './batch.js';
import { RandomStream } from '../core/random_stream.js';
import { DfMergeError } from '../core/errors.js';
import type { Session } from './session.js';
import type { RunOptions } from '../core/progress.js';

export type { FisherMode };

/**
 * What `min_weight` left out of one task's Fisher. Every element of it is low by at most `meanMass` times the largest squared gradient
 * element of a skipped choice (in mode `choices`: of the gradient less the mean of the kept); see measureFisher.
 * It is a type alias because JSON's types take those, and no interfaces.
 */
export type SkippedChoices = {
  /** Choices left out, of all inputs. */
  skipped: number;
  /** All choices of all inputs. */
  choices: number;
  /** The sum of p̃ over an input's skipped choices, averaged over the inputs. */
  meanMass: number;
  /** The same sum for the input where it is largest. */
  maxMass: number;
};

/** Which gradients make a Fisher (paper eq. 2-3). */
export interface FisherTerms {
  mode: FisherMode;
  /** Added to every entry. Default 1e-12. */
  epsilon?: number;
  /**
   * Skips the choices whose p̃ is below it, in [0, 1]; an input's likeliest choice stays. Default 0: none. Not for `sampled`.
   * What is lost is bounded by the p̃ that was skipped, see measureFisher.
   */
  minWeight?: number;
}

/** How one Fisher is measured. */
export interface FisherOptions extends FisherTerms, RunOptions {
  /** Folds the Fisher into the merge of that model at that coefficient, too, each parameter as soon as it is whole. */
  fold?: Fold;
  /** For `sampled`: the seed and name of the stream that picks a choice per input. */
  draw?: { seed: number; task: string };
  /** For `sampled`: the drawn choice of every row of the data, instead of a seed. */
  drawn?: Int32Array;
  /** Named in progress events. */
  subject?: string;
}

export const DEFAULT_EPSILON = 1e-12;

/** What measureFisher returns; the Fisher itself stays in the engine. */
export interface FisherMeasurement {
  /** p̃ per row, in the order of the indices. */
  probabilities: Float64Array[];
  /** By `minWeight`; all zero without it. */
  skipped: SkippedChoices;
}

/** Cuts rows `indices` of a split into the batches of a Fisher's measurement. */
export function fisherInputs(
  session: Session,
  { rows, indices }: { rows: TokenizedRows; indices: readonly number[] },
  mode: FisherMode,
): BatchedRows {
  return batched(
    rows,
    indices,
    session.gradientBudget((choices) => gradientsPerInput(mode, choices)),
  );
}

/**
 * Measures the diagonal Fisher at the session's current parameters, over inputs that fisherInputs has cut; it stays in the engine,
 * to be folded into a merge, unless `fold` has done it, or written. F = 1/N Σ_x Σ_c p̃_c g_c² + ε, squares per input and choice.
 *
 * With `minWeight` w the sum leaves out S_x = {c : p̃_c < w}, without the likeliest choice; the p̃ of the others are not renormalised. With
 * m_x = Σ_{c ∈ S_x} p̃_c, elementwise, the result F' is low by
 * 0 ≤ F − F' = 1/N Σ_x Σ_{c ∈ S_x} p̃_c g_c² ≤ (1/N Σ_x m_x) · max g_c², the maximum over all skipped choices,
 * and m_x < |S_x| w. In `choices` mode F' is the variance of g under the kept p̃ and g_c² in the bound is (g_c − G_x)², G_x the mean of g
 * under p̃ over the kept. Whether those squares are small is not known without their gradients: skipped p̃ bounds the weight that is lost, not
 * a share of F.
 *
 * Errors: NUMERIC, INVALID_ARGUMENT, ABORTED.
 */
export async function measureFisher(
  session: Session,
  { indices, batches }: BatchedRows,
  options: FisherOptions,
): Promise<FisherMeasurement> {
  const { mode, minWeight = 0, signal, onProgress } = options;
  checkMinWeight(mode, minWeight);
  if (indices.length === 0) throw new DfMergeError('INVALID_ARGUMENT', 'a Fisher needs at least one input');
  const draws = mode === 'sampled' && !options.drawn ? uniforms(indices, options.draw) : undefined;
  await session.job((engine) => engine.beginFisher(), signal);
  const probabilities = new Map<number, Float64Array>();
  for (const [done, { indices: members, batch }] of batches.entries()) {
    onProgress?.({ phase: 'fisher', done, total: batches.length, subject: options.subject });
    const uniform = draws && Float64Array.from(members, (row) => draws.get(row) as number);
    const drawn =
      options.drawn && mode === 'sampled'
        ? Int32Array.from(members, (row) => (options.drawn as Int32Array)[row])
        : undefined;
    const p = await session.job(
      (engine) => engine.addFisher(batch, { mode, draws: uniform, drawn, minWeight }),
      signal,
    );
    members.forEach((row, i) => probabilities.set(row, p.slice(batch.choiceOffsets[i], batch.choiceOffsets[i + 1])));
  }
  await session.job(
    (engine) =>
      engine.finishFisher({ inputs: indices.length, epsilon: options.epsilon ?? DEFAULT_EPSILON, fold: options.fold }),
    signal,
  );
  onProgress?.({ phase: 'fisher', done: batches.length, total: batches.length, subject: options.subject });
  const inOrder = indices.map((row) => probabilities.get(row) as Float64Array);
  return { probabilities: inOrder, skipped: skippedChoices(inOrder, minWeight) };
}

/** Throws INVALID_ARGUMENT where `minWeight` is no probability, or the mode has no sum over choices to leave any out of. */
export function checkMinWeight(mode: FisherMode, minWeight: number): void {
  if (!(minWeight >= 0 && minWeight <= 1))
    throw new DfMergeError('INVALID_ARGUMENT', `minWeight is ${minWeight}: expected a number from 0 to 1`);
  if (mode === 'sampled' && minWeight > 0) {
    throw new DfMergeError(
      'INVALID_ARGUMENT',
      `minWeight is ${minWeight} in mode sampled, which draws from all choices and skips none: expected 0, or another mode`,
    );
  }
}

/** What the engine left out (fisher_terms.h), from the p̃ of every input. */
function skippedChoices(probabilities: readonly Float64Array[], minWeight: number): SkippedChoices {
  let [skipped, choices, sum, maxMass] = [0, 0, 0, 0];
  for (const p of probabilities) {
    const likeliest = p.indexOf(Math.max(...p));
    const left = p.filter((value, c) => value < minWeight && c !== likeliest);
    const mass = left.reduce((total, value) => total + value, 0);
    skipped += left.length;
    choices += p.length;
    sum += mass;
    maxMass = Math.max(maxMass, mass);
  }
  return { skipped, choices, meanMass: sum / probabilities.length, maxMass };
}

/** Before p̃ is known nothing is known to be skipped: batches are cut as if all choices stay. */
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
