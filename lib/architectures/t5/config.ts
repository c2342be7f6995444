import type { EngineConfig } from '../../../bindings/index.js';
import { excerpt } from '../../core/bounded_json.js';
import { DfMergeError } from '../../core/errors.js';
import type { OnWarning } from '../../core/progress.js';
import type { ModelSizes } from '../architecture.js';

import { HONOURED_KEYS, IGNORED_KEYS, REFUSED_KEYS, SECOND_NAMES } from './config_keys.js';
import { readActivation, readScaling } from './config_rules.js';
import { invalidConfig, readCount, shown, type ConfigSource } from './config_values.js';

/** The numbers of a T5's config.json that decide what it computes; whether the head is tied is the checkpoint's to say. */
export interface T5Config {
  /** The width of the residual stream. */
  dModel: number;
  /** The width of one attention head; numHeads · dKv may differ from dModel. */
  dKv: number;
  /** The width of the feed-forward layer. */
  dFf: number;
  /** How many blocks the encoder has. */
  numLayers: number;
  numDecoderLayers: number;
  numHeads: number;
  relativeBuckets: number;
  relativeMaxDistance: number;
  /** Whether the feed-forward layer is gated, as gelu_new(wi_0 x) · wi_1 x, or is relu(wi x). */
  gated: boolean;
  epsilon: number;
  /** How many rows the embedding table has, which may exceed the tokenizer's pieces. */
  vocabSize: number;
  padTokenId: number;
  eosTokenId: number;
  decoderStartTokenId: number;
  /** Whether the decoder's output is multiplied by dModel^-0.5 before the head. */
  scaleLogits: boolean;
}

/** The key of each field in config.json, for messages. */
export const CONFIG_KEYS: Record<keyof T5Config, string> = {
  dModel: 'd_model',
  dKv: 'd_kv',
  dFf: 'd_ff',
  numLayers: 'num_layers',
  numDecoderLayers: 'num_decoder_layers',
  numHeads: 'num_heads',
  relativeBuckets: 'relative_attention_num_buckets',
  relativeMaxDistance: 'relative_attention_max_distance',
  gated: 'feed_forward_proj / is_gated_act / dense_act_fn (gated)',
  epsilon: 'layer_norm_epsilon',
  vocabSize: 'vocab_size',
  padTokenId: 'pad_token_id',
  eosTokenId: 'eos_token_id',
  decoderStartTokenId: 'decoder_start_token_id',
  scaleLogits: 'scale_decoder_outputs / tie_word_embeddings (scaled logits)',
};

/** No size of a model may be larger: what it would take is out of reach, and numbers near 2^31 overflow in products. */
const MOST = 2 ** 24;
const MOST_LAYERS = 2 ** 12;
/** Below this, numbers of elements stay exact wherever they are added. */
const MOST_PARAMETERS = 2 ** 40;

/**
 * Reads a T5 1.0, 1.1, Flan or mT5 config, with the defaults that old checkpoints rely on. A key counts as transformers reads it; one that
 * changes numbers and is not honoured is refused.
 * Errors: INVALID_CONFIG naming the key; UNSUPPORTED for an activation or a feature that the engine does not have.
 */
export function parseT5Config(config: Record<string, unknown>, file: string, onWarning?: OnWarning): T5Config {
  const source: ConfigSource = { config: withSecondNames(config, file), file, onWarning };
  const isMt5 = config.model_type === 'mt5';
  refuseFeatures(source);
  warnOfUnknown(source);
  const count = (key: string, fallback?: number, most = MOST) => readCount(source, key, { fallback, least: 1, most });
  const numLayers = count('num_layers', undefined, MOST_LAYERS);
  const vocabSize = count('vocab_size');
  const token = (key: string, fallback: number) => readToken(source, key, { fallback, vocabSize });
  const padTokenId = token('pad_token_id', 0);
  const parsed: T5Config = {
    dModel: count('d_model'),
    dKv: count('d_kv'),
    dFf: count('d_ff'),
    numLayers,
    numDecoderLayers: count('num_decoder_layers', numLayers, MOST_LAYERS),
    numHeads: count('num_heads'),
    ...readBuckets(source),
    gated: readActivation(source, isMt5).gated,
    epsilon: readEpsilon(source),
    vocabSize,
    padTokenId,
    eosTokenId: Array.isArray(source.config.eos_token_id) ? 1 : token('eos_token_id', 1),
    decoderStartTokenId: token('decoder_start_token_id', isMt5 ? 0 : padTokenId),
    scaleLogits: readScaling(source, isMt5),
  };
  assertSize(parsed, file);
  return parsed;
}

