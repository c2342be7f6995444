import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DfMergeError } from '../core/errors.js';

/** What JSON can hold; numbers come back with the same bits. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** First line of a journal: all that decides the numbers of a run. Resuming under a different one is refused. */
export interface JournalHeader {
  /** Of dfmerge. */
  version: string;
  seed: number;
  /** Put the resolved recipe and the digests of data and models here: a refusal names the keys that differ. */
  [key: string]: Json | undefined;
}

/** One line per finished trial. */
export interface JournalTrial {
  /** Consecutive, starting at 1. */
  trial: number;
  coefficients: number[];
  objective: number;
  /** Validation accuracy by task name. */
  accuracy: Record<string, number>;
  seconds: number;
  [key: string]: Json | undefined;
}

/** By the path of a header's key, what its absence stands for; for the words of a refusal. */
export type Absent = Readonly<Record<string, Json>>;

/** Append-only record of a search, as lines of JSON. */
export interface Journal {
  readonly path: string;
  /** Read back and appended, in order. */
  readonly trials: readonly JournalTrial[];
  /** Returns when the line is on the disk. Throws INVALID_ARGUMENT (number not finite, trial out of order) or IO. */
  append(trial: JournalTrial): void;
  close(): void;
}

/**
 * Opens the journal of a search. A new one starts with `header`. An existing one needs `resume`, and gives back its trials
 * after dropping a last line that was cut short (the process was killed in mid-write).
 *
 * Throws EXISTS (the file is there and `resume` is not set), MISMATCH (another run's header), INVALID_DATA (a line that
 * cannot be read and is not the last), IO.
 */
export function openJournal(
  path: string,
  header: JournalHeader,
  options: { resume?: boolean; absent?: Absent } = {},
): Journal {
  const exists = existsSync(path);
  if (exists && !options.resume) {
    throw new DfMergeError(
      'EXISTS',
      `${path} holds the journal of an earlier search; add --resume (resume: true) to go on with it, or give another output folder`,
    );
  }
  const { trials, length } = exists ? readBack(path, header, options.absent) : { trials: [], length: 0 };
  return reporting(path, () => new JournalFile(path, { header, trials, length }));
}

class JournalFile implements Journal {
  readonly path: string;
  readonly trials: JournalTrial[];
  #descriptor: number | undefined;
  /** Bytes that are known to be whole lines on the disk. */
  #length: number;

