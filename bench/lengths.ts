import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../bindings/index.js';
import type { TokenizedRows } from '../lib/engine/batch.js';
import { RandomStream } from '../lib/core/random_stream.js';
import type { RowLengths } from './flops.js';

/** Token lengths of the first rows of a task's validation split, and how many rows the split has. */
export interface TaskLengths {
  count: number;
  rows: RowLengths[];
}

/** The table that comes with the package: per task {count, rows: [[input, choice, choice, …], …]}. */
export const LENGTHS_FILE = join(packageRoot(), 'bench', 'lengths.json');

const END = 1; // </s>
const FIRST_WORD = 3; // behind <pad>, </s> and <unk>

/** Lengths of a task's first `rows` rows (default: all there are); rows are [input, …choices] or {input, choices}. Throws where there are fewer. */
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

/** Random ids of the lengths, the same for the same stream; the first choice is the right one. */
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
