import { join } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import type { Checkpoint } from './folder.js';
import { readHeader } from './safetensors.js';

/**
 * Reads the headers of a checkpoint's files once more and compares them with what they said. The engine, which has the files open by then,
 * sees every later change itself; between the first reading and that, they may have been saved anew.
 * Errors: MISMATCH naming the file and the tensor, and those of readHeader.
 */
export async function assertSameHeaders({ dir, shards, tensors }: Checkpoint): Promise<void> {
  for (const shard of shards) {
    const file = join(dir, shard);
    const now = (await readHeader(file)).tensors;
    for (const entry of tensors.values()) {
      if (entry.file !== file) continue;
      const found = now.get(entry.written ?? entry.name);
      if (found?.begin !== entry.begin || found.dtype !== entry.dtype || String(found.shape) !== String(entry.shape))
        throw new DfMergeError('MISMATCH', `${file}: was saved anew while it was opened: ${entry.name} lies elsewhere`);
    }
  }
}
