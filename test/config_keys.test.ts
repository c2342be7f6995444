import test from 'ava';
import { architectureOf } from '../lib/architectures/index.js';
import { HONOURED_KEYS, IGNORED_KEYS, REFUSED_KEYS } from '../lib/architectures/t5/config_keys.js';
import { DfMergeError, type ErrorCode } from '../lib/core/errors.js';
import { TINY_CONFIG } from './support/tiny_t5.js';

type Config = Record<string, unknown>;

/** The engine's configuration of a tiny T5 whose config.json has other keys, and what was warned of. */
function read(over: Config): { engine: Config; warnings: string[] } {
  const warnings: string[] = [];
  const config = { ...TINY_CONFIG, ...over };
  const engine = architectureOf(config, 'config.json').engineConfig(config, 'config.json', (m) => warnings.push(m));
  return { engine, warnings };
}

const PLAIN = read({}).engine;
const GATED = { feed_forward_proj: 'gated-gelu' };

/** What each honoured value changes in the engine's configuration. */
const honoured: [key: string, over: Config, engine: Config][] = [
  ['model_type', { model_type: 'mt5' }, { scaleLogits: false }],
  ['model_type', { model_type: 'mt5', feed_forward_proj: undefined }, { scaleLogits: false, gated: true }],
  [
    'model_type',
    { model_type: 'mt5', pad_token_id: 3, decoder_start_token_id: undefined },
    { scaleLogits: false, padTokenId: 3 },
  ],
  ['d_model', { d_model: 6 }, { dModel: 6 }],
  ['hidden_size', { d_model: undefined, hidden_size: 6 }, { dModel: 6 }],
  ['d_kv', { d_kv: 3 }, { dKv: 3 }],
  ['head_dim', { d_kv: undefined, head_dim: 3 }, { dKv: 3 }],
  ['d_ff', { d_ff: 9 }, { dFf: 9 }],
  ['num_layers', { num_layers: 2 }, { numLayers: 2 }],
  ['num_hidden_layers', { num_layers: undefined, num_hidden_layers: 2 }, { numLayers: 2 }],
  ['num_decoder_layers', { num_decoder_layers: 3 }, { numDecoderLayers: 3 }],
  ['num_decoder_layers', { num_layers: 2, num_decoder_layers: null }, { numLayers: 2, numDecoderLayers: 2 }],
  ['num_heads', { num_heads: 3 }, { numHeads: 3 }],
  ['num_attention_heads', { num_heads: 3, num_attention_heads: 3 }, { numHeads: 3 }],
  ['vocab_size', { vocab_size: 9 }, { vocabSize: 9 }],
  ['relative_attention_num_buckets', { relative_attention_num_buckets: 4 }, { relativeBuckets: 4 }],
  [
    'relative_attention_num_buckets',
    { relative_attention_num_buckets: undefined, relative_attention_max_distance: 20 },
    { relativeBuckets: 32, relativeMaxDistance: 20 },
  ],
  ['relative_attention_max_distance', { relative_attention_max_distance: 17 }, { relativeMaxDistance: 17 }],
  ['layer_norm_epsilon', { layer_norm_epsilon: 1e-5 }, { epsilon: 1e-5 }],
  ['layer_norm_epsilon', { layer_norm_epsilon: undefined }, { epsilon: 1e-6 }],
  ['feed_forward_proj', { feed_forward_proj: undefined }, {}],
  ['feed_forward_proj', GATED, { gated: true }],
  ...['gelu_new', 'gelu_pytorch_tanh', 'gelu_python_tanh', 'gelu_fast', 'gelu_accurate'].flatMap(
    (name): [string, Config, Config][] => [
      ['feed_forward_proj', { feed_forward_proj: `gated-${name}` }, { gated: true }],
      ['dense_act_fn', { ...GATED, dense_act_fn: name, is_gated_act: true }, { gated: true }],
    ],
  ),
  ['dense_act_fn', { dense_act_fn: 'relu' }, {}],
  ['is_gated_act', { is_gated_act: false }, {}],
  ['tie_word_embeddings', { tie_word_embeddings: false }, { tied: false, scaleLogits: false }],
  ['scale_decoder_outputs', { scale_decoder_outputs: false }, { scaleLogits: false }],
  ['scale_decoder_outputs', { tie_word_embeddings: null, scale_decoder_outputs: true }, {}],
  ['pad_token_id', { pad_token_id: 2 }, { padTokenId: 2 }],
  ['eos_token_id', { eos_token_id: 2 }, { eosTokenId: 2 }],
  ['eos_token_id', { eos_token_id: [1, 2] }, {}],
  ['decoder_start_token_id', { decoder_start_token_id: 5 }, { decoderStartTokenId: 5 }],
  [
    'decoder_start_token_id',
    { pad_token_id: 2, decoder_start_token_id: null },
    { padTokenId: 2, decoderStartTokenId: 2 },
  ],
];

