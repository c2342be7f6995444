import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, flush } from './files.js';
import { temporaryBeside, type Temporary } from './temporary.js';

/**
 * Fills a file beside `path`, flushes it and renames it to `path`: a reader, or a restart after a crash, sees the old file or
 * the whole new one. The temporary file is removed on failure.
 * @param fill writes the temporary file whose name it is given
 * Errors: IO; whatever `fill` throws.
 */
export async function replaceFile(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  let temporary: Temporary | undefined;
  try {
    temporary = await temporaryBeside(path);
    await fill(temporary.path);
    await flush(temporary.path);
    await rename(temporary.path, path);
    await flush(dirname(path));
  } catch (error) {
    throw fileError(error, `cannot write ${path}`);
  } finally {
    await temporary?.remove();
  }
}

/** Writes a whole file in the way of replaceFile. Errors: IO naming the file. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await replaceFile(path, (temporary) => writeNew(temporary, data));
}

/** Writes and flushes a file that must not be there yet. Errors: those of the operating system. */
export async function writeNew(path: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
