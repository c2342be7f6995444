import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { digestFiles, type DigestOptions } from '../core/file_digest.js';
import type { Checkpoint } from './folder.js';

/**
 * SHA-256 (hex) of each checkpoint's config.json and of all bytes of its weight files, whatever the folder and the files are called.
 * Errors: those of digestFiles.
 */
export async function checkpointFingerprints(
  checkpoints: readonly Pick<Checkpoint, 'dir' | 'config' | 'shards'>[],
  options: DigestOptions = {},
): Promise<string[]> {
  const files = checkpoints.map(({ dir, shards }) => shards.map((shard) => join(dir, shard)));
  const digests = await digestFiles(files.flat(), options);
  let next = 0;
  return checkpoints.map(({ config, shards }) => {
    const weights = digests.slice(next, (next += shards.length));
    return createHash('sha256')
      .update(JSON.stringify([config, ...weights]))
      .digest('hex');
  });
}
