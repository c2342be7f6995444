import { decodeUtf8, fileError } from './files.js';
import { DfMergeError } from './errors.js';

/** A line of a text, without what ends it. */
export interface Line {
  /** Counted from 1. */
  number: number;
  text: string;
}

/** How lines are read. */
export interface LineOptions<T> {
  /** What is made of a line; undefined passes over it. */
  read: (line: Line) => T | undefined;
  /** What the lines come from, for messages. */
  name: string;
  /** How many lines a group has at most. */
  most: number;
  signal?: AbortSignal;
}

/** A longer line is no text that anyone would have a model read. */
const MAX_LINE_BYTES = 64 * 2 ** 20;

const NEWLINE = 0x0a;

/** What lines are read from: its iterator must end when it is destroyed, as that of Node's streams does. */
export type ByteStream = AsyncIterable<Uint8Array> & { destroy(reason?: Error): unknown };

/**
 * What is made of the lines of a stream of bytes in UTF-8, in groups: those that have arrived together, so that nothing that is complete waits for
 * what comes later, and no more is held than a group. A byte-order mark and CRLF are tolerated, and the last line may lack its end.
 * Errors, each after the lines before it: INVALID_DATA naming the line that is not UTF-8 or over 64 MiB long; what `read` throws; IO; the signal's
 * reason.
 */
export async function* lineGroups<T>(stream: ByteStream, options: LineOptions<T>): AsyncGenerator<T[]> {
  const { name, signal } = options;
  const reading = new LineReader(name);
  const stop = () => stream.destroy(signal?.reason as Error);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream) yield* groupsOf(reading.linesOf(chunk), options);
    yield* groupsOf(reading.rest(), options);
  } catch (error) {
    signal?.throwIfAborted();
    throw fileError(error, `cannot read ${name}`);
  } finally {
    signal?.removeEventListener('abort', stop);
    stream.destroy();
  }
}

function* groupsOf<T>(lines: Iterable<Line>, { read, most }: LineOptions<T>): Generator<T[]> {
  let group: T[] = [];
  try {
    for (const line of lines) {
      const made = read(line);
      if (made === undefined) continue;
      group.push(made);
      if (group.length < most) continue;
      yield group;
      group = [];
    }
  } catch (error) {
    if (group.length > 0) yield group;
    throw error;
  }
  if (group.length > 0) yield group;
}

/** Cuts chunks of bytes into lines. */
class LineReader {
  #number = 0;
  /** What has come of the line that is not complete yet. */
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(private readonly name: string) {}

  *linesOf(bytes: Uint8Array): Generator<Line> {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk.subarray(start, end));
      yield this.#complete();
      start = end + 1;
    }
    if (start < chunk.length) this.#add(chunk.subarray(start));
  }

  /** The last line, where nothing ends it. */
  *rest(): Generator<Line> {
    if (this.#bytes > 0) yield this.#complete();
  }

  #add(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > MAX_LINE_BYTES) throw this.#wrong(`over ${MAX_LINE_BYTES / 2 ** 20} MiB long`);
    this.#parts.push(part);
  }

  #complete(): Line {
    const bytes = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    const text = decodeUtf8(bytes);
    if (text === undefined) throw this.#wrong('not UTF-8');
    this.#parts = [];
    this.#bytes = 0;
    const number = ++this.#number;
    const whole = number === 1 ? text.replace(/^\uFEFF/, '') : text;
    return { number, text: whole.endsWith('\r') ? whole.slice(0, -1) : whole };
  }

  #wrong(what: string): DfMergeError {
    return new DfMergeError('INVALID_DATA', `${this.name}:${this.#number + 1}: ${what}`);
  }
}
