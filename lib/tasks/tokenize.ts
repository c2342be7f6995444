import { Pace } from '../core/pace.js';
import type { TokenizedRows } from '../engine/batch.js';
import type { Session } from '../engine/session.js';
import type { TaskRow } from './rows.js';
import { DEFAULT_MAX_INPUT_TOKENS, loadTokenizer, type Tokenizer } from './text/tokenizer.js';

/** The tokenizer of a session's models. Errors: those of loadTokenizer. */
export function tokenizerOf({ set }: Session): Promise<Tokenizer> {
  return loadTokenizer(set.tokenizerDir ?? set.base.dir);
}

/**
 * The token ids of rows. Inputs are cut to `maxInputTokens`, by default 512, and choices are not cut.
 * @param options.pace the pace of the work, which is that of a work that nothing ends by default
 * Errors: those of Tokenizer, and the reason of the pace's signal.
 */
export async function tokenizeRows(
  tokenizer: Tokenizer,
  rows: readonly TaskRow[],
  options: { maxInputTokens?: number; pace?: Pace } = {},
): Promise<TokenizedRows> {
  const { maxInputTokens = DEFAULT_MAX_INPUT_TOKENS, pace = new Pace() } = options;
  const inputIds: Int32Array[] = [];
  const choices: Int32Array[][] = [];
  for (const row of rows) {
    inputIds.push(Int32Array.from(await pace.finish(tokenizer.encodeInSteps(row.input, maxInputTokens))));
    choices.push(await tokenizeChoices(tokenizer, row.choices, pace));
  }
  return { inputIds, choices, labels: Int32Array.from(rows, (row) => row.label ?? -1) };
}

/** The token ids of an input, cut to `maxInputTokens`, and whether there was something to cut. Errors: as tokenizeRows has them. */
export async function tokenizeInput(
  tokenizer: Tokenizer,
  input: string,
  { maxInputTokens, pace }: { maxInputTokens: number; pace: Pace },
): Promise<{ ids: Int32Array; truncated: boolean }> {
  const ids = Int32Array.from(await pace.finish(tokenizer.encodeInSteps(input, maxInputTokens)));
  if (ids.length < maxInputTokens) return { ids, truncated: false };
  // An input that fills the limit may just fit.
  const withOneMore = await pace.finish(tokenizer.encodeInSteps(input, maxInputTokens + 1));
  return { ids, truncated: withOneMore.length > maxInputTokens };
}

/** The token ids of an input's choices. Errors: as tokenizeRows has them. */
export async function tokenizeChoices(
  tokenizer: Tokenizer,
  choices: readonly string[],
  pace: Pace,
): Promise<Int32Array[]> {
  const ids: Int32Array[] = [];
  for (const choice of choices) {
    ids.push(Int32Array.from(await idsOfChoice(tokenizer, choice, pace)));
    if (pace.isOver) await pace.rest();
  }
  return ids;
}

/** A choice of more characters is tokenized in steps, and a shorter one as a whole, because it is remembered. */
const MAX_WHOLE_LENGTH = 1000;

function idsOfChoice(tokenizer: Tokenizer, choice: string, pace: Pace): number[] | Promise<number[]> {
  return choice.length > MAX_WHOLE_LENGTH
    ? pace.finish(tokenizer.encodeInSteps(choice, Infinity))
    : tokenizer.encode(choice);
}
