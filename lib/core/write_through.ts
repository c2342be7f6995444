import { constants, createReadStream, createWriteStream, fstatSync, open, type BigIntStats } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { connect, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fileError } from './files.js';
import { temporaryBeside } from './temporary.js';

const openDescriptor = promisify(open);

/** How long a FIFO that nobody reads yet is left alone between two tries, in milliseconds. */
const READER_MS = 50;

/** What is written, piece by piece. */
type Content = Iterable<string> | AsyncIterable<string | Uint8Array>;

/**
 * True where a path leads to something that is written through and never replaced: a device, a FIFO, a socket, or what this process's standard
 * output or standard error goes to, which would lose what else is printed.
 */
export async function isWrittenThrough(path: string): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (!found || found.isDirectory()) return false;
  return !found.isFile() || standardStream(found) !== undefined;
}

/** Checks that this process may write to something without opening it, which a reader would notice. Errors: those of the operating system. */
export async function assertOpenable(path: string): Promise<void> {
  await access(path, constants.W_OK);
}

/** Writes to something that isWrittenThrough. Errors: those of the operating system, AbortError. */
export async function streamInto(path: string, content: Content, signal?: AbortSignal): Promise<void> {
  const found = await stat(path, { bigint: true });
  const standard = standardStream(found);
  if (standard) return pipeline(content, standard, { signal, end: false });
  if (found.isSocket()) return pipeline(content, connect(path).resume().unref(), { signal });
  // Nothing is created or cut short here, whatever the name has come to stand for.
  if (!found.isFIFO()) {
    const fd = await openDescriptor(path, constants.O_WRONLY | constants.O_NOCTTY);
    return pipeline(content, createWriteStream('', { fd }), { signal });
  }
  const fd = await openFifo(path, signal);
  return pipeline(content, new Socket({ fd, readable: false, writable: true }), { signal });
}

/** Opens a FIFO as soon as somebody reads it. To open it plainly would hold a thread that no abort reaches. */
async function openFifo(path: string, signal?: AbortSignal): Promise<number> {
  for (;;) {
    try {
      return await openDescriptor(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    await sleep(READER_MS, undefined, { signal });
  }
}

/** Fills a file in the system's folder for temporary files and writes it through. Errors: those of streamInto; whatever `fill` throws. */
export async function fillThrough(
  path: string,
  fill: (file: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const target = join(tmpdir(), 'dfmerge');
  const temporary = await temporaryBeside(target).catch((error: unknown) => {
    throw fileError(error, `cannot write ${target}`);
  });
  try {
    await mkdir(temporary.path, { mode: 0o700 });
    const file = join(temporary.path, 'output');
    await fill(file);
    await streamInto(path, createReadStream(file, { highWaterMark: 2 ** 20 }), signal);
  } finally {
    await temporary.remove();
  }
}

/** The standard stream of this process that goes to a file, if one does. */
function standardStream({ dev, ino }: BigIntStats): NodeJS.WriteStream | undefined {
  const goesThere = (fd: number) => {
    try {
      const found = fstatSync(fd, { bigint: true });
      return found.dev === dev && found.ino === ino;
    } catch {
      return false; // It is closed.
    }
  };
  if (goesThere(1)) return process.stdout;
  return goesThere(2) ? process.stderr : undefined;
}
