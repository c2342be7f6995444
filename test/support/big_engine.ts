import { makeEngine } from '../../lib/engine/session.js';
import type { GenerationRequest, NativeBatch, NativeEngine } from '../../bindings/index.js';
import { packRows } from '../../lib/engine/batch.js';
import { randomRows, V1_0, type T5Shape } from './random_t5.js';

/** A model on which a batch takes long enough to be interrupted. */
export const BIG: T5Shape = {
  ...V1_0,
  d_model: 128,
  d_kv: 32,
  num_heads: 4,
  d_ff: 512,
  num_layers: 6,
  num_decoder_layers: 2,
  vocab_size: 5000,
};

/** An engine of a shape, without parameters. */
export function newEngine(shape: T5Shape = BIG, threads = 1): NativeEngine {
  const config = {
    architecture: 't5',
    dModel: shape.d_model,
    dKv: shape.d_kv,
    dFf: shape.d_ff,
    numLayers: shape.num_layers,
    numDecoderLayers: shape.num_decoder_layers,
    numHeads: shape.num_heads,
    relativeBuckets: shape.relative_attention_num_buckets,
    relativeMaxDistance: shape.relative_attention_max_distance,
    vocabSize: shape.vocab_size,
    decoderStartTokenId: 0,
    gated: shape.feed_forward_proj !== 'relu',
    scaleLogits: shape.tie_word_embeddings,
    tied: shape.tie_word_embeddings,
    epsilon: shape.layer_norm_epsilon,
  };
  return makeEngine(config, { threads });
}

/** An engine of the shape BIG with random parameters, on one thread. */
export async function bigEngine(): Promise<NativeEngine> {
  const engine = newEngine();
  await engine.initialize(1);
  return engine;
}

/** A batch of `inputs` inputs of 100 tokens, each with two choices of three tokens. */
export function bigBatch(inputs: number): NativeBatch {
  return packRows(
    randomRows(
      BIG,
      Array.from({ length: inputs }, () => [100, [3, 3]] as [number, number[]]),
    ),
    Array.from({ length: inputs }, (_, i) => i),
  );
}

/** A generation that every engine with 17 tokens or more accepts. */
export const GENERATION: GenerationRequest = {
  maxNewTokens: 3,
  numBeams: 2,
  lengthPenalty: 1,
  earlyStopping: false,
  endTokens: Int32Array.of(1),
};
