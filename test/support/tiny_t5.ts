import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Parameter } from '../../lib/architectures/index.js';
import type { WeightDType } from '../../lib/checkpoint/safetensors.js';
import { writeSafetensorsFile, type TensorWriter } from '../../lib/checkpoint/safetensors_file.js';

/** The config.json of a T5 with one block in each stack, d_model 4 and a vocabulary of 8. */
export const TINY_CONFIG = {
  model_type: 't5',
  d_model: 4,
  d_kv: 2,
  d_ff: 6,
  num_layers: 1,
  num_decoder_layers: 1,
  num_heads: 2,
  vocab_size: 8,
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 16,
  feed_forward_proj: 'relu',
  layer_norm_epsilon: 1e-6,
  pad_token_id: 0,
  eos_token_id: 1,
  decoder_start_token_id: 0,
  tie_word_embeddings: true,
  dtype: 'float32',
};

/** The parameters of that T5 as an engine lists them. `head` adds an output head of its own. */
export function tinyParameters(head = false): Parameter[] {
  const attention = (prefix: string): Parameter[] =>
    ['q', 'k', 'v', 'o'].map((part) => ({ name: `${prefix}.${part}.weight`, shape: [4, 4] }));
  const norm = (prefix: string): Parameter => ({ name: `${prefix}layer_norm.weight`, shape: [4] });
  const feedForward = (prefix: string): Parameter[] => [
    { name: `${prefix}.DenseReluDense.wi.weight`, shape: [6, 4] },
    { name: `${prefix}.DenseReluDense.wo.weight`, shape: [4, 6] },
    norm(`${prefix}.`),
  ];
  const bias = (stack: string): Parameter => ({
    name: `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
    shape: [8, 2],
  });
  const encoder = 'encoder.block.0.layer';
  const decoder = 'decoder.block.0.layer';
  return [
    { name: 'shared.weight', shape: [8, 4] },
    ...attention(`${encoder}.0.SelfAttention`),
    bias('encoder'),
    norm(`${encoder}.0.`),
    ...feedForward(`${encoder}.1`),
    norm('encoder.final_'),
    ...attention(`${decoder}.0.SelfAttention`),
    bias('decoder'),
    norm(`${decoder}.0.`),
    ...attention(`${decoder}.1.EncDecAttention`),
    norm(`${decoder}.1.`),
    ...feedForward(`${decoder}.2`),
    norm('decoder.final_'),
    ...(head ? [{ name: 'lm_head.weight', shape: [8, 4] }] : []),
  ];
}

/** Fills each tensor with bytes that depend on its name and `salt`, so that copies can be told apart. */
export function byteWriter(salt: string): TensorWriter {
  return async (file, tensors) => {
    const handle = await open(file, 'r+');
    for (const { name, offset, dtype, elements } of tensors) {
      const bytes = Buffer.alloc(elements * (dtype === 'F32' ? 4 : 2), `${salt}:${name}:`);
      await handle.write(bytes, 0, bytes.length, offset);
    }
    await handle.close();
  };
}

/** How a tiny checkpoint differs from the plain one. */
export interface TinyOptions {
  config?: Record<string, unknown>;
  /** Tensors in place of those of tinyParameters(), where `like` gives a tensor the bytes of another name. */
  tensors?: (Parameter & { like?: string })[];
  dtype?: WeightDType;
  salt?: string;
  /** The names of the weight files. Where there are several, tensors are dealt out to them in turn, and an index is written. */
  shards?: string[];
  files?: Record<string, string>;
}

/** Makes a temporary folder, which is removed when the test process ends. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'dfmerge-test-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
process.setMaxListeners(0); // Every temporary folder adds a listener.

/** Writes a tiny T5 checkpoint into `dir`, or into a fresh temporary folder, and returns the folder. */
export async function writeTinyT5(options: TinyOptions = {}, dir?: string): Promise<string> {
  const folder = dir ?? join(await temporaryFolder(), 'model');
  await mkdir(folder, { recursive: true });
  const tensors: NonNullable<TinyOptions['tensors']> = options.tensors ?? tinyParameters();
  const { dtype = 'F32', salt = 'base', shards = ['model.safetensors'] } = options;
  const placed = (shard: string) => tensors.filter((_, i) => shards[i % shards.length] === shard);
  for (const shard of shards) {
    const specs = placed(shard).map(({ name, shape, like }) => ({ name, shape, dtype, parameter: like ?? name }));
    await writeSafetensorsFile(join(folder, shard), specs, { writeTensors: byteWriter(salt) });
  }
  const files: Record<string, string> = {
    'config.json': JSON.stringify({ ...TINY_CONFIG, ...options.config }),
    ...options.files,
  };
  if (shards.length > 1) {
    const weightMap = Object.fromEntries(shards.flatMap((shard) => placed(shard).map(({ name }) => [name, shard])));
    files['model.safetensors.index.json'] ??= JSON.stringify({ metadata: { total_size: 1 }, weight_map: weightMap });
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}