function assertSize(config: T5Config, file: string): void {
  const { dModel, dKv, dFf, numLayers, numDecoderLayers, numHeads, vocabSize } = config;
  const inner = numHeads * dKv;
  if (inner > MOST)
    throw invalidConfig(file, `num_heads is ${numHeads} and d_kv ${dKv}; expected a product of at most ${MOST}`);
  const layer = (attentions: number) => dModel * (4 * attentions * inner + 3 * dFf);
  const parameters = 2 * vocabSize * dModel + numLayers * layer(1) + numDecoderLayers * layer(2);
  if (parameters > MOST_PARAMETERS)
    throw invalidConfig(
      file,
      `its sizes make some ${parameters.toPrecision(2)} parameters; expected at most ${MOST_PARAMETERS}`,
    );
}

/** The configuration of an engine; `tied` says whether the output head is the embedding table itself. */
export function engineConfig(config: T5Config, tied: boolean): EngineConfig {
  return { architecture: 't5', ...config, tied };
}

/**
 * The config.json of a T5 1.0, with relu and tied embeddings. Keys that transformers wants as fractions although their value is whole, such as
 * initializer_factor 1.0, are left to its defaults, because it refuses a 1 and JSON that is written here has no 1.0.
 */
export function newConfig({ width, feedForward, layers, heads, vocabSize }: ModelSizes): Record<string, unknown> {
  return {
    architectures: ['T5ForConditionalGeneration'],
    model_type: 't5',
    vocab_size: vocabSize,
    d_model: width,
    d_kv: width / heads,
    d_ff: feedForward,
    num_layers: layers,
    num_decoder_layers: layers,
    num_heads: heads,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    layer_norm_epsilon: 1e-6,
    feed_forward_proj: 'relu',
    is_encoder_decoder: true,
    tie_word_embeddings: true,
    use_cache: true,
    pad_token_id: 0,
    eos_token_id: 1,
    decoder_start_token_id: 0,
  };
}

/** The config with T5's own names in place of transformers' general ones. Both may stand in it where they agree. */
function withSecondNames(config: Record<string, unknown>, file: string): Record<string, unknown> {
  const own = { ...config };
  for (const [second, key] of Object.entries(SECOND_NAMES)) {
    const value = config[second] ?? undefined;
    if (value === undefined) continue;
    if ((config[key] ?? value) !== value)
      throw invalidConfig(
        file,
        `${key} is ${shown(config[key])} and ${second}, which means the same, is ${shown(value)}`,
      );
    own[key] = value;
  }
  return own;
}

function refuseFeatures({ config, file }: ConfigSource): void {
  for (const [key, { harmless, reason }] of Object.entries(REFUSED_KEYS)) {
    const value = config[key] ?? undefined;
    if (value !== undefined && !harmless(value))
      throw new DfMergeError('UNSUPPORTED', `${file}: ${key} is ${shown(value)}: ${reason}`);
  }
}

function warnOfUnknown({ config, file, onWarning }: ConfigSource): void {
  const unknown = Object.keys(config).filter(
    (key) => !HONOURED_KEYS.has(key) && !IGNORED_KEYS.has(key) && !Object.hasOwn(REFUSED_KEYS, key),
  );
  if (unknown.length === 0) return;
  const names = unknown.slice(0, 8).map(excerpt).join(', ') + (unknown.length > 8 ? ', …' : '');
  onWarning?.(`${file}: no T5 reads the key${unknown.length > 1 ? 's' : ''} ${names}; ignored`);
}

function readToken(source: ConfigSource, key: string, options: { fallback: number; vocabSize: number }): number {
  const { fallback, vocabSize } = options;
  const id = readCount(source, key, { fallback, least: 0, most: Number.MAX_SAFE_INTEGER });
  if (id >= vocabSize) throw invalidConfig(source.file, `${key} is ${id}, outside the vocabulary of ${vocabSize}`);
  return id;
}

/** The position bias's buckets. Other numbers than these leave a stack without a bucket, or divide by the logarithm of 1. */
function readBuckets(source: ConfigSource): Pick<T5Config, 'relativeBuckets' | 'relativeMaxDistance'> {
  const buckets = 'relative_attention_num_buckets';
  const distance = 'relative_attention_max_distance';
  const relativeBuckets = readCount(source, buckets, { fallback: 32, least: 4, most: 2 ** 16 });
  const relativeMaxDistance = readCount(source, distance, { fallback: 128, least: 1, most: 2 ** 30 });
  if (relativeBuckets % 2 !== 0)
    throw invalidConfig(source.file, `${buckets} is ${relativeBuckets}; expected an even number`);
  if (relativeMaxDistance <= relativeBuckets / 2)
    throw invalidConfig(
      source.file,
      `${distance} is ${relativeMaxDistance}; expected more than half of the ${relativeBuckets} buckets`,
    );
  return { relativeBuckets, relativeMaxDistance };
}

function readEpsilon({ config, file }: ConfigSource): number {
  const value = config.layer_norm_epsilon ?? 1e-6;
  if (typeof value !== 'number' || !(value >= 0 && value < 1))
    throw invalidConfig(file, `layer_norm_epsilon is ${shown(value)}; expected a number in [0, 1)`);
  return value;
}