  constructor(path: string, start: { header: JournalHeader; trials: JournalTrial[]; length: number }) {
    this.path = path;
    this.trials = start.trials;
    this.#length = start.length;
    this.#descriptor = openSync(path, 'a');
    ftruncateSync(this.#descriptor, start.length);
    if (start.length === 0) {
      this.#writeLine(start.header);
      syncFolder(dirname(path));
    }
  }

  append(trial: JournalTrial): void {
    checkNumbers(trial);
    const expected = this.trials.length + 1;
    if (trial.trial !== expected)
      throw new DfMergeError(
        'INVALID_ARGUMENT',
        `trial ${trial.trial} cannot follow trial ${expected - 1} in the journal`,
      );
    reporting(this.path, () => this.#writeLine(trial));
    this.trials.push(trial);
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #writeLine(value: JournalHeader | JournalTrial): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new DfMergeError('CLOSED', `the journal ${this.path} is closed`);
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    try {
      writeFileSync(descriptor, line);
      fsyncSync(descriptor);
    } catch (error) {
      // Half a line on a full disk would become a corrupt line in the middle with the next append.
      ftruncateSync(descriptor, this.#length);
      throw error;
    }
    this.#length += line.length;
  }
}

/** The journal's trials and the length of its whole lines; changes nothing, since the header may turn out to be another run's. */
function readBack(
  path: string,
  header: JournalHeader,
  absent: Absent = {},
): { trials: JournalTrial[]; length: number } {
  const bytes = reporting(path, () => readFileSync(path));
  const { lines, length } = wholeLines(bytes);
  if (lines.length === 0) return { trials: [], length: 0 };
  compareHeaders(path, parseLine(path, lines[0], 1), { wanted: header, absent });
  const trials = lines.slice(1).map((line, index) => readTrial(path, parseLine(path, line, index + 2), index + 1));
  return { trials, length };
}

/** Lines that end in a newline; the last is dropped where it is not JSON (a crash of the machine can leave zeros before it). */
function wholeLines(bytes: Buffer): { lines: string[]; length: number } {
  let length = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.toString('utf8', 0, length).split('\n').slice(0, -1);
  const last = lines.at(-1);
  if (last !== undefined && !isJson(last)) {
    lines.pop();
    length = length < 2 ? 0 : bytes.lastIndexOf(0x0a, length - 2) + 1;
  }
  return { lines, length };
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function parseLine(path: string, line: string, number: number): Json {
  try {
    return JSON.parse(line) as Json;
  } catch (cause) {
    throw new DfMergeError(
      'INVALID_DATA',
      `${path}:${number}: this line of the journal is not JSON; remove it and the lines after it to resume from there`,
      { cause },
    );
  }
}

function readTrial(path: string, value: Json, expected: number): JournalTrial {
  const line = expected + 1;
  if (!isTrial(value)) {
    throw new DfMergeError(
      'INVALID_DATA',
      `${path}:${line}: expected a trial: {"trial", "coefficients", "objective", "accuracy", "seconds"}`,
    );
  }
  if (value.trial !== expected)
    throw new DfMergeError('INVALID_DATA', `${path}:${line}: expected trial ${expected}, found trial ${value.trial}`);
  return value;
}

function isTrial(value: Json): value is JournalTrial {
  if (!isObject(value)) return false;
  const { trial, coefficients, objective, accuracy, seconds } = value;
  return (
    [trial, objective, seconds].every(isNumber) &&
    Array.isArray(coefficients) &&
    coefficients.every(isNumber) &&
    isObject(accuracy) &&
    Object.values(accuracy).every(isNumber)
  );
}

function compareHeaders(
  path: string,
  found: Json,
  { wanted, absent }: { wanted: JournalHeader; absent: Absent },
): void {
  // Through JSON, so that an absent key and an undefined one are the same.
  const differences = differingKeys(found, JSON.parse(JSON.stringify(wanted)) as Json, '');
  if (differences.length === 0) return;
  const excerpt = (key: string, value: Json | undefined) => excerptOf(value ?? absent[key]);
  const shown = differences
    .slice(0, 8)
    .map(
      ({ key, found, wanted }) => `\n  ${key || 'header'}: ${excerpt(key, found)} there, ${excerpt(key, wanted)} now`,
    );
  throw new DfMergeError(
    'MISMATCH',
    `${path} is the journal of a different search, so it cannot be resumed:${shown.join('')}`,
  );
}

interface Difference {
  key: string;
  found: Json | undefined;
  wanted: Json | undefined;
}

function differingKeys(found: Json | undefined, wanted: Json | undefined, key: string): Difference[] {
  if (isDeepStrictEqual(found, wanted)) return [];
  if (!isObject(found) || !isObject(wanted)) return [{ key, found, wanted }];
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  return keys.flatMap((name) => differingKeys(found[name], wanted[name], key === '' ? name : `${key}.${name}`));
}

function excerptOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** JSON would turn NaN and ±Infinity into null without a word. */
function checkNumbers(trial: JournalTrial): void {
  const bad = [trial.objective, trial.seconds, ...trial.coefficients, ...Object.values(trial.accuracy)].find(
    (value) => !Number.isFinite(value),
  );
  if (bad !== undefined)
    throw new DfMergeError('INVALID_ARGUMENT', `trial ${trial.trial} has a number that is not finite: ${bad}`);
}

function isNumber(value: Json | undefined): value is number {
  return typeof value === 'number';
}

function isObject(value: Json | undefined): value is { [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A new file survives a power cut only if its folder's entry is on the disk too. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function reporting<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof DfMergeError) throw cause;
    throw new DfMergeError('IO', `journal ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
