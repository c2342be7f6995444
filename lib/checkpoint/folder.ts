import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { exists, fileError, readConfigFile } from '../core/files.js';
import { modelAdvice } from '../core/paths.js';
import type { OnWarning } from '../core/progress.js';
import { openShards } from './index_file.js';
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

/** How a checkpoint is opened. */
export interface OpenOptions {
  onWarning?: OnWarning;
  /**
   * Says, by the config, which names an index may list although no shard holds them, such as second names of a tied table. Without it there are
   * none.
   */
  mayLack?: (config: Record<string, unknown>, file: string) => (tensorName: string) => boolean;
}

/** The weights file of an unsharded checkpoint. */
export const SINGLE_FILE = 'model.safetensors';
/** The table that says which shard holds which tensor. */
export const INDEX_FILE = 'model.safetensors.index.json';

/**
 * Opens a checkpoint folder: `config.json` with `model.safetensors`, or with shards and their index.
 * Where a folder has both, the single file is taken, as transformers does.
 * Errors: NOT_FOUND, INVALID_CONFIG, INVALID_CHECKPOINT, UNSUPPORTED (weights that are not safetensors, adapters), IO.
 */
export async function openCheckpoint(dir: string, { onWarning, mayLack }: OpenOptions = {}): Promise<Checkpoint> {
  await assertModelFolder(dir);
  const [single, sharded] = [await exists(join(dir, SINGLE_FILE)), await exists(join(dir, INDEX_FILE))];
  await refuseAdapter(dir, single || sharded, onWarning);
  const configFile = join(dir, 'config.json');
  if (!(await exists(configFile)))
    throw new DfMergeError('NOT_FOUND', `${dir}: no config.json; expected a Hugging Face model folder`);
  const config = await readConfigFile(configFile);
  if (single) {
    const { tensors } = await readHeader(join(dir, SINGLE_FILE));
    return { dir, config, tensors, shards: [SINGLE_FILE] };
  }
  if (!sharded) throw await noWeights(dir);
  const dispensable = mayLack?.(config, configFile) ?? (() => false);
  return { dir, config, ...(await openShards(join(dir, INDEX_FILE), { dispensable, onWarning })) };
}

/**
 * Throws unless a folder is there.
 * @param written the path as the user wrote it, which may be relative to a recipe
 * Errors: NOT_FOUND, with advice where the path is an identifier of the Hugging Face hub or begins with `~`; IO.
 */
export async function assertModelFolder(dir: string, written = dir): Promise<void> {
  const found = await stat(dir).catch((error: unknown) => {
    const failure = fileError(error, `cannot open model folder ${dir}`);
    if (!(failure instanceof DfMergeError) || failure.code !== 'NOT_FOUND') throw failure;
    throw new DfMergeError('NOT_FOUND', failure.message + modelAdvice(written), { cause: error });
  });
  if (!found.isDirectory()) throw new DfMergeError('NOT_FOUND', `${dir}: expected a model folder, found a file`);
}

const ADAPTER_CONFIG = 'adapter_config.json';

/** Refuses a folder that holds an adapter alone; beside a whole model an adapter is warned of. */
async function refuseAdapter(dir: string, whole: boolean, onWarning?: OnWarning): Promise<void> {
  const file = (await readdir(dir)).find((name) => /^adapter_(config\.json|model\.(safetensors|bin))$/.test(name));
  if (file === undefined) return;
  if (whole) {
    onWarning?.(`${dir}: holds an adapter (${file}) beside a whole model; only the model is read`);
    return;
  }
  const config = (await exists(join(dir, ADAPTER_CONFIG))) ? await readConfigFile(join(dir, ADAPTER_CONFIG)) : {};
  const { peft_type: type, base_model_name_or_path: base } = config;
  const kind = typeof type === 'string' ? ` (${type.slice(0, 40)})` : '';
  const of = typeof base === 'string' ? ` of ${base.slice(0, 200)}` : '';
  throw new DfMergeError(
    'UNSUPPORTED',
    `${dir}: holds an adapter${kind}${of} and no whole model (${file}, no ${SINGLE_FILE}); ` +
      'merge the adapter into its base first (peft: model.merge_and_unload(), then save_pretrained) and give that folder',
  );
}

async function noWeights(dir: string): Promise<DfMergeError> {
  const files = await readdir(dir);
  const pickled = files.find((name) =>
    /^(pytorch_model.*\.bin|tf_model\.h5|flax_model\.msgpack|.*\.(bin|pt|pth|ckpt))$/.test(name),
  );
  if (pickled !== undefined)
    return new DfMergeError(
      'UNSUPPORTED',
      `${dir}: holds ${pickled} but no ${SINGLE_FILE}; convert it to safetensors first (transformers: load it and save_pretrained, as in ` +
        `python -c "from transformers import AutoModelForSeq2SeqLM as M; M.from_pretrained('${dir}').save_pretrained('${dir}-safetensors')")`,
    );
  const other = files.find((name) => name.endsWith('.safetensors'));
  const hint = other === undefined ? '' : `; ${other} is not a name that transformers reads either`;
  return new DfMergeError('NOT_FOUND', `${dir}: no ${SINGLE_FILE} and no ${INDEX_FILE}${hint}`);
}
