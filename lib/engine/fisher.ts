import type { FisherMode, Fold } from '../../bindings/index.js';
import { batched, type BatchedRows, type TokenizedRows } from './batch.js';
import { RandomStream } from '../core/random_stream.js';
import { DfMergeError } from '../core/errors.js';
import { Pace } from '../core/pace.js';
import { sum } from '../core/statistics.js';
import type { Session } from './session.js';
import type { RunOptions } from '../core/progress.js';

export type { FisherMode };

/**
 * What `min_weight` left out of one task's Fisher. Every element of it is low by at most `meanMass` times the largest squared gradient
 * element of a skipped choice (in mode `choices`: of the gradient less the mean of the kept); see measureFisher.
 * It is a type alias because JSON's types take those, and no interfaces.
 */
export type SkippedChoices = {
  /** How many choices of all inputs were left out. */
  skipped: number;
  /** How many choices all inputs have together. */
  choices: number;
  /** The sum of p̃ over an input's skipped choices, averaged over the inputs. */
  meanMass: number;
  /** The same sum for the input where it is largest. */
  maxMass: number;
};

/** Which gradients make a Fisher (paper, eq. 2-3). */
export interface FisherTerms {
  mode: FisherMode;
  /** Is added to every entry. The default is 1e-12. */
  epsilon?: number;
  /**
   * A number in [0, 1]: choices whose p̃ is below it are skipped, except for an input's likeliest. The default of 0 skips none, and mode
   * `sampled` takes nothing else. What is lost is bounded by the p̃ that was skipped; see measureFisher.
   */
  minWeight?: number;
}

/** How one Fisher is measured. */
export interface FisherOptions extends FisherTerms, RunOptions {
  /** If given, the Fisher is also folded into the merge of that model at that coefficient, each parameter as soon as it is complete. */
  fold?: Fold;
  /** The seed and the task's name, which make the stream that picks a choice for each input in mode `sampled`. */
  draw?: { seed: number; task: string };
  /** The choice of every row of the data that mode `sampled` takes, in place of `draw`. */
  drawn?: Int32Array;
  /** The name of what is measured, for progress events. */
  subject?: string;
}

/** What is added to every entry of a Fisher unless told otherwise. */
export const DEFAULT_EPSILON = 1e-12;

/** What measureFisher returns; the Fisher itself stays in the engine. */
export interface FisherMeasurement {
  /** The p̃ of every choice, one array per row in the order of the indices. */
  probabilities: Float64Array[];
  /** What `minWeight` left out; all zero without it. */
  skipped: SkippedChoices;
}

/** Cuts rows `indices` of a split into the batches of a Fisher's measurement. */
export function fisherInputs(
  session: Session,
  { rows, indices, signal }: { rows: TokenizedRows; indices: readonly number[]; signal?: AbortSignal },
  mode: FisherMode,
): Promise<BatchedRows> {
  return batched(
    { rows, indices },
    session.gradientBudget((choices) => gradientsPerInput(mode, choices)),
    new Pace(signal),
  );
}

/** How much work a Fisher is: the tokens of every gradient that it sums over. */
export function fisherCost({ batches }: BatchedRows, mode: FisherMode): number {
  return sum(
    batches.flatMap(({ indices, batch: { inputOffsets, choiceOffsets, labelIds } }) => [
      labelIds.length,
      ...indices.map((_, i) => {
        const choices = choiceOffsets[i + 1] - choiceOffsets[i];
        return (inputOffsets[i + 1] - inputOffsets[i]) * (mode === 'sampled' ? 1 : choices);
      }),
    ]),
  );
}

/**
 * Measures the diagonal Fisher at the session's current parameters, over inputs that fisherInputs has cut: F = 1/N Σ_x Σ_c p̃_c g_c² + ε,
 * where every input and choice is squared by itself. The Fisher stays in the engine, to be written, or to be folded into a merge where `fold`
 * has not done so already.
 *
 * With `minWeight` w the sum leaves out S_x, the choices with p̃_c < w, to which the likeliest choice of an input never belongs; the p̃ of the
 * others are not renormalised. Let m_x = Σ_{c ∈ S_x} p̃_c, which is at most |S_x| w. Then every element of the result F' is low by
 *
 *     0 ≤ F − F' = 1/N Σ_x Σ_{c ∈ S_x} p̃_c g_c² ≤ (1/N Σ_x m_x) · max g_c²,
 *
 * where the maximum is over all skipped choices. In `choices` mode F' is the variance of g under the kept p̃, and the bound has (g_c − G_x)² in
 * place of g_c², where G_x is the mean of g under p̃ over the kept choices. Whether those squares are small cannot be known without their
 * gradients, so the skipped p̃ bounds the weight that is lost, and not a share of F.
 *
 * Errors: NUMERIC, INVALID_ARGUMENT.
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
    (engine) => engine.finishFisher({ epsilon: options.epsilon ?? DEFAULT_EPSILON, fold: options.fold }),
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

/** What the engine left out (native/fisher/terms.h), computed from the p̃ of every input. */
function skippedChoices(probabilities: readonly Float64Array[], minWeight: number): SkippedChoices {
  let [skipped, choices, massOfAll, maxMass] = [0, 0, 0, 0];
  for (const p of probabilities) {
    const likeliest = p.indexOf(Math.max(...p));
    const left = p.filter((value, c) => value < minWeight && c !== likeliest);
    const mass = sum(left);
    skipped += left.length;
    choices += p.length;
    massOfAll += mass;
    maxMass = Math.max(maxMass, mass);
  }
  return { skipped, choices, meanMass: massOfAll / probabilities.length, maxMass };
}

/** How many gradients an input makes. Nobody knows before p̃ which choices are skipped, so batches are cut as if all of them stayed. */
function gradientsPerInput(mode: FisherMode, choices: number): number {
  if (mode === 'sampled') return 1;
  // Every pass of `choices` goes through the decoder rows of the choices before it.
  return mode === 'choices' ? Math.max(1, choices - 1) * Math.max(1, choices / 2) : choices;
}

/** A uniform number for each row. They are drawn in the order of the rows, and so do not depend on how batches are made up. */
function uniforms(indices: readonly number[], draw: FisherOptions['draw']): Map<number, number> {
  const stream = new RandomStream(draw?.seed ?? 0, 'sampled', draw?.task ?? '');
  return new Map([...indices].sort((a, b) => a - b).map((row) => [row, stream.nextUint32() / 2 ** 32]));
}
