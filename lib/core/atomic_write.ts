import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError, flush } from './files.js';

let serial = 0;

/** A hidden name beside `path`, for what will take its place: `.NAME.tmp-PID-N`. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp-${process.pid}-${serial++}`);
}

/** Removes what processes that are no longer there left under temporaryBeside(path): they were killed in mid-write. */
export async function removeStale(path: string): Promise<void> {
  const prefix = `.${basename(path)}.tmp-`;
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names) {
    const owner = name.startsWith(prefix) ? /^(\d+)-\d+$/.exec(name.slice(prefix.length)) : null;
    if (owner && !isRunning(Number(owner[1]))) await rm(join(dirname(path), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Fills a file beside `path`, flushes it and renames it to `path`: a reader, or a restart after a crash, sees the old file or
 * the whole new one. The temporary file is removed on failure.
 * @param fill writes the temporary file it is given
 * Errors: IO; whatever `fill` throws.
 */
export async function replaceFile(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await fill(temporary);
    await flush(temporary);
    await rename(temporary, path);
    await flush(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(error, `cannot write ${path}`);
  }
}

/** Writes a whole file as replaceFile does. Errors: IO naming the file. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await replaceFile(path, (temporary) => writeNew(temporary, data));
}

/** Writes and flushes a file that must not be there yet. */
export async function writeNew(path: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
