/** The widths of a T5 whose encoder and decoder have the same number of blocks. */
export interface Shape {
  dModel: number;
  dKv: number;
  dFf: number;
  layers: number;
  numHeads: number;
  vocabSize: number;
  /** Whether the head has weights of its own: with random weights a tied one would give the start token again and again. */
  untied?: true;
}

/** T5 v1.0 small, base and large, and a T5 that fits into the caches. */
export const SHAPES = {
  mini: { dModel: 128, dKv: 32, dFf: 512, layers: 3, numHeads: 4, vocabSize: 8192 },
  small: { dModel: 512, dKv: 64, dFf: 2048, layers: 6, numHeads: 8, vocabSize: 32128, untied: true },
  base: { dModel: 768, dKv: 64, dFf: 3072, layers: 12, numHeads: 12, vocabSize: 32128 },
  large: { dModel: 1024, dKv: 64, dFf: 4096, layers: 24, numHeads: 16, vocabSize: 32128 },
} satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;
export const SHAPE_NAMES = Object.keys(SHAPES) as ShapeName[];

/** The dtypes that the engine computes in. */
export const DTYPES = ['float32', 'bfloat16'] as const;
export type Dtype = (typeof DTYPES)[number];
/** The dtypes as names of cases and options spell them. */
export const SHORT: Record<Dtype, string> = { float32: 'f32', bfloat16: 'bf16' };

/** The config.json of the shape, with relu. */
export function configOf({ dModel, dKv, dFf, layers, numHeads, vocabSize, untied }: Shape): Record<string, unknown> {
  return {
    architectures: ['T5ForConditionalGeneration'],
    model_type: 't5',
    d_model: dModel,
    d_kv: dKv,
    d_ff: dFf,
    num_layers: layers,
    num_heads: numHeads,
    vocab_size: vocabSize,
    feed_forward_proj: 'relu',
    layer_norm_epsilon: 1e-6,
    pad_token_id: 0,
    eos_token_id: 1,
    decoder_start_token_id: 0,
    // CTranslate2 scales the logits of every T5 that transformers 5 reads, so that ours are scaled too.
    ...(untied ? { tie_word_embeddings: false, scale_decoder_outputs: true } : {}),
  };
}

/** How many entries the weight matrices and the embedding have; norms and position biases are too small to count. */
export function parameterCount({ dModel, dKv, dFf, layers, numHeads, vocabSize }: Shape): number {
  return layers * (12 * dModel * numHeads * dKv + 4 * dModel * dFf) + vocabSize * dModel;
}

/** The distinct weights of a T5, as [outputs, inputs]. */
export function weightsOf({
  dModel,
  dKv,
  dFf,
  numHeads,
  vocabSize,
}: Shape): Record<'attention' | 'ff-in' | 'ff-out' | 'head', [number, number]> {
  return {
    attention: [numHeads * dKv, dModel],
    'ff-in': [dFf, dModel],
    'ff-out': [dModel, dFf],
    head: [vocabSize, dModel],
  };
}
