import { isObject } from '../../core/files.js';

/** A key of config.json that changes what a T5 computes in a way that the engine does not, and the values that it changes nothing at. */
interface RefusedKey {
  harmless: (value: unknown) => boolean;
  reason: string;
}

const isEmpty = (value: unknown) =>
  (Array.isArray(value) && value.length === 0) || (isObject(value) && Object.keys(value).length === 0);

/** Keys that are refused by name, unless they have a value that changes nothing. A null counts as absent everywhere. */
export const REFUSED_KEYS: Readonly<Record<string, RefusedKey>> = {
  is_encoder_decoder: {
    harmless: (value) => value === true,
    reason: 'the model is an encoder alone, and choices are scored by a decoder',
  },
  tie_encoder_decoder: {
    harmless: (value) => value === false,
    reason: 'an encoder and a decoder that share their weights are not supported',
  },
  quantization_config: {
    harmless: isEmpty,
    reason: 'quantized weights are not supported; load the model with transformers, dequantize it and save it again',
  },
  pruned_heads: { harmless: isEmpty, reason: 'pruned attention heads are not supported' },
  ...Object.fromEntries(
    ['text_config', 'encoder', 'decoder', 'generator'].map((key) => [
      key,
      { harmless: (value: unknown) => !isObject(value), reason: 'a config of several models is not supported' },
    ]),
  ),
  per_layer_config: { harmless: isEmpty, reason: 'layers that differ in their settings are not supported' },
};

/** transformers' general names of T5's own keys, under which it reads them too. */
export const SECOND_NAMES: Readonly<Record<string, string>> = {
  hidden_size: 'd_model',
  num_attention_heads: 'num_heads',
  num_hidden_layers: 'num_layers',
  head_dim: 'd_kv',
};

/** Keys that parseT5Config reads. */
export const HONOURED_KEYS: ReadonlySet<string> = new Set([
  'model_type',
  ...['d_model', 'd_kv', 'd_ff', 'num_layers', 'num_decoder_layers', 'num_heads', 'vocab_size'],
  ...['relative_attention_num_buckets', 'relative_attention_max_distance', 'layer_norm_epsilon'],
  ...['feed_forward_proj', 'is_gated_act', 'dense_act_fn'],
  ...['tie_word_embeddings', 'scale_decoder_outputs'],
  ...['pad_token_id', 'eos_token_id', 'decoder_start_token_id'],
  ...Object.keys(SECOND_NAMES),
]);

/** Keys that every transformers model may have, or that T5's training and generation read: they change no score, NLL or gradient. */
export const IGNORED_KEYS: ReadonlySet<string> = new Set([
  // Where a config comes from, and in which precision its weights were saved. The engine computes in compute_dtype.
  ...['architectures', '_name_or_path', 'name_or_path', '_commit_hash', 'transformers_version'],
  ...['dtype', 'torch_dtype', 'torchscript', 'use_bfloat16', 'tf_legacy_loss', 'tokenizer_class'],
  ...['attn_implementation', '_attn_implementation', '_attn_implementation_autoset', 'experts_implementation'],
  // What only training reads. Fine-tuning and Fishers are without dropout.
  ...['dropout_rate', 'classifier_dropout', 'initializer_factor', 'gradient_checkpointing'],
  // Roles of T5 beside that of a model that generates, which set them itself.
  ...['is_decoder', 'add_cross_attention', 'cross_attention_hidden_size', 'chunk_size_feed_forward', 'n_positions'],
  ...['finetuning_task', 'id2label', 'label2id', 'num_labels', '_num_labels', 'problem_type', 'task_specific_params'],
  // What a call returns, and how text is generated.
  ...['return_dict', 'output_hidden_states', 'output_attentions', 'output_past', 'use_cache', 'prefix', 'prompt'],
  ...['max_length', 'min_length', 'max_new_tokens', 'do_sample', 'early_stopping', 'num_beams', 'num_beam_groups'],
  ...['diversity_penalty', 'temperature', 'top_k', 'top_p', 'typical_p', 'repetition_penalty', 'length_penalty'],
  ...['no_repeat_ngram_size', 'encoder_no_repeat_ngram_size', 'bad_words_ids', 'num_return_sequences'],
  ...['output_scores', 'return_dict_in_generate', 'forced_bos_token_id', 'forced_eos_token_id'],
  ...['remove_invalid_values', 'exponential_decay_length_penalty', 'suppress_tokens', 'begin_suppress_tokens'],
  ...['bos_token_id', 'sep_token_id'],
]);
