import { isWeightDType, type TensorEntry } from '../../checkpoint/safetensors.js';

/** The embedding table: encoder input, decoder input and, when tied, output head. */
export const SHARED = 'shared.weight';
/** The output head, which is the embedding table again when tied. */
export const HEAD = 'lm_head.weight';

const SHARED_ALIASES = new Set(['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight']);
/** These were left in T5 1.0 checkpoints by their conversion; no T5 has a position bias in cross-attention. */
const IGNORED = new Set(['decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight']);

/** True for a second name of the embedding table that a checkpoint may hold beside or instead of `shared.weight`. */
export function isSharedAlias(tensorName: string): boolean {
  return SHARED_ALIASES.has(tensorName);
}

/** True for a name that an index may list although no shard holds the tensor, since it is another tensor's or nobody's. */
export function isDispensable(tensorName: string): boolean {
  return isSharedAlias(tensorName) || tensorName === SHARED || tensorName === HEAD || isIgnored(tensorName);
}

/** True for a tensor that a checkpoint may hold and no computation uses; merged models leave it out. */
export function isIgnored(tensorName: string): boolean {
  return IGNORED.has(tensorName);
}

const PARTS = '(encoder|decoder|shared|lm_head)';
/** Names that torch.compile, FSDP and activation checkpointing put between those of modules. */
const WRAPPERS = /(^|\.)(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)(?=\.)/g;
/** Names that distributed training, trainers and models around a T5 put before all others. */
const OUTER = new RegExp(`^((module|model|transformer|_forward_module)\\.)+(?=${PARTS}\\.)`);

/** The name of a tensor without what training wrappers add to it. */
export function nameOf(stored: string): string {
  return stored.replace(WRAPPERS, '').replace(/^\./, '').replace(OUTER, '');
}

const LAYERS = [
  'layer_norm',
  '(SelfAttention|EncDecAttention)\\.(q|k|v|o|relative_attention_bias)',
  'DenseReluDense\\.(wi|wi_0|wi_1|wo)',
];
const PARAMETER = new RegExp(
  `^((shared|lm_head)|(encoder|decoder)\\.(embed_tokens|final_layer_norm|block\\.\\d+\\.layer\\.\\d\\.(${LAYERS.join('|')})))\\.weight$`,
);
const INSIDE = /^(encoder|decoder)\./;

/**
 * True for a tensor that is no parameter of any T5 and can be left out: a buffer, an empty one, or one outside the encoder and the decoder, such as
 * the head of a classifier. Weights inside them that no T5 has, such as biases, are a sign that the model is another one.
 */
export function canIgnore({ name, dtype, elements }: TensorEntry): boolean {
  if (PARAMETER.test(name) || isIgnored(name)) return false;
  return !INSIDE.test(name) || !isWeightDType(dtype) || elements === 0;
}

/** How many blocks of a stack the names speak of: one more than the highest number. */
export function blocksIn(names: Iterable<string>, stack: 'encoder' | 'decoder'): number {
  const block = new RegExp(`^${stack}\\.block\\.(\\d+)\\.`);
  let blocks = 0;
  for (const name of names) {
    const found = block.exec(name);
    if (found) blocks = Math.max(blocks, Number(found[1]) + 1);
  }
  return blocks;
}
