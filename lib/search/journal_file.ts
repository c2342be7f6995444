import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DfMergeError } from '../core/errors.js';

/** What JSON can hold; numbers come back with the same bits. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** Lines of JSON that a file was found to hold. */
export interface FoundLines {
  lines: Json[];
  /** How many bytes those lines take. What follows them was cut short when its writer was killed. */
  length: number;
}

/** A file of lines of JSON that is only ever appended to. A line is on the disk when `append` returns. */
export class JournalFile {
  #descriptor: number | undefined;
  /** How many bytes are known to be whole lines on the disk. */
  #length: number;

  /** Opens a file whose first `length` bytes are kept. Errors: IO. */
  constructor(
    readonly path: string,
    length: number,
  ) {
    this.#length = length;
    this.#descriptor = reporting(path, () => {
      const isNew = !existsSync(path);
      const descriptor = openSync(path, 'a');
      ftruncateSync(descriptor, length);
      if (isNew) syncFolder(dirname(path));
      return descriptor;
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
 * The whole lines of a file, which stays as it is. A last line that was cut short is left out, and so is one that is no JSON, since a crash of
 * the machine can leave zeros before a newline. Errors: INVALID_DATA naming any other line that is no JSON; IO.
 */
export function readLines(path: string): FoundLines {
  const bytes = reporting(path, () => readFileSync(path));
  let length = bytes.lastIndexOf(0x0a) + 1;
  const texts = bytes.toString('utf8', 0, length).split('\n').slice(0, -1);
  const last = texts.at(-1);
  if (last !== undefined && parse(last) === undefined) {
    texts.pop();
    length = length < 2 ? 0 : bytes.lastIndexOf(0x0a, length - 2) + 1;
  }
  const lines = texts.map((text, index) => {
    const value = parse(text);
    if (value !== undefined) return value;
    throw new DfMergeError(
      'INVALID_DATA',
      `${path}:${index + 1}: this line of the journal is not JSON; remove it and the lines after it to resume from there`,
    );
  });
  return { lines, length };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
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
    throw new DfMergeError('IO', `journal ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