const spelled = (over: Config) => JSON.stringify(over, (_, value: unknown) => (value === undefined ? 'absent' : value));

for (const [key, over, engine] of honoured) {
  test(`honoured: ${key} in ${spelled(over)}`, (t) => {
    t.deepEqual(read(over), { engine: { ...PLAIN, ...engine }, warnings: [] });
  });
}

test('the table names every key that is honoured', (t) => {
  t.deepEqual([...new Set(honoured.map(([key]) => key))].sort(), [...HONOURED_KEYS].sort());
});

const refused: [key: string, over: Config, code: ErrorCode, message: RegExp][] = [
  ['model_type', { model_type: 'umt5' }, 'UNSUPPORTED', /model_type "umt5"/],
  ...['gelu_10', 'silu', 'swish', 'tanh', 'relu', 'linear', 'quick_gelu', 'nonsense'].map(
    (name): [string, Config, ErrorCode, RegExp] => [
      'feed_forward_proj',
      { feed_forward_proj: `gated-${name}` },
      'UNSUPPORTED',
      /feed_forward_proj "gated-\w+" is not supported/,
    ],
  ),
  ...['gelu', 'gelu_new', 'silu', 'gated', 'relu-gated', 'gated-gelu-new', 'Relu', ''].map(
    (name): [string, Config, ErrorCode, RegExp] => [
      'feed_forward_proj',
      { feed_forward_proj: name },
      'UNSUPPORTED',
      /feed_forward_proj ".*" is not supported/,
    ],
  ),
  ['feed_forward_proj', { feed_forward_proj: null }, 'UNSUPPORTED', /feed_forward_proj null/],
  [
    'dense_act_fn',
    { ...GATED, dense_act_fn: 'gelu' },
    'UNSUPPORTED',
    /"gated-gelu" with is_gated_act true and dense_act_fn "gelu"/,
  ],
  ['dense_act_fn', { dense_act_fn: 'silu' }, 'UNSUPPORTED', /"relu" with is_gated_act false and dense_act_fn "silu"/],
  ['dense_act_fn', { ...GATED, dense_act_fn: 'relu' }, 'UNSUPPORTED', /dense_act_fn "relu" is not supported/],
  ['dense_act_fn', { dense_act_fn: 3 }, 'INVALID_CONFIG', /dense_act_fn is 3; expected a name/],
  ['is_gated_act', { is_gated_act: true }, 'UNSUPPORTED', /"relu" with is_gated_act true and dense_act_fn "relu"/],
  ['is_gated_act', { is_gated_act: null }, 'INVALID_CONFIG', /is_gated_act is null; expected true or false/],
  ['scale_decoder_outputs', { scale_decoder_outputs: null }, 'INVALID_CONFIG', /scale_decoder_outputs is null/],
  ['tie_word_embeddings', { tie_word_embeddings: 0 }, 'INVALID_CONFIG', /tie_word_embeddings is 0/],
  ['hidden_size', { hidden_size: 6 }, 'INVALID_CONFIG', /d_model is 4 and hidden_size, which means the same, is 6/],
  ['num_hidden_layers', { num_hidden_layers: 2 }, 'INVALID_CONFIG', /num_layers is 1 and num_hidden_layers/],
  ['num_attention_heads', { num_attention_heads: 3 }, 'INVALID_CONFIG', /num_heads is 2 and num_attention_heads/],
  ['head_dim', { head_dim: 3 }, 'INVALID_CONFIG', /d_kv is 2 and head_dim/],
  [
    'relative_attention_num_buckets',
    { relative_attention_num_buckets: 7 },
    'INVALID_CONFIG',
    /num_buckets is 7; expected an even/,
  ],
  [
    'relative_attention_num_buckets',
    { relative_attention_num_buckets: 2 },
    'INVALID_CONFIG',
    /num_buckets is 2; expected an integer of at least 4/,
  ],
  [
    'relative_attention_max_distance',
    { relative_attention_max_distance: 4 },
    'INVALID_CONFIG',
    /max_distance is 4; expected more than half of the 8/,
  ],
  ['eos_token_id', { eos_token_id: 8 }, 'INVALID_CONFIG', /eos_token_id is 8, outside the vocabulary of 8/],
  [
    'is_encoder_decoder',
    { is_encoder_decoder: false },
    'UNSUPPORTED',
    /is_encoder_decoder is false: the model is an encoder alone/,
  ],
  ['tie_encoder_decoder', { tie_encoder_decoder: true }, 'UNSUPPORTED', /tie_encoder_decoder is true/],
  [
    'quantization_config',
    { quantization_config: { load_in_8bit: true } },
    'UNSUPPORTED',
    /quantization_config is \{"load_in_8bit":true\}: quantized/,
  ],
  ...['text_config', 'encoder', 'decoder', 'generator'].map((key): [string, Config, ErrorCode, RegExp] => [
    key,
    { [key]: { d_model: 9 } },
    'UNSUPPORTED',
    /is \{"d_model":9\}: a config of several models/,
  ]),
  ['pruned_heads', { pruned_heads: { 1: [0] } }, 'UNSUPPORTED', /pruned_heads is/],
  ['per_layer_config', { per_layer_config: { 1: { d_ff: 3 } } }, 'UNSUPPORTED', /per_layer_config is/],
];

