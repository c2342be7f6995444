import type { TokenizedRows } from '../engine/batch.js';
import type { Session } from '../engine/session.js';
import type { TaskRow } from './rows.js';
import { loadTokenizer, type Tokenizer } from './text/tokenizer.js';

/** The tokenizer of a session's models. Errors: those of loadTokenizer. */
export function tokenizerOf({ set }: Session): Promise<Tokenizer> {
  return loadTokenizer(set.tokenizerDir ?? set.base.dir);
}

/** The token ids of rows. Inputs are cut to `maxInputTokens`, by default 512, and choices are not cut. */
export function tokenizeRows(
  tokenizer: Tokenizer,
  rows: TaskRow[],
  options: { maxInputTokens?: number } = {},
): TokenizedRows {
  return {
    inputIds: rows.map((row) => Int32Array.from(tokenizer.encodeInput(row.input, options.maxInputTokens))),
    choices: rows.map((row) => row.choices.map((choice) => Int32Array.from(tokenizer.encode(choice)))),
    labels: Int32Array.from(rows, (row) => row.label ?? -1),
  };
}
