// Checkpoints of small random T5s. They are written by hand, so that what they hold is known to the bit.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Session, type SessionOptions } from '../../lib/engine/session.js';
import type { NativeBatch } from '../../bindings/index.js';
import { packRows, type TokenizedRows } from '../../lib/engine/batch.js';
import { decodeHalf, type HalfType } from './half.js';
import { RandomValues } from './random_values.js';
import { temporaryFolder } from './tiny_t5.js';

/** The config.json of a T5. */
export interface T5Shape {
  d_model: number;
  d_kv: number;
  d_ff: number;
  num_layers: number;
  num_decoder_layers: number;
  num_heads: number;
  vocab_size: number;
  relative_attention_num_buckets: number;
  relative_attention_max_distance: number;
  feed_forward_proj: 'relu' | 'gated-gelu';
  tie_word_embeddings: boolean;
  layer_norm_epsilon: number;
}

/**
 * The two published forms: v1.0 has relu and a tied, scaled head, v1.1 a gated gelu and a head of its own. In both the inner width differs
 * from d_model, and the encoder's depth from the decoder's.
 */
export const V1_0: T5Shape = {
  d_model: 8,
  d_kv: 3,
  d_ff: 10,
  num_layers: 2,
  num_decoder_layers: 3,
  num_heads: 2,
  vocab_size: 17,
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 16,
  feed_forward_proj: 'relu',
  tie_word_embeddings: true,
  layer_norm_epsilon: 1e-6,
};
export const V1_1: T5Shape = {
  ...V1_0,
  d_model: 7,
  d_kv: 5,
  d_ff: 9,
  num_layers: 3,
  num_decoder_layers: 2,
  feed_forward_proj: 'gated-gelu',
  tie_word_embeddings: false,
};
export const FORMS: Record<string, T5Shape> = { 'v1.0': V1_0, 'v1.1': V1_1 };

