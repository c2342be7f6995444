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

/** True for a tensor that a checkpoint may hold and no computation uses; merged models leave it out. */
export function isIgnored(tensorName: string): boolean {
  return IGNORED.has(tensorName);
}
