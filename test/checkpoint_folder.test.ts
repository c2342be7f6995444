import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../lib/checkpoint/folder.js';
import { architectureOf } from '../lib/architectures/index.js';
import { parseT5Config } from '../lib/architectures/t5/config.js';
import { DfMergeError, type ErrorCode } from '../lib/core/errors.js';
import { TINY_CONFIG, temporaryFolder, tinyParameters, writeTinyT5 } from './support/tiny_t5.js';

const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const INDEX = 'model.safetensors.index.json';

test('a folder with one file opens', async (t) => {
  const dir = await writeTinyT5();
  const checkpoint = await openCheckpoint(dir);
  t.deepEqual(checkpoint.shards, ['model.safetensors']);
  t.is(checkpoint.index, undefined);
  t.is(checkpoint.config.d_model, 4);
  t.deepEqual(
    [...checkpoint.tensors.keys()].sort(),
    tinyParameters()
      .map(({ name }) => name)
      .sort(),
  );
  t.is(checkpoint.tensors.get('shared.weight')!.file, join(dir, 'model.safetensors'));
});

test('a sharded folder opens', async (t) => {
  const dir = await writeTinyT5({ shards: SHARDS });
  const { shards, tensors, index } = await openCheckpoint(dir);
  t.deepEqual(shards, SHARDS);
  t.is(tensors.size, tinyParameters().length);
  t.deepEqual(index?.metadata, { total_size: 1 });
});

const indexOf = (weightMap: unknown) => ({
  shards: SHARDS,
  files: { [INDEX]: JSON.stringify({ weight_map: weightMap }) },
});
const wholeMap = () => Object.fromEntries(tinyParameters().map(({ name }, i) => [name, SHARDS[i % 2]]));

const indexes: [rule: string, weightMap: unknown, code: ErrorCode, complaint: RegExp][] = [
  ['no weight_map', undefined, 'INVALID_CHECKPOINT', /expected an object "weight_map"/],
  ['an empty weight_map', {}, 'INVALID_CHECKPOINT', /weight_map is empty/],
  [
    'a shard that is no name',
    { ...wholeMap(), 'shared.weight': 3 },
    'INVALID_CHECKPOINT',
    /weight_map "shared.weight" is not a file name/,
  ],
  [
    'a shard in a folder above',
    { ...wholeMap(), 'shared.weight': '../x.safetensors' },
    'INVALID_CHECKPOINT',
    /names "\.\.\/x\.safetensors"; expected the plain name/,
  ],
  [
    'a shard with an absolute path',
    { ...wholeMap(), 'shared.weight': '/x.safetensors' },
    'INVALID_CHECKPOINT',
    /expected the plain name/,
  ],
  [
    'a shard of another kind',
    { ...wholeMap(), 'shared.weight': '..' },
    'INVALID_CHECKPOINT',
    /expected the plain name/,
  ],
  [
    'a missing shard',
    { ...wholeMap(), 'shared.weight': 'model-00003-of-00003.safetensors' },
    'NOT_FOUND',
    /names the shard model-00003-of-00003\.safetensors, which is not in the folder/,
  ],
  [
    'a tensor that no shard holds',
    { ...wholeMap(), ghost: SHARDS[0] },
    'INVALID_CHECKPOINT',
    /places tensor "ghost" in model-00001/,
  ],
  [
    'a tensor in another shard',
    { ...wholeMap(), 'shared.weight': SHARDS[1] },
    'INVALID_CHECKPOINT',
    /places tensor "shared.weight" in model-00002/,
  ],
  [
    'an unlisted tensor',
    Object.fromEntries(Object.entries(wholeMap()).slice(1)),
    'INVALID_CHECKPOINT',
    /does not list tensor "shared.weight" of model-00001/,
  ],
];

for (const [rule, weightMap, code, message] of indexes) {
  test(`index refused: ${rule}`, async (t) => {
    const dir = await writeTinyT5(indexOf(weightMap));
    const error = await t.throwsAsync(openCheckpoint(dir), { instanceOf: DfMergeError, message, code });
    t.true(error.message.includes(INDEX));
  });
}

