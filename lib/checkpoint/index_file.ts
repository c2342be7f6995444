import { basename, dirname, join } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { excerpt } from '../core/bounded_json.js';
import { exists, isObject, readConfigFile } from '../core/files.js';
import type { OnWarning } from '../core/progress.js';
import { MAX_TENSORS, readHeader, type TensorEntry } from './safetensors.js';

/** What an index file and its shards hold. */
export interface ShardedTensors {
  tensors: Map<string, TensorEntry>;
  /** The names of the files, sorted. */
  shards: string[];
  /** The index file as it stands. */
  index: Record<string, unknown>;
}

/** No published model has a tenth of this. */
const MAX_SHARDS = 10_000;

/**
 * Reads an index file and the headers of its shards, which must agree in every tensor. Names for which `dispensable` holds may be listed although no
 * shard holds them; they are warned of.
 * Errors: NOT_FOUND for a shard; INVALID_CONFIG, INVALID_CHECKPOINT, IO.
 */
export async function openShards(
  indexFile: string,
  { dispensable, onWarning }: { dispensable: (tensorName: string) => boolean; onWarning?: OnWarning },
): Promise<ShardedTensors> {
  const dir = dirname(indexFile);
  const index = await readConfigFile(indexFile);
  const placed = parseWeightMap(index, indexFile);
  const shards = [...new Set(placed.values())].sort();
  if (shards.length > MAX_SHARDS)
    throw invalid(indexFile, `names ${shards.length} shards, over the limit of ${MAX_SHARDS}`);
  for (const shard of shards) {
    if (!(await exists(join(dir, shard))))
      throw new DfMergeError(
        'NOT_FOUND',
        `${indexFile}: names the shard ${excerpt(shard)}, which is not in the folder`,
      );
  }
  const tensors = new Map<string, TensorEntry>();
  for (const shard of shards) {
    for (const [name, entry] of (await readHeader(join(dir, shard))).tensors) {
      const expected = placed.get(name);
      if (expected === undefined) throw invalid(indexFile, `does not list tensor "${excerpt(name)}" of ${shard}`);
      if (expected !== shard)
        throw invalid(
          indexFile,
          `places tensor "${excerpt(name)}" in ${expected}, but ${shard} holds it too or instead`,
        );
      tensors.set(name, entry);
    }
    if (tensors.size > MAX_TENSORS)
      throw invalid(indexFile, `lists more than ${MAX_TENSORS} tensors, which no model has`);
  }
  for (const [name, shard] of placed) {
    if (tensors.has(name)) continue;
    if (!dispensable(name))
      throw invalid(indexFile, `places tensor "${excerpt(name)}" in ${shard}, which does not hold it`);
    onWarning?.(
      `${indexFile}: places "${excerpt(name)}" in ${shard}, which does not hold it; it is a second name and not needed`,
    );
  }
  return { tensors, shards, index };
}

function parseWeightMap(index: Record<string, unknown>, file: string): Map<string, string> {
  if (!isObject(index.weight_map)) throw invalid(file, 'expected an object "weight_map"');
  const placed = new Map<string, string>();
  for (const [name, shard] of Object.entries(index.weight_map)) {
    if (typeof shard !== 'string') throw invalid(file, `weight_map "${excerpt(name)}" is not a file name`);
    if (basename(shard) !== shard || shard.includes('\\') || !shard.endsWith('.safetensors')) {
      throw invalid(
        file,
        `weight_map "${excerpt(name)}" names "${excerpt(shard)}"; expected the plain name of a .safetensors file in the same folder`,
      );
    }
    placed.set(name, shard);
  }
  if (placed.size === 0) throw invalid(file, 'weight_map is empty');
  return placed;
}

function invalid(file: string, message: string): DfMergeError {
  return new DfMergeError('INVALID_CHECKPOINT', `${file}: ${message}`);
}