for (const [key, over, code, message] of refused) {
  test(`refused: ${key} in ${spelled(over)}`, (t) => {
    t.throws(() => read(over), { instanceOf: DfMergeError, code, message });
  });
}

test('the table names every key that is refused by its presence', (t) => {
  const keys = new Set(refused.map(([key]) => key));
  t.deepEqual(
    Object.keys(REFUSED_KEYS).filter((key) => !keys.has(key)),
    [],
  );
});

test('what is refused has values that change nothing', (t) => {
  const harmless = {
    is_encoder_decoder: true,
    tie_encoder_decoder: false,
    quantization_config: null,
    pruned_heads: {},
    text_config: null,
    encoder: 3,
    decoder: null,
    generator: null,
    per_layer_config: {},
  };
  t.deepEqual(Object.keys(harmless).sort(), Object.keys(REFUSED_KEYS).sort());
  t.deepEqual(read(harmless), { engine: PLAIN, warnings: [] });
});

test('keys that change no number change nothing here, whatever they hold', (t) => {
  for (const key of IGNORED_KEYS)
    for (const value of [0.5, 'x', true, [3], { a: 1 }])
      t.deepEqual(read({ [key]: value }), { engine: PLAIN, warnings: [] }, key);
});

test('no key is in two tables', (t) => {
  const all = [...HONOURED_KEYS, ...IGNORED_KEYS, ...Object.keys(REFUSED_KEYS)];
  t.is(new Set(all).size, all.length);
});

test('keys that no T5 has are named in one warning', (t) => {
  const { engine, warnings } = read({ rope_theta: 1e4, attention_bias: true });
  t.deepEqual(engine, PLAIN);
  t.deepEqual(warnings, ['config.json: no T5 reads the keys rope_theta, attention_bias; ignored']);
});

test('what overrules feed_forward_proj is honoured with a warning', (t) => {
  const gated = read({ is_gated_act: true, dense_act_fn: 'gelu_new' });
  t.deepEqual(gated.engine, { ...PLAIN, gated: true });
  t.regex(
    gated.warnings.join(),
    /feed_forward_proj "relu" is overruled by is_gated_act true and dense_act_fn "gelu_new"/,
  );
  const plain = read({ ...GATED, is_gated_act: false, dense_act_fn: 'relu' });
  t.deepEqual(plain.engine, PLAIN);
  t.regex(plain.warnings.join(), /"gated-gelu" is overruled by is_gated_act false/);
});

test('an mT5 that an older transformers would have scaled is warned of', (t) => {
  const { engine, warnings } = read({ model_type: 'mt5', transformers_version: '4.40.1' });
  t.deepEqual(engine, { ...PLAIN, scaleLogits: false });
  t.regex(warnings.join(), /tie_word_embeddings is true in an mT5, whose logits are not scaled/);
  t.deepEqual(read({ model_type: 'mt5', transformers_version: '5.23.0' }).warnings, []);
  t.regex(read({ model_type: 'mt5', scale_decoder_outputs: true }).warnings.join(), /scale_decoder_outputs is true/);
});

test('sizes are bounded', (t) => {
  const sizes = ['d_model', 'd_kv', 'd_ff', 'num_layers', 'num_decoder_layers', 'num_heads', 'vocab_size'];
  for (const key of [...sizes, 'relative_attention_num_buckets'])
    for (const value of [2 ** 24 + 2, 2 ** 31, 2 ** 53, 1e300])
      t.throws(() => read({ [key]: value }), {
        instanceOf: DfMergeError,
        code: 'INVALID_CONFIG',
        message: new RegExp(key),
      });
});
