import { chosenCacheFolder } from '../core/cache_folder.js';
import { Pace } from '../core/pace.js';
import type { TokenizedRows } from '../engine/batch.js';
import { RowCache, rowsKey } from './row_cache.js';
import { parseSplit, readSplit, type SplitName } from './rows.js';
import { DEFAULT_MAX_INPUT_TOKENS, type Tokenizer } from './text/tokenizer.js';
import { tokenizeRows } from './tokenize.js';

/** A split as the engine takes it: checked, tokenized, and with the digest of its file. */
export interface PreparedSplit {
  file: string;
  digest: string;
  rows: TokenizedRows;
  /** The indices of all rows, 0 .. n − 1. */
  all: number[];
}

/** How the data of tasks are read. */
export interface DataOptions {
  /**
   * The folder in which the token ids of data files (at most 1 GiB) and the digests of weight files are kept for later runs, or false for
   * none. Results do not depend on it. The default is `$DFMERGE_CACHE` (`off` for none), else `$XDG_CACHE_HOME/dfmerge`, else `~/.cache/dfmerge`.
   */
  cache?: string | false;
}

/** Loads and tokenizes one split of a task's folder, or takes its ids from the cache. Errors: those of loadSplit and Tokenizer. */
export async function prepareSplit(
  tokenizer: Tokenizer,
  dir: string,
  options: DataOptions & { split: SplitName; needLabels?: boolean; signal?: AbortSignal },
): Promise<PreparedSplit> {
  const pace = new Pace(options.signal);
  const { file, digest, bytes } = await readSplit(dir, options.split, { pace });
  const prepared = (rows: TokenizedRows): PreparedSplit => ({
    file,
    digest,
    rows,
    all: rows.inputIds.map((_, i) => i),
  });
  const folder = chosenCacheFolder(options.cache);
  const cache = folder === undefined || tokenizer.digest === undefined ? undefined : new RowCache(folder);
  const maxInputTokens = DEFAULT_MAX_INPUT_TOKENS;
  const key = rowsKey({ data: digest, tokenizer: tokenizer.digest ?? '', maxInputTokens });
  const kept = await cache?.read(key, pace);
  // Where a label is missing, the file itself tells on which line.
  if (kept && !(options.needLabels && kept.labels.includes(-1))) return prepared(kept);
  const parsed = await parseSplit({ file, bytes }, { needLabels: options.needLabels, pace });
  const rows = await tokenizeRows(tokenizer, parsed, { maxInputTokens, pace });
  await cache?.write(key, rows, pace);
  return prepared(rows);
}
