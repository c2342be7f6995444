import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpoint } from './folder.js';

const WHOLE = 64 * 2 ** 20;
const BLOCK = 64 * 2 ** 10;
const BLOCKS = 256;

/**
 * SHA-256 (hex) that tells checkpoints apart without reading gigabytes: the size of every weight file and all of its bytes up to 64 MiB,
 * beyond that 256 blocks of 64 KiB spread evenly over it, header and end included.
 */
export async function checkpointFingerprint(checkpoint: Checkpoint): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(checkpoint.config));
  for (const shard of checkpoint.shards) {
    const file = join(checkpoint.dir, shard);
    const { size } = await stat(file);
    hash.update(`\n${size}\n`);
    const handle = await open(file, 'r');
    try {
      for (const [begin, length] of ranges(size)) {
        const block = Buffer.alloc(length);
        await handle.read(block, 0, length, begin);
        hash.update(block);
      }
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex');
}

function* ranges(size: number): Generator<[begin: number, length: number]> {
  if (size <= WHOLE) {
    for (let begin = 0; begin < size; begin += WHOLE) yield [begin, Math.min(WHOLE, size - begin)];
    return;
  }
  for (let i = 0; i < BLOCKS; i++) yield [Math.floor((i * (size - BLOCK)) / (BLOCKS - 1)), BLOCK];
}
