import { chmod, link, open, rename, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DfMergeError } from './errors.js';
import { fileError, flush } from './files.js';
import { outputPath, tildeAdvice } from './paths.js';
import { realTarget } from './real_path.js';
import { temporaryBeside, type Temporary } from './temporary.js';
import { assertOpenable, fillThrough, isWrittenThrough, streamInto } from './write_through.js';

/** How a file is written where the user said. */
export interface OutputFileOptions {
  /** Whether an existing regular file is replaced. What is no regular file is written through and needs no leave. */
  overwrite?: boolean;
  signal?: AbortSignal;
}

/**
 * Checks, before any work, that a file can be written: it is no folder, its folder is there and takes files, and it is not there itself, or is to be
 * overwritten. Errors: EXISTS, NOT_FOUND, IO, all naming the path.
 */
export async function assertFileWritable(path: string, { overwrite = false }: OutputFileOptions = {}): Promise<void> {
  try {
    if (await isWrittenThrough(path)) return await assertOpenable(path);
    const target = await replaceable(path, overwrite);
    // A file is made and removed there, which tells more than permissions do.
    await (await temporaryBeside(target).catch(cannotCreate(path, target))).remove();
  } catch (error) {
    throw writeError(error, path);
  }
}

/**
 * Writes lines of text to a file, which appears whole or not at all; a link stays one, and what it points to gets the content. A device, a FIFO, a
 * socket and this process's own standard output are written through as they are. A FIFO that nobody reads yet is waited for.
 * Errors: those of assertFileWritable; the signal's reason.
 */
export async function writeOutputLines(
  path: string,
  lines: Iterable<string> | AsyncIterable<string>,
  options: OutputFileOptions = {},
): Promise<void> {
  try {
    if (await isWrittenThrough(path)) return await streamInto(path, lines, options.signal);
    await replace(path, options, async (temporary) => {
      // Opened first: an abort would not wait for a stream that opens it, and the file would come into being after its removal.
      const file = await open(temporary, 'wx');
      await pipeline(lines, file.createWriteStream(), { signal: options.signal });
    });
  } catch (error) {
    throw writeError(error, path, options.signal);
  }
}

/**
 * Has `fill` make a new file of the name that it is given, and puts it where writeOutputLines would. What is written through need not be
 * seekable: the file is filled in the system's folder for temporary files first.
 * Errors: those of writeOutputLines; whatever `fill` throws.
 */
export async function writeOutputFile(
  path: string,
  fill: (file: string) => Promise<void>,
  options: OutputFileOptions = {},
): Promise<void> {
  try {
    if (await isWrittenThrough(path)) await fillThrough(path, fill, options.signal);
    else await replace(path, options, fill);
  } catch (error) {
    throw writeError(error, path, options.signal);
  }
}

/** A path on the disk that has to have room for an output: for what is written through, one in the system's folder for temporary files. */
export async function placeOnDisk(path: string): Promise<string> {
  if (await isWrittenThrough(path)) return join(tmpdir(), 'dfmerge');
  return realTarget(path).catch(() => path);
}

function cannotCreate(path: string, target: string): (error: unknown) => never {
  return (error) => {
    throw fileError(error, `cannot write ${path}: no file can be made in ${dirname(target)}`);
  };
}

/** The real path of a regular file to be made or replaced. */
async function replaceable(path: string, overwrite: boolean): Promise<string> {
  const target = await realTarget(outputPath(path));
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory())
    throw new DfMergeError('IO', `cannot write ${path}: it is a folder; expected the name of a file`);
  if (found && !overwrite)
    throw new DfMergeError('EXISTS', `${path} exists already; choose another file or ask to overwrite it`);
  if (!(await stat(dirname(target)).catch(() => undefined))?.isDirectory())
    throw new DfMergeError(
      'NOT_FOUND',
      `cannot write ${path}: there is no folder ${dirname(target)}${tildeAdvice(path)}`,
    );
  return target;
}

async function replace(
  path: string,
  { overwrite = false }: OutputFileOptions,
  fill: (file: string) => Promise<void>,
): Promise<void> {
  const target = await replaceable(path, overwrite);
  let temporary: Temporary | undefined;
  try {
    temporary = await temporaryBeside(target);
    await fill(temporary.path);
    const old = await stat(target).catch(() => undefined);
    await flush(temporary.path);
    if (old?.isFile()) await chmod(temporary.path, old.mode & 0o777).catch(() => undefined);
    // Something else may have taken the name while this was being written.
    await replaceable(path, overwrite);
    if (overwrite && (await isWrittenThrough(path)))
      throw new DfMergeError('EXISTS', `${path} is no regular file any more; nothing was written`);
    if (overwrite || !(await linked(temporary.path, target))) await rename(temporary.path, target);
    await flush(dirname(target));
  } finally {
    await temporary?.remove();
  }
}

/** Gives a file a second name in one step, which a rename does not: it fails where the name is taken. False where the file system has no links. */
async function linked(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    throw new DfMergeError('EXISTS', `${name} has come into being meanwhile; nothing was written`, { cause: error });
  }
}

function writeError(error: unknown, path: string, signal?: AbortSignal): unknown {
  if (signal?.aborted && (error as { name?: unknown }).name === 'AbortError') return signal.reason;
  if ((error as NodeJS.ErrnoException).code === 'EPIPE')
    return new DfMergeError('IO', `cannot write ${path}: its reader has closed it (EPIPE)`, { cause: error });
  return fileError(error, `cannot write ${path}`);
}
