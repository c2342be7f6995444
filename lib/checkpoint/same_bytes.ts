import { open } from 'node:fs/promises';
import { fileError } from '../core/files.js';
import type { TensorEntry } from './safetensors.js';

const CHUNK_BYTES = 4 << 20;

/**
 * Whether two tensors have the same type, shape and bytes. Both are read in chunks of 4 MiB, up to the first difference.
 * Errors: NOT_FOUND, IO.
 */
export async function sameTensor(a: TensorEntry, b: TensorEntry): Promise<boolean> {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length || a.shape.some((n, i) => n !== b.shape[i]))
    return false;
  if (a.file === b.file && a.begin === b.begin) return true;
  const readA = await chunks(a);
  const readB = await chunks(b);
  try {
    for (let done = 0; done < a.end - a.begin; done += CHUNK_BYTES) {
      const [left, right] = await Promise.all([readA.next(done), readB.next(done)]);
      if (!left.equals(right)) return false;
    }
    return true;
  } catch (error) {
    throw fileError(error, `cannot compare ${a.file} with ${b.file}`);
  } finally {
    await Promise.all([readA.close(), readB.close()]);
  }
}

async function chunks(entry: TensorEntry): Promise<{ next(done: number): Promise<Buffer>; close(): Promise<void> }> {
  const handle = await open(entry.file, 'r').catch((error: unknown) => {
    throw fileError(error, `cannot read ${entry.file}`);
  });
  const buffer = Buffer.alloc(Math.min(CHUNK_BYTES, entry.end - entry.begin));
  return {
    async next(done) {
      const length = Math.min(buffer.length, entry.end - entry.begin - done);
      const { bytesRead } = await handle.read(buffer, 0, length, entry.begin + done);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}
