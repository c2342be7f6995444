import { lstat, mkdir, readdir, readFile, realpath, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { applyEdits, modify } from 'jsonc-parser';
import { DfMergeError } from '../core/errors.js';
import { exists, fileError, flush } from '../core/files.js';
import { MANIFEST_FILE, readManifest, writeManifest, type FolderRecord } from '../core/manifest.js';
import { writeNew } from '../core/new_file.js';
import { tildeAdvice } from '../core/paths.js';
import { realTarget } from '../core/real_path.js';
import { NEW, replaceFolder } from '../core/replace_folder.js';
import { sum } from '../core/statistics.js';
import { temporaryBeside, type Temporary } from '../core/temporary.js';
import { CARD_FILE, hasOwnCard } from './card_file.js';
import { copyCompanions, isCompanion } from './companion_files.js';
import { INDEX_FILE, type Checkpoint } from './folder.js';
import { elementCount } from './layout.js';
import { ELEMENT_BYTES, type WeightDType } from './safetensors.js';
import { fillSafetensorsFile, type TensorWriter, type WeightSpec } from './safetensors_file.js';

/** The element type of written weights, as config.json spells it. */
export const OUTPUT_DTYPES = ['float32', 'float16', 'bfloat16'] as const;
export type OutputDtype = (typeof OUTPUT_DTYPES)[number];

const WEIGHT_DTYPE: Record<OutputDtype, WeightDType> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };

/**
 * Whether a folder that is there is overwritten; `unlisted` where it is known to be dfmerge's even if it has lost its dfmerge.json, and then
 * every file of it is kept.
 */
export type Overwrite = boolean | 'unlisted';

/** A model folder to be written. */
export interface ModelFolder {
  /** The folder to make. */
  out: string;
  /** The checkpoint whose config, tensor names, shapes and division into shards the folder takes over. */
  base: Checkpoint;
  dtype: OutputDtype;
  /** Metadata of the safetensors headers, beside `format: pt`. */
  metadata?: Record<string, string>;
  overwrite?: Overwrite;
  /** Names the engine's parameter that a tensor is filled from; undefined leaves the tensor out. */
  aliasOf: (tensorName: string) => string | undefined;
  writeTensors: TensorWriter;
  /** Tensors that the base lacks. They have their parameters' names and go to the end of the last shard. */
  addedTensors?: readonly { name: string; shape: readonly number[] }[];
  /** The keys of config.json that differ from the base's, with their values. */
  configChanges?: Record<string, unknown>;
  /** The folder to copy tokenizer files from. Default: the base's. */
  tokenizerDir?: string;
  /** The text of README.md. It is called after `extraFiles`, and not written where an older folder has a README.md of the user's own, which stays. */
  card?: () => string;
  /** More files by plain name. A function is called when the weights are on the disk. */
  extraFiles?: Record<string, string | Uint8Array> | (() => Record<string, string | Uint8Array>);
  /** What dfmerge.json says beside the list of files. */
  record?: FolderRecord;
  /** Is told of files of an older folder that are kept under other names. */
  onWarning?: (message: string) => void;
}

/**
 * Checks, before any work, that `out` can be written: its parent exists, and it does not, or it is empty or a folder that dfmerge made, and
 * `overwrite` is set. Errors: EXISTS; NOT_FOUND for the parent; INVALID_ARGUMENT for anything that dfmerge did not make.
 */
export async function assertWritable(out: string, options: { overwrite?: Overwrite } = {}): Promise<void> {
  const parent = dirname(resolve(out));
  if (!(await exists(parent)))
    throw new DfMergeError('NOT_FOUND', `cannot write ${out}: the folder ${parent} does not exist${tildeAdvice(out)}`);
  const target = await realTarget(out);
  const found = await lstat(target).catch(() => undefined);
  if (!found) return;
  if (!options.overwrite)
    throw new DfMergeError('EXISTS', `${out} exists already; choose another folder or ask to overwrite it`);
  const refuse = (why: string) => new DfMergeError('INVALID_ARGUMENT', `will not overwrite ${out}: ${why}`);
  if (!found.isDirectory()) throw refuse('it is no folder');
  if (options.overwrite === 'unlisted' || (await readdir(target)).length === 0) return;
  const manifest = await readManifest(target);
  if (manifest === 'no manifest') throw refuse('dfmerge did not make it (it has no dfmerge.json that lists its files)');
  if (manifest === 'no list')
    throw refuse(
      'its dfmerge.json, of an earlier version, does not list its files; move it away or delete it yourself',
    );
}

/**
 * Writes a Hugging Face model folder as a whole or not at all, with a dfmerge.json that lists its files. Everything is written to a hidden
 * folder beside `out`, flushed to disk, and takes the place of `out`, or of what a link there points to; on failure the hidden folder is
 * removed. Of a folder that was there, the files that dfmerge wrote go and all others stay. Tensor names and shards are the base's.
 * Errors: those of assertWritable, IO, INVALID_ARGUMENT, and whatever `writeTensors` throws.
 */
export async function writeModelFolder(folder: ModelFolder): Promise<void> {
  const { onWarning = () => undefined } = folder;
  await assertWritable(folder.out, folder);
  await assertNotInput(folder);
  let temporary: Temporary | undefined;
  try {
    const out = await realTarget(folder.out);
    temporary = await temporaryBeside(out, onWarning);
    const dir = join(temporary.path, NEW);
    await mkdir(dir, { recursive: true });
    await fill(dir, folder);
    await writeManifest(dir, folder.record);
    await flush(dir);
    // Somebody else may have made it while this was being written.
    await assertWritable(folder.out, folder);
    await replaceFolder(temporary.path, out, onWarning);
  } catch (error) {
    throw fileError(error, `cannot write ${folder.out}`);
  } finally {
    await temporary?.remove();
  }
}