test('folders that are no checkpoint say what is missing', async (t) => {
  const refuses = async (dir: string, code: ErrorCode, message: RegExp) => {
    await t.throwsAsync(openCheckpoint(dir), { instanceOf: DfMergeError, code, message });
  };
  const dir = await temporaryFolder();
  await refuses(join(dir, 'absent'), 'NOT_FOUND', /model folder .*absent: no such/);
  await refuses(dir, 'NOT_FOUND', /no config\.json/);
  await writeFile(join(dir, 'config.json'), '{"a":');
  await refuses(join(dir, 'config.json'), 'NOT_FOUND', /expected a model folder, found a file/);
  await refuses(dir, 'INVALID_CONFIG', /config\.json: not JSON/);
  await writeFile(join(dir, 'config.json'), '[]');
  await refuses(dir, 'INVALID_CONFIG', /config\.json: expected a JSON object/);
  await writeFile(join(dir, 'config.json'), '{}');
  await refuses(dir, 'NOT_FOUND', /no model\.safetensors and no model\.safetensors\.index\.json/);
  await writeFile(join(dir, 'pytorch_model.bin'), '');
  await refuses(dir, 'UNSUPPORTED', /holds pytorch_model\.bin.*convert it to safetensors/);
  await rm(dir, { recursive: true });
});

const config = (over: Record<string, unknown>) => parseT5Config({ ...TINY_CONFIG, ...over }, 'config.json');

test('parseT5Config reads a config', (t) => {
  t.deepEqual(config({}), {
    dModel: 4,
    dKv: 2,
    dFf: 6,
    numLayers: 1,
    numDecoderLayers: 1,
    numHeads: 2,
    relativeBuckets: 8,
    relativeMaxDistance: 16,
    gated: false,
    epsilon: 1e-6,
    vocabSize: 8,
    padTokenId: 0,
    eosTokenId: 1,
    decoderStartTokenId: 0,
    scaleLogits: true,
  });
});

test('parseT5Config fills in what old configs leave out', (t) => {
  const absent = {
    num_decoder_layers: undefined,
    relative_attention_num_buckets: undefined,
    relative_attention_max_distance: undefined,
    tie_word_embeddings: undefined,
  };
  const parsed = config({ ...absent, num_layers: 3, decoder_start_token_id: null });
  t.is(parsed.numDecoderLayers, 3);
  t.is(parsed.relativeBuckets, 32);
  t.is(parsed.relativeMaxDistance, 128);
  t.is(parsed.decoderStartTokenId, 0);
  t.true(parsed.scaleLogits);
});

test('logits are scaled as scale_decoder_outputs says, else as tie_word_embeddings does', (t) => {
  t.false(config({ tie_word_embeddings: false }).scaleLogits);
  t.false(config({ tie_word_embeddings: true, scale_decoder_outputs: false }).scaleLogits);
  t.true(config({ tie_word_embeddings: false, scale_decoder_outputs: true }).scaleLogits);
});

test('parseT5Config refuses by key', (t) => {
  const refuses = (over: Record<string, unknown>, code: ErrorCode, message: RegExp) => {
    t.throws(() => config(over), { instanceOf: DfMergeError, code, message });
  };
  t.true(config({ feed_forward_proj: 'gated-gelu', model_type: 'mt5' }).gated);
  refuses({ feed_forward_proj: 'gated-silu' }, 'UNSUPPORTED', /feed_forward_proj "gated-silu"/);
  refuses({ d_model: undefined }, 'INVALID_CONFIG', /config\.json: d_model is missing/);
  refuses({ d_kv: 0 }, 'INVALID_CONFIG', /d_kv is 0; expected an integer of at least 1/);
  refuses({ num_heads: 2.5 }, 'INVALID_CONFIG', /num_heads is 2\.5/);
  refuses({ num_layers: '3' }, 'INVALID_CONFIG', /num_layers is "3"/);
  refuses({ eos_token_id: 8 }, 'INVALID_CONFIG', /eos_token_id is 8, outside the vocabulary of 8/);
  refuses({ layer_norm_epsilon: -1 }, 'INVALID_CONFIG', /layer_norm_epsilon is -1/);
  refuses({ tie_word_embeddings: 'yes' }, 'INVALID_CONFIG', /tie_word_embeddings is "yes"/);
});

test('the architecture of a folder is what its model_type says', (t) => {
  const refuses = (over: Record<string, unknown>, code: ErrorCode, message: RegExp) => {
    t.throws(() => architectureOf({ ...TINY_CONFIG, ...over }, 'config.json'), {
      instanceOf: DfMergeError,
      code,
      message,
    });
  };
  for (const type of ['t5', 'mt5'])
    t.is(architectureOf({ ...TINY_CONFIG, model_type: type }, 'config.json').name, 't5');
  refuses({ model_type: 'umt5' }, 'UNSUPPORTED', /model_type "umt5" is not supported.*position bias in every block/);
  refuses(
    { model_type: 'llama' },
    'UNSUPPORTED',
    /config\.json: model_type "llama" is not supported; expected "t5" or "mt5"$/,
  );
  refuses({ model_type: undefined }, 'INVALID_CONFIG', /config\.json: model_type is missing; expected "t5" or "mt5"$/);
});
