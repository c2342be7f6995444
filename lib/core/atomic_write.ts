import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, flush } from './files.js';
import { writeNew } from './new_file.js';
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
