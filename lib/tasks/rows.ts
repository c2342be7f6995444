import { join } from 'node:path';
import { sha256 } from '../core/digest.js';
import { parseUniqueKeys } from '../core/duplicate_key.js';
import { decodeUtf8, exists, isObject, readBytes, refuseUtf16 } from '../core/files.js';
import { DfMergeError } from '../core/errors.js';
import { Pace } from '../core/pace.js';

/** The parts of a task's data; each is a file `SPLIT.jsonl` in the task's folder. */
export const SPLITS = ['train', 'validation', 'test'] as const;
export type SplitName = (typeof SPLITS)[number];

/** One example, in which the right continuation of `input` is to be picked among `choices`. */
export interface TaskRow {
  input: string;
  choices: string[];
  /** The index of the right choice, counted from 0. */
  label?: number;
}

/** The file of one split, with its bytes. */
export interface SplitFile {
  file: string;
  /** The SHA-256 of its bytes in hexadecimal. */
  digest: string;
  bytes: Buffer;
}

/** One split after it was read and checked. */
export interface TaskSplit extends Omit<SplitFile, 'bytes'> {
  rows: TaskRow[];
}

/**
 * Reads `dir/SPLIT.jsonl`, one JSON object per line. Blank lines, a byte-order mark and CRLF are tolerated.
 * Errors: NOT_FOUND, IO, the reason of the pace's signal; INVALID_DATA naming file:line and what was expected, for up to ten bad rows.
 */
export async function loadSplit(dir: string, split: SplitName, options: ReadOptions = {}): Promise<TaskSplit> {
  const { file, digest, bytes } = await readSplit(dir, split, options);
  return { file, digest, rows: await parseSplit({ file, bytes }, options) };
}

/** How a split is read. */
export interface ReadOptions {
  /** Whether rows without a label are refused. */
  needLabels?: boolean;
  /** The pace of the work, which is that of a work that nothing ends by default. */
  pace?: Pace;
}

/** Reads the bytes of `dir/SPLIT.jsonl` without looking at them. Errors: NOT_FOUND, IO, and the reason of the pace's signal. */
export async function readSplit(dir: string, split: SplitName, { pace }: ReadOptions = {}): Promise<SplitFile> {
  const file = join(dir, `${split}.jsonl`);
  const bytes = await readSplitBytes(dir, split);
  return { file, digest: (await sha256([bytes], pace)).toString('hex'), bytes };
}

/** The bytes of `dir/SPLIT.jsonl`. Errors: IO, and NOT_FOUND, which names the splits that are there. */
export async function readSplitBytes(dir: string, split: SplitName): Promise<Buffer> {
  try {
    return await readBytes(join(dir, `${split}.jsonl`));
  } catch (error) {
    if (!(error instanceof DfMergeError) || error.code !== 'NOT_FOUND') throw error;
    const files = SPLITS.map((name) => `${name}.jsonl`);
    const there = await Promise.all(files.map((name) => exists(join(dir, name))));
    const others = files.filter((_, i) => there[i]);
    if (others.length === 0) throw error;
    throw new DfMergeError('NOT_FOUND', `${error.message}; the folder has ${others.join(' and ')}`, { cause: error });
  }
}

/** Parses and checks the rows of a split's file. Errors: INVALID_DATA, as loadSplit has it, and the reason of the pace's signal. */
export async function parseSplit(
  { file, bytes }: Pick<SplitFile, 'file' | 'bytes'>,
  { needLabels = false, pace = new Pace() }: ReadOptions = {},
): Promise<TaskRow[]> {
  const rows = await pace.finish(parseRows(bytes, file, needLabels));
  if (rows.length === 0) throw new DfMergeError('INVALID_DATA', `${file}: no rows`);
  return rows;
}

const NEWLINE = 0x0a;

/** How many bad rows of a file one error tells: enough to see what is wrong with them. */
const MOST_TOLD = 10;

/**
 * Cuts the bytes into lines before they are decoded, so that invalid UTF-8 is blamed on its line. It yields after every line. Errors: INVALID_DATA
 * with a line for each bad row, up to MOST_TOLD, and the number of the others.
 */
function* parseRows(bytes: Buffer, file: string, needLabels: boolean): Generator<void, TaskRow[]> {
  const rows: TaskRow[] = [];
  const bad: DfMergeError[] = [];
  let others = 0;
  refuseUtf16(bytes, file);
  for (let start = 0, line = 1; start < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    try {
      const row = parseLine(bytes.subarray(start, end), { where: `${file}:${line}`, first: line === 1, needLabels });
      if (row) rows.push(row);
    } catch (error) {
      if (!(error instanceof DfMergeError)) throw error;
      if (bad.length < MOST_TOLD) bad.push(error);
      else others++;
    }
    start = end + 1;
    yield;
  }
  if (bad.length === 0) return rows;
  const lines = bad.map(({ message }) => message);
  if (others > 0) lines.push(`${file}: and ${others} more`);
  throw new DfMergeError('INVALID_DATA', lines.join('\n'), { cause: bad[0] });
}

/** The row of a line, or undefined for a blank line. */
function parseLine(
  bytes: Buffer,
  options: { where: string; first: boolean; needLabels: boolean },
): TaskRow | undefined {
  const wrong = (message: string) => new DfMergeError('INVALID_DATA', `${options.where}: ${message}`);
  let text = decodeUtf8(bytes);
  if (text === undefined) throw wrong('not UTF-8');
  if (options.first) text = text.replace(/^\uFEFF/, '');
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = parseUniqueKeys(text);
  } catch (error) {
    throw wrong(`not JSON: ${(error as Error).message}`);
  }
  return checkRow(value, wrong, options.needLabels);
}

function checkRow(value: unknown, wrong: (message: string) => DfMergeError, needLabels: boolean): TaskRow {
  if (!isObject(value)) throw wrong('expected an object {"input", "choices", "label"}');
  const { input, choices } = value;
  if (typeof input !== 'string') throw wrong('"input" is missing or not a string');
  if (!Array.isArray(choices) || choices.length === 0)
    throw wrong('"choices" is missing or empty; expected a list of at least one string');
  const bad = choices.findIndex((choice) => typeof choice !== 'string' || choice === '');
  if (bad >= 0) throw wrong(`choice ${bad} is not a string with text`);
  const label = value.label ?? undefined;
  if (label === undefined) {
    if (needLabels) throw wrong('"label" is missing');
    return { input, choices: choices as string[] };
  }
  if (typeof label !== 'number' || !Number.isInteger(label) || label < 0 || label >= choices.length) {
    throw wrong(
      `label ${typeof label === 'number' ? label : JSON.stringify(label)} is not an index into the ${choices.length} choices (0 to ${choices.length - 1})${labelHint(label)}`,
    );
  }
  return { input, choices: choices as string[], label };
}

/** What the label was likely meant to be. Data sets in the Hugging Face hub mark rows without an answer by -1. */
function labelHint(label: unknown): string {
  if (label === -1) return '; a row without an answer has no "label" at all';
  return typeof label === 'string' ? '; it counts the choices from 0, and is not the text of one' : '';
}
