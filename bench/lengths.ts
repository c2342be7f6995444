import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../bindings/index.js';
import type { TokenizedRows } from '../lib/engine/batch.js';
import { RandomStream } from '../lib/core/random_stream.js';
import type { RowLengths } from './flops.js';

/** The token lengths of the first rows of a task's validation split, and the number of rows that the split has. */
export interface TaskLengths {
  count: number;
  rows: RowLengths[];
}

/** The table of token lengths beside this file. It holds {count, rows: [[input, choice, choice, …], …]} for each task. */
export const LENGTHS_FILE = join(packageRoot(), 'bench', 'lengths.json');

/** The id of `</s>`. */
const END = 1;
/** The first id behind `<pad>`, `</s>` and `<unk>`. */
const FIRST_WORD = 3;

/**
 * Reads the lengths of a task's first `rows` rows, or of all that there are. The file has a row as [input, …choices] or as
 * {input, choices}. Throws where it holds fewer rows.
 */
export function taskLengths(file: string, task: string, rows?: number): TaskLengths {
  const table = JSON.parse(readFileSync(file, 'utf8')) as Record<
    string,
    { count: number; rows: (number[] | RowLengths)[] }
  >;
  const entry = table[task];
  if (!entry) throw new Error(`${file} has no task ${task}`);
  if (rows !== undefined && entry.rows.length < rows)
    throw new Error(`${file}: ${task} has ${entry.rows.length} rows, ${rows} are needed`);
  const lengths = entry.rows
    .slice(0, rows)
    .map((row) => (Array.isArray(row) ? { input: row[0], choices: row.slice(1) } : row));
  return { count: entry.count, rows: lengths };
}

/** Rows of random ids with these lengths, the same for the same stream. The first choice is the right one. */
export function randomRows(lengths: readonly RowLengths[], vocabSize: number, stream: string): TokenizedRows {
  const random = new RandomStream(0, stream);
  const ids = (n: number) =>
    Int32Array.from({ length: n }, (_, i) => (i === n - 1 ? END : FIRST_WORD + random.below(vocabSize - FIRST_WORD)));
  return {
    inputIds: lengths.map(({ input }) => ids(input)),
    choices: lengths.map(({ choices }) => choices.map(ids)),
    labels: new Int32Array(lengths.length),
  };
}
