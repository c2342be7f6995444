import type { GenerationTokens } from '../architectures/index.js';
import { DfMergeError } from '../core/errors.js';
import { checkOptions, FLAG, number, wholeNumber } from '../core/kinds.js';
import { Pace } from '../core/pace.js';
import type { RunOptions } from '../core/progress.js';
import { batched, type TokenizedRows } from './batch.js';
import type { Session } from './session.js';

/** How sequences are generated: as transformers' `generate` does without sampling, by the option of the same name. */
export interface GenerationOptions {
  /** How many tokens a sequence gets at most, its end token included: a whole number from 1 to 65,536. */
  maxNewTokens: number;
  /** With the default of 1 the likeliest token is taken at every step; with more, a beam search keeps so many sequences. */
  numBeams?: number;
  /** A sequence's score is its log-probability / length^lengthPenalty. The default is 1; more prefers longer sequences. */
  lengthPenalty?: number;
  /** Ends a beam search once it has `numBeams` ended sequences, although one that goes on might become better. The default is false. */
  earlyStopping?: boolean;
}

/** A sequence that was generated. */
export interface GeneratedSequence {
  /** Its tokens, without the start token; an end token is the last one. */
  ids: Int32Array;
  /** Its log-probability / length^lengthPenalty. */
  score: number;
}

/** Which values GenerationOptions take. */
export const GENERATION_KINDS = {
  maxNewTokens: wholeNumber(1, 65_536),
  numBeams: wholeNumber(1, 1024),
  lengthPenalty: number(),
  earlyStopping: FLAG,
};

/** Checks the options by themselves. Errors: INVALID_ARGUMENT naming the option. */
export function checkGenerationOptions(options: GenerationOptions): void {
  const { maxNewTokens, numBeams, lengthPenalty, earlyStopping } = options;
  const shape = { kinds: GENERATION_KINDS, needed: ['maxNewTokens'] };
  checkOptions('generate', { maxNewTokens, numBeams, lengthPenalty, earlyStopping }, shape);
}

/**
 * Generates a sequence from each input with the session's current parameters, batch by batch, longest inputs first. The sequence of an input
 * does not depend on those beside it.
 * @returns the sequences in the order of the inputs
 * Errors: INVALID_ARGUMENT for an option, an empty input or an id outside the vocabulary; INVALID_STATE where the session has no parameters;
 * UNSUPPORTED for an architecture that does not generate; NUMERIC; the signal's reason.
 */
export async function generateRows(
  session: Session,
  inputs: readonly Int32Array[],
  options: GenerationOptions & RunOptions & { tokens: GenerationTokens },
): Promise<GeneratedSequence[]> {
  const { tokens, signal, onProgress } = options;
  checkGenerationOptions(options);
  const { maxNewTokens, numBeams = 1, lengthPenalty = 1, earlyStopping = false } = options;
  const request = {
    ...{ maxNewTokens, numBeams, lengthPenalty, earlyStopping },
    endTokens: Int32Array.from(tokens.endTokens),
    startToken: tokens.startToken,
  };
  inputs.forEach((ids, i) => {
    if (ids.length === 0) throw new DfMergeError('INVALID_ARGUMENT', `generate: input ${i + 1} is empty`);
  });
  const rows: TokenizedRows = {
    inputIds: [...inputs],
    choices: inputs.map(() => []),
    labels: new Int32Array(inputs.length).fill(-1),
  };
  const budget = session.generationBudget({ sequences: request.numBeams, newTokens: request.maxNewTokens });
  const { batches } = await batched({ rows, indices: inputs.map((_, i) => i) }, budget, new Pace(signal));
  const sequences: GeneratedSequence[] = [];
  for (const [done, { indices, batch }] of batches.entries()) {
    onProgress?.({ phase: 'generate', done, total: batches.length });
    const { ids, offsets, scores } = await session.job((engine) => engine.generate(batch, request), signal);
    indices.forEach((index, i) => {
      sequences[index] = { ids: ids.slice(offsets[i], offsets[i + 1]), score: scores[i] };
    });
  }
  onProgress?.({ phase: 'generate', done: batches.length, total: batches.length });
  return sequences;
}
