import { open } from 'node:fs/promises';

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
