import type { EngineConfig } from '../../../bindings/index.js';
import { DfMergeError } from '../../core/errors.js';
import type { ModelSizes } from '../architecture.js';

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
  gated: 'feed_forward_proj (gated)',
  epsilon: 'layer_norm_epsilon',
  vocabSize: 'vocab_size',
  padTokenId: 'pad_token_id',
  eosTokenId: 'eos_token_id',
  decoderStartTokenId: 'decoder_start_token_id',
  scaleLogits: 'scale_decoder_outputs / tie_word_embeddings (scaled logits)',
};

/**
 * Reads a T5 1.0, 1.1, Flan or mT5 config, with the defaults that old checkpoints rely on.
 * @param config the config.json as parsed
 * @param file its path, for messages
 * Errors: INVALID_CONFIG naming the key; UNSUPPORTED for another activation.
 */
export function parseT5Config(config: Record<string, unknown>, file: string): T5Config {
  const count = (key: string, fallback?: number) => readCount(config, key, { file, fallback, least: 1 });
  const numLayers = count('num_layers');
  const vocabSize = count('vocab_size');
  const token = (key: string, fallback: number) => readToken(config, key, { file, fallback, vocabSize });
  const padTokenId = token('pad_token_id', 0);
  return {
    dModel: count('d_model'),
    dKv: count('d_kv'),
    dFf: count('d_ff'),
    numLayers,
    numDecoderLayers: count('num_decoder_layers', numLayers),
    numHeads: count('num_heads'),
    relativeBuckets: count('relative_attention_num_buckets', 32),
    relativeMaxDistance: count('relative_attention_max_distance', 128),
    gated: readGated(config, file),
    epsilon: readEpsilon(config, file),
    vocabSize,
    padTokenId,
    eosTokenId: token('eos_token_id', 1),
    decoderStartTokenId: token('decoder_start_token_id', padTokenId),
    scaleLogits:
      readFlag(config, 'scale_decoder_outputs', file) ?? readFlag(config, 'tie_word_embeddings', file) ?? true,
  };
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

function invalid(file: string, message: string): DfMergeError {
  return new DfMergeError('INVALID_CONFIG', `${file}: ${message}`);
}

/** Reads an integer of at least `least`. A null counts as absent, since transformers writes unset keys that way. */
function readCount(
  config: Record<string, unknown>,
  key: string,
  options: { file: string; fallback?: number; least: number },
): number {
  const value = config[key] ?? options.fallback;
  if (value === undefined) throw invalid(options.file, `${key} is missing`);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < options.least) {
    throw invalid(options.file, `${key} is ${JSON.stringify(value)}; expected an integer of at least ${options.least}`);
  }
  return value;
}

function readToken(
  config: Record<string, unknown>,
  key: string,
  options: { file: string; fallback: number; vocabSize: number },
): number {
  const id = readCount(config, key, { ...options, least: 0 });
  if (id >= options.vocabSize)
    throw invalid(options.file, `${key} is ${id}, outside the vocabulary of ${options.vocabSize}`);
  return id;
}

function readGated(config: Record<string, unknown>, file: string): boolean {
  const value = config.feed_forward_proj ?? 'relu';
  if (value === 'relu') return false;
  if (value === 'gated-gelu') return true;
  throw new DfMergeError(
    'UNSUPPORTED',
    `${file}: feed_forward_proj ${JSON.stringify(value)} is not supported; expected "relu" or "gated-gelu"`,
  );
}

function readEpsilon(config: Record<string, unknown>, file: string): number {
  const value = config.layer_norm_epsilon ?? 1e-6;
  if (typeof value !== 'number' || !(value >= 0 && value < 1))
    throw invalid(file, `layer_norm_epsilon is ${JSON.stringify(value)}; expected a number in [0, 1)`);
  return value;
}

function readFlag(config: Record<string, unknown>, key: string, file: string): boolean | undefined {
  const value = config[key] ?? undefined;
  if (value !== undefined && typeof value !== 'boolean')
    throw invalid(file, `${key} is ${JSON.stringify(value)}; expected true or false`);
  return value;
}
