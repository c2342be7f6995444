import {
  closeSync,
  copyFileSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DfMergeError } from '../core/errors.js';

/** What JSON can hold; numbers come back with the same bits. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** Lines of JSON that a file was found to hold. */
export interface FoundLines {
  /** The values of the lines up to the first that is no JSON. */
  lines: Json[];
  /** The position in bytes after each of them. */
  ends: number[];
  /** How many bytes are good: what follows them was cut short when its writer was killed, or is damaged. */
  length: number;
  /** How the bytes after them begin. */
  rest: string;
  /** The first line, counted from 1, that is bad and was not cut short. */
  damage?: { line: number; problem: string };
}

/** A file of lines of JSON that is only ever appended to. A line is on the disk when `append` returns. */
export class JournalFile {
  #descriptor: number | undefined;
  /** How many bytes are known to be whole lines on the disk. */
  #length: number;

  /**
   * Opens a file whose first `length` bytes are kept; without a length the file is created, and must not be there yet.
   * Errors: EXISTS; IO.
   */
  constructor(
    readonly path: string,
    length?: number,
  ) {
    this.#length = length ?? 0;
    this.#descriptor = reporting(path, () => {
      const descriptor = openSync(path, length === undefined ? 'ax' : 'a');
      ftruncateSync(descriptor, this.#length);
      if (length === undefined) syncFile(dirname(path));
      return descriptor;
    });
  }

  /** Copies a file so that the copy appears as a whole. Errors: IO. */
  static copy(from: string, to: string): void {
    reporting(to, () => {
      const temporary = `${to}.copy`; // A copy that was cut short stays under this name until it is made again.
      copyFileSync(from, temporary);
      syncFile(temporary);
      renameSync(temporary, to);
      syncFile(dirname(to));
    });
  }

  /** Appends a value as a line. Errors: IO, after which the file is as it was; CLOSED. */
  append(value: unknown): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) throw new DfMergeError('CLOSED', `the journal ${this.path} is closed`);
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    reporting(this.path, () => {
      try {
        writeFileSync(descriptor, line);
        fsyncSync(descriptor);
      } catch (error) {
        // Half a line on a full disk would become a corrupt line in the middle with the next append.
        ftruncateSync(descriptor, this.#length);
        throw error;
      }
    });
    this.#length += line.length;
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/**
 * The whole lines of a file, which stays as it is. A last line that was cut short is left out, and so is one with zeros in it, which a crash of
 * the machine can leave before a newline. Any other line that is no JSON is damage, and what follows it is not read. Errors: IO.
 */
export function readLines(path: string): FoundLines {
  const bytes = reporting(path, () => readFileSync(path));
  const last = bytes.lastIndexOf(0x0a) + 1;
  const found: FoundLines = { lines: [], ends: [], length: 0, rest: '' };
  while (found.length < last) {
    const end = bytes.indexOf(0x0a, found.length) + 1;
    const value = parse(bytes.toString('utf8', found.length, end));
    if (value === undefined) {
      if (end < last || !bytes.subarray(found.length, end).includes(0))
        found.damage = { line: found.lines.length + 1, problem: 'this line of the journal is not JSON' };
      break;
    }
    found.lines.push(value);
    found.ends.push(end);
    found.length = end;
  }
  found.rest = bytes.toString('utf8', found.length, found.length + 64);
  return found;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Flushes a file or a folder: a new file survives a power cut only if its folder's entry is on the disk too. */
export function syncFile(fileOrFolder: string): void {
  const descriptor = openSync(fileOrFolder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Runs an action on a journal's file, whose errors then name it. Errors: EXISTS where the file was not to be there; IO. */
export function reporting<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const there = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const message = there ? 'it has come into being meanwhile' : cause instanceof Error ? cause.message : String(cause);
    throw new DfMergeError(there ? 'EXISTS' : 'IO', `journal ${path}: ${message}`, { cause });
  }
}
