import type { Tokenizer } from '../text/tokenizer.js';
import { tokenizeRows, type TokenizedRows } from './batch.js';
import { loadSplit, type SplitName } from './task.js';

/** A split as the engine takes it: checked, tokenized, with the digest of its file. */
export interface PreparedSplit {
  file: string;
  digest: string;
  rows: TokenizedRows;
  /** 0 .. n − 1. */
  all: number[];
}

/** Loads and tokenizes one split of a task's folder. Errors: those of loadSplit. */
export async function prepareSplit(tokenizer: Tokenizer, dir: string, split: SplitName, options: { needLabels?: boolean } = {}): Promise<PreparedSplit> {
  const { file, digest, rows } = await loadSplit(dir, split, options);
  return { file, digest, rows: tokenizeRows(tokenizer, rows), all: rows.map((_, i) => i) };
}
