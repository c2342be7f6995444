import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { exists, fileError, isObject, readJsonObject } from '../core/files.js';
import { readHeader, type TensorEntry } from './safetensors.js';

/** An opened Hugging Face checkpoint folder: its config, and where each tensor lies. No tensor data is held. */
export interface Checkpoint {
  dir: string;
  /** config.json as it stands. */
  config: Record<string, unknown>;
  tensors: Map<string, TensorEntry>;
  /** The folder's safetensors files, sorted by name; an unsharded checkpoint has one. */
  shards: string[];
  /** model.safetensors.index.json as it stands. An unsharded checkpoint has none. */
  index?: Record<string, unknown>;
}

/** The weights file of an unsharded checkpoint. */
export const SINGLE_FILE = 'model.safetensors';
/** The table that says which shard holds which tensor. */
export const INDEX_FILE = 'model.safetensors.index.json';

/**
 * Opens a checkpoint folder: `config.json` with `model.safetensors`, or with shards and their index.
 * Where a folder has both, the single file is taken, as transformers does.
 * Errors: NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, UNSUPPORTED (weights that are not safetensors), IO.
 */
export async function openCheckpoint(dir: string): Promise<Checkpoint> {
  await assertFolder(dir);
  const configFile = join(dir, 'config.json');
  if (!(await exists(configFile)))
    throw new DfMergeError('NOT_FOUND', `${dir}: no config.json; expected a Hugging Face model folder`);
  const config = await readJsonObject(configFile);
  if (await exists(join(dir, SINGLE_FILE))) {
    const { tensors } = await readHeader(join(dir, SINGLE_FILE));
    return { dir, config, tensors, shards: [SINGLE_FILE] };
  }
  if (await exists(join(dir, INDEX_FILE))) return { dir, config, ...(await openShards(dir)) };
  throw await noWeights(dir);
}

async function assertFolder(dir: string): Promise<void> {
  const found = await stat(dir).catch((error: unknown) => {
    throw fileError(error, `cannot open model folder ${dir}`);
  });
  if (!found.isDirectory()) throw new DfMergeError('NOT_FOUND', `${dir}: expected a model folder, found a file`);
}

async function noWeights(dir: string): Promise<DfMergeError> {
  const files = await readdir(dir);
  const other = files.find((name) => /^(pytorch_model.*\.bin|tf_model\.h5|flax_model\.msgpack)$/.test(name));
  if (other)
    return new DfMergeError(
      'UNSUPPORTED',
      `${dir}: holds ${other} but no ${SINGLE_FILE}; convert it to safetensors first (transformers: load it and save_pretrained)`,
    );
  return new DfMergeError('NOT_FOUND', `${dir}: no ${SINGLE_FILE} and no ${INDEX_FILE}`);
}

async function openShards(dir: string): Promise<Pick<Checkpoint, 'tensors' | 'shards' | 'index'>> {
  const indexFile = join(dir, INDEX_FILE);
  const index = await readJsonObject(indexFile);
  const placed = parseWeightMap(index, indexFile);
  const shards = [...new Set(placed.values())].sort();
  for (const shard of shards) {
    if (!(await exists(join(dir, shard))))
      throw new DfMergeError('NOT_FOUND', `${indexFile}: names the shard ${shard}, which is not in the folder`);
  }
  const tensors = new Map<string, TensorEntry>();
  for (const shard of shards) {
    for (const [name, entry] of (await readHeader(join(dir, shard))).tensors) {
      const expected = placed.get(name);
      if (expected === undefined) throw invalid(indexFile, `does not list tensor "${name}" of ${shard}`);
      if (expected !== shard)
        throw invalid(indexFile, `places tensor "${name}" in ${expected}, but ${shard} holds it too or instead`);
      tensors.set(name, entry);
    }
  }
  for (const [name, shard] of placed) {
    if (!tensors.has(name)) throw invalid(indexFile, `places tensor "${name}" in ${shard}, which does not hold it`);
  }
  return { tensors, shards, index };
}

function parseWeightMap(index: Record<string, unknown>, file: string): Map<string, string> {
  if (!isObject(index.weight_map)) throw invalid(file, 'expected an object "weight_map"');
  const placed = new Map<string, string>();
  for (const [name, shard] of Object.entries(index.weight_map)) {
    if (typeof shard !== 'string') throw invalid(file, `weight_map "${name}" is not a file name`);
    if (basename(shard) !== shard || shard.includes('\\') || !shard.endsWith('.safetensors')) {
      throw invalid(
        file,
        `weight_map "${name}" names "${shard}"; expected the plain name of a .safetensors file in the same folder`,
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