async function assertNotInput({ out, base, tokenizerDir = base.dir }: ModelFolder): Promise<void> {
  if (!(await exists(out))) return;
  for (const input of [base.dir, tokenizerDir]) {
    if ((await realpath(out)) === (await realpath(input)))
      throw new DfMergeError('INVALID_ARGUMENT', `will not overwrite ${out}: the merge reads it`);
  }
}

async function fill(dir: string, folder: ModelFolder): Promise<void> {
  const shards = planShards(folder);
  await assertSpace(dir, shards);
  for (const [shard, tensors] of shards) {
    await fillSafetensorsFile(join(dir, shard), tensors, {
      metadata: { format: 'pt', ...folder.metadata },
      writeTensors: folder.writeTensors,
    });
  }
  const files = new Map<string, string | Uint8Array>([['config.json', await outputConfig(folder)]]);
  if (folder.base.index) files.set(INDEX_FILE, toJson(outputIndex(folder.base.index, shards)));
  const extraFiles = typeof folder.extraFiles === 'function' ? folder.extraFiles() : folder.extraFiles;
  for (const [name, data] of Object.entries(extraFiles ?? {})) addExtra(files, name, data);
  if (folder.card) await addCard(files, { ...folder, card: folder.card });
  for (const [name, data] of files) await writeNew(join(dir, name), data);
  await copyCompanions(dir, { tokenizerDir: folder.tokenizerDir ?? folder.base.dir, baseDir: folder.base.dir });
}

/** The tensors of each shard, in the order of the base's bytes. A shard that keeps no tensor is left out. */
function planShards({ base, dtype, aliasOf, addedTensors = [] }: ModelFolder): Map<string, WeightSpec[]> {
  const shards = new Map<string, WeightSpec[]>(base.shards.map((shard) => [shard, []]));
  for (const { name, shape, file } of [...base.tensors.values()].sort((a, b) => a.begin - b.begin)) {
    const parameter = aliasOf(name);
    if (parameter !== undefined)
      shards.get(basename(file))!.push({ name, parameter, shape, dtype: WEIGHT_DTYPE[dtype] });
  }
  for (const { name, shape } of addedTensors)
    shards.get(base.shards.at(-1)!)!.push({ name, shape, dtype: WEIGHT_DTYPE[dtype] });
  for (const [shard, tensors] of shards) if (tensors.length === 0) shards.delete(shard);
  return shards;
}

function tensorBytes({ shape, dtype }: WeightSpec): number {
  return elementCount(shape) * ELEMENT_BYTES[dtype];
}

/** Throws where the disk has no room for the weights: that is better known before the work than at its end. Some file systems do not tell. */
async function assertSpace(dir: string, shards: Map<string, WeightSpec[]>): Promise<void> {
  const disk = await statfs(dir).catch(() => undefined);
  if (!disk || disk.blocks === 0) return;
  const needed = sum([...shards.values()].flat().map(tensorBytes));
  const free = disk.bavail * disk.bsize;
  if (free < needed) throw new DfMergeError('IO', `${dirname(dir)}: ${needed} bytes are needed, ${free} are free`);
}

/**
 * The base's config.json with a few keys changed and its other text as it stands: to parse it and write it again would turn 1.0 into 1,
 * which transformers refuses where it expects a fraction.
 */
async function outputConfig({ base, dtype, configChanges }: ModelFolder): Promise<string> {
  const spelled = ['dtype', 'torch_dtype'].filter((key) => key in base.config);
  const keys = spelled.length > 0 ? spelled : ['torch_dtype']; // older transformers read this one only, newer read both
  const changes = { ...configChanges, ...Object.fromEntries(keys.map((key) => [key, dtype])) };
  let text = await readFile(join(base.dir, 'config.json'), 'utf8');
  for (const [key, value] of Object.entries(changes)) {
    if (base.config[key] === value) continue;
    text = applyEdits(text, modify(text, [key], value, { formattingOptions: { insertSpaces: true, tabSize: 2 } }));
  }
  return text;
}

function outputIndex(index: Record<string, unknown>, shards: Map<string, WeightSpec[]>): Record<string, unknown> {
  const placed = [...shards].flatMap(([shard, tensors]) => tensors.map((tensor) => ({ shard, tensor })));
  const weightMap = placed
    .map(({ shard, tensor }) => [tensor.name, shard] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const size = sum(placed.map(({ tensor }) => tensorBytes(tensor)));
  const metadata: Record<string, unknown> = { ...(index.metadata as object | undefined), total_size: size };
  return { ...index, metadata, weight_map: Object.fromEntries(weightMap) };
}

function addExtra(files: Map<string, string | Uint8Array>, name: string, data: string | Uint8Array): void {
  const taken = files.has(name) || name === MANIFEST_FILE || isCompanion(name) || name.endsWith('.safetensors');
  if (basename(name) !== name || name === '' || taken)
    throw new DfMergeError(
      'INVALID_ARGUMENT',
      `extra file "${name}": expected a plain file name that the model does not use`,
    );
  files.set(name, data);
}

async function addCard(
  files: Map<string, string | Uint8Array>,
  { out, card, onWarning }: Pick<ModelFolder, 'out' | 'onWarning'> & { card: () => string },
): Promise<void> {
  if (await hasOwnCard(out))
    onWarning?.(
      `${join(out, CARD_FILE)} is your own and stays; no model card is written, and what it says may be outdated`,
    );
  else files.set(CARD_FILE, card());
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
