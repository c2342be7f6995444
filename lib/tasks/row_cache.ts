import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, rm, utimes } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from '../core/atomic_write.js';
import type { Pace } from '../core/pace.js';
import { sum } from '../core/statistics.js';
import { VERSION } from '../core/version.js';
import type { TokenizedRows } from '../engine/batch.js';
import { decodeRows, encodedBytes, encodeRows } from './row_file.js';

/** This is raised whenever, within one version, the same files come to give other ids or rows come to be laid out otherwise. */
const FORMAT = 4;

/** The cache is kept within these limits; the files that were not used for longest go first. */
const LIMITS = { bytes: 2 ** 30, files: 4096 };

const FILE = /^[0-9a-f]{64}\.rows$/;

/** Everything that decides the ids of a split. */
export interface RowsSource {
  /** SHA-256 of the data file. */
  data: string;
  /** The tokenizer's digest. */
  tokenizer: string;
  /** How many ids inputs are cut to. */
  maxInputTokens: number;
}

/**
 * The name of a split's ids in the cache, of 64 hexadecimal digits. It depends on the Unicode version of Node, which normalization follows.
 */
export function rowsKey({ data, tokenizer, maxInputTokens }: RowsSource): string {
  const parts = [FORMAT, VERSION, process.versions.unicode, endianness(), data, tokenizer, maxInputTokens];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** How many files a cache folder holds and how many bytes they take; a folder that does not exist holds none. */
export function cacheUsage(folder: string): { files: number; bytes: number } {
  const kept = list(folder);
  return { files: kept.length, bytes: sum(kept.map(({ size }) => size)) };
}

/**
 * Tokenized rows in a folder, one file per key. It never fails: what cannot be read or is damaged counts as absent, and what cannot be
 * written is not kept.
 */
export class RowCache {
  constructor(
    readonly folder: string,
    private readonly limits = LIMITS,
  ) {}

  /** Throws the reason of the pace's signal. */
  async read(key: string, pace?: Pace): Promise<TokenizedRows | undefined> {
    const file = this.#file(key);
    const bytes = await readFile(file).catch(() => undefined);
    const rows = bytes && (await decodeRows(bytes, key, pace));
    const now = new Date();
    if (rows) await utimes(file, now, now).catch(() => undefined); // It was used, and is not the next to go.
    return rows;
  }

  /** Throws the reason of the pace's signal. */
  async write(key: string, rows: TokenizedRows, pace?: Pace): Promise<void> {
    if ((await encodedBytes(rows, pace)) > this.limits.bytes) return;
    const bytes = await encodeRows(rows, key, pace);
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await writeFileAtomic(this.#file(key), bytes);
      await this.#prune();
    } catch {
      // A read-only home or a full disk costs the next run the tokenizing, and must not cost this one its work.
    }
  }

  #file(key: string): string {
    return join(this.folder, `${key}.rows`);
  }

  async #prune(): Promise<void> {
    let bytes = 0;
    for (const [i, { file, size }] of list(this.folder).entries()) {
      bytes += size;
      if (bytes > this.limits.bytes || i >= this.limits.files) await rm(file, { force: true });
    }
  }
}

/** The cache's own files, the latest used first. Another process may be removing some meanwhile. */
function list(folder: string): { file: string; size: number; used: number }[] {
  try {
    const files = readdirSync(folder)
      .filter((name) => FILE.test(name))
      .map((name) => join(folder, name));
    const found = files.flatMap((file) => {
      const stats = statSync(file, { throwIfNoEntry: false });
      return stats?.isFile() ? [{ file, size: stats.size, used: stats.mtimeMs }] : [];
    });
    return found.sort((a, b) => b.used - a.used);
  } catch {
    return [];
  }
}