/** The shapes of the parameters, by the names that a checkpoint gives them. */
export function shapesOf(c: T5Shape): Map<string, number[]> {
  const inner = c.num_heads * c.d_kv;
  const shapes = new Map<string, number[]>([['shared.weight', [c.vocab_size, c.d_model]]]);
  const attention = (prefix: string, kind: string) => {
    for (const part of ['q', 'k', 'v']) shapes.set(`${prefix}.${kind}.${part}.weight`, [inner, c.d_model]);
    shapes.set(`${prefix}.${kind}.o.weight`, [c.d_model, inner]);
    shapes.set(`${prefix}.layer_norm.weight`, [c.d_model]);
  };
  const feedForward = (prefix: string) => {
    for (const part of c.feed_forward_proj === 'relu' ? ['wi'] : ['wi_0', 'wi_1'])
      shapes.set(`${prefix}.DenseReluDense.${part}.weight`, [c.d_ff, c.d_model]);
    shapes.set(`${prefix}.DenseReluDense.wo.weight`, [c.d_model, c.d_ff]);
    shapes.set(`${prefix}.layer_norm.weight`, [c.d_model]);
  };
  for (const [stack, depth] of [
    ['encoder', c.num_layers],
    ['decoder', c.num_decoder_layers],
  ] as const) {
    shapes.set(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`, [
      c.relative_attention_num_buckets,
      c.num_heads,
    ]);
    for (let i = 0; i < depth; i++) {
      attention(`${stack}.block.${i}.layer.0`, 'SelfAttention');
      if (stack === 'decoder') attention(`decoder.block.${i}.layer.1`, 'EncDecAttention');
      feedForward(`${stack}.block.${i}.layer.${stack === 'decoder' ? 2 : 1}`);
    }
    shapes.set(`${stack}.final_layer_norm.weight`, [c.d_model]);
  }
  if (!c.tie_word_embeddings) shapes.set('lm_head.weight', [c.vocab_size, c.d_model]);
  return shapes;
}

/** The weights of one model by name. */
export type Weights = Map<string, Float32Array>;

/** Random weights large enough that every part of the model counts: norms are around 1, and projections keep unit size. */
export function randomWeights(c: T5Shape, seed: number): Weights {
  const random = new RandomValues(seed);
  return new Map(
    [...shapesOf(c)].map(([name, shape]) => {
      const n = shape.reduce((a, b) => a * b);
      if (name.includes('layer_norm')) return [name, random.normal(n, 0.3).map((x) => 1 + x)];
      return [name, random.normal(n, name === 'shared.weight' || name.includes('bias') ? 1 : shape[1] ** -0.5)];
    }),
  );
}

/** A fine-tuned model: every weight plus a normal deviate times `scale`. */
export function nearbyWeights(weights: Weights, seed: number, scale = 0.05): Weights {
  const random = new RandomValues(seed);
  return new Map(
    [...weights].map(([name, values]) => [name, random.normal(values.length, scale).map((by, i) => values[i] + by)]),
  );
}

/** Finite 16-bit patterns of moderate size for every parameter, and the float32 values that they stand for. */
export function randomHalves(
  c: T5Shape,
  dtype: HalfType,
  seed: number,
): { patterns: Map<string, Uint16Array>; weights: Weights } {
  const exact = randomWeights(c, seed);
  const patterns = new Map(
    [...exact].map(([name, values]) => [name, Uint16Array.from(values, (value) => truncated(dtype, value))]),
  );
  return {
    patterns,
    weights: new Map(
      [...patterns].map(([name, halves]) => [name, Float32Array.from(halves, (pattern) => decodeHalf(dtype, pattern))]),
    ),
  };
}

/** The pattern of the nearest value towards zero; any near value would do. */
function truncated(dtype: HalfType, value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  let [low, high] = [0, dtype === 'F16' ? 0x7c00 : 0x7f80];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (decodeHalf(dtype, middle) <= Math.abs(value)) low = middle;
    else high = middle;
  }
  return sign | low;
}

/** Writes a folder with config.json and model.safetensors. `shift`: bytes by which tensor data is off the 64-byte grid. */
export async function writeT5(
  c: T5Shape,
  tensors: Map<string, Float32Array | Uint16Array>,
  options: { dtype?: 'F32' | HalfType; shift?: number } = {},
): Promise<string> {
  const dir = join(await temporaryFolder(), 'model');
  await mkdir(dir);
  const config = { model_type: 't5', pad_token_id: 0, eos_token_id: 1, decoder_start_token_id: 0, ...c };
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  await writeFile(join(dir, 'model.safetensors'), safetensorsBytes(tensors, { shapes: shapesOf(c), ...options }));
  return dir;
}

/** The bytes of a safetensors file; Uint16Arrays are 16-bit patterns of `dtype`. */
export function safetensorsBytes(
  tensors: Map<string, Float32Array | Uint16Array>,
  options: { shapes: Map<string, number[]>; dtype?: 'F32' | HalfType; shift?: number },
): Buffer {
  let at = 0;
  const entries = [...tensors].map(([name, values]) => {
    const begin = at;
    at += values.byteLength;
    return [name, { dtype: options.dtype ?? 'F32', shape: options.shapes.get(name), data_offsets: [begin, at] }];
  });
  const json = JSON.stringify(Object.fromEntries(entries));
  const aligned = Math.ceil((8 + json.length) / 64) * 64 + (options.shift ?? 0);
  const header = Buffer.alloc(aligned, ' ');
  header.writeBigUInt64LE(BigInt(aligned - 8));
  header.write(json, 8);
  return Buffer.concat([
    header,
    ...[...tensors.values()].map((values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  ]);
}

/** Opens models of one shape, written to temporary folders. The first is the base. */
export async function openT5(c: T5Shape, models: readonly Weights[], options: SessionOptions = {}): Promise<Session> {
  const [base, ...children] = await Promise.all(models.map((weights) => writeT5(c, weights)));
  return Session.open(base, children, { threads: 2, ...options });
}

/**
 * Rows of random tokens.
 * @param lengths for each row, the input's length and those of its choices
 */
export function randomRows(c: T5Shape, lengths: readonly [number, number[]][], seed = 7): TokenizedRows {
  const random = new RandomValues(seed);
  return {
    inputIds: lengths.map(([input]) => random.ids(input, c.vocab_size)),
    choices: lengths.map(([, choices]) => choices.map((length) => random.ids(length, c.vocab_size))),
    labels: Int32Array.from(lengths, ([, choices]) => random.between(0, choices.length - 1)),
  };
}

/** One row with one of its choices. */
export function single(rows: TokenizedRows, row: number, choice: number): NativeBatch {
  return packRows({ ...rows, choices: rows.choices.map((choices) => [choices[choice] ?? choices[0]]) }, [row]);
}

/** A shape so wide that every op has several parallel items: over 96 rows, 256 columns, 16 panels and one chunk of parameters. */
export function widened(shape: T5Shape): T5Shape {
  return {
    ...shape,
    d_model: 72,
    d_kv: 20,
    num_heads: 3,
    d_ff: 290,
    vocab_size: 700,
  };
}
