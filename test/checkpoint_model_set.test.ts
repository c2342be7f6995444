import test from 'ava';
import { openModelSet } from '../lib/architectures/index.js';
import type { WeightDType } from '../lib/checkpoint/safetensors.js';
import { DfMergeError } from '../lib/core/errors.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { tinyParameters, writeTinyT5, type TinyOptions } from './support/tiny_t5.js';

const HEAD = { name: 'lm_head.weight', shape: [8, 4] };
const vocabulary = (words: string[]) =>
  JSON.stringify({
    added_tokens: [{ id: 9, content: '<x>' }],
    model: { type: 'Unigram', vocab: words.map((word) => [word, 0]) },
  });

async function openTiny(base: TinyOptions, ...models: TinyOptions[]) {
  return openModelSet(
    await writeTinyT5(base),
    await Promise.all(models.map((model) => writeTinyT5({ salt: 'child', ...model }))),
  );
}

test('sources give the file range of each parameter, in the order asked', async (t) => {
  const { base, models, engineConfig } = await openTiny({}, { dtype: 'BF16' });
  t.true(engineConfig.tied);
  t.is(engineConfig.dModel, 4);
  const parameters = tinyParameters().reverse();
  for (const [model, dtype] of [
    [base, 'F32'],
    [models[0], 'BF16'],
  ] as const) {
    const sources = model.sources(parameters);
    t.deepEqual(
      sources.map(({ name }) => name),
      parameters.map(({ name }) => name),
    );
    for (const { name, file, offset, dtype: found } of sources) {
      const entry = model.checkpoint.tensors.get(name)!;
      t.deepEqual([file, offset, found], [entry.file, entry.begin, dtype]);
    }
  }
});

test('second names of the table, its absence under the first, and a left-over bias are accepted', async (t) => {
  const aliases = ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', 'lm_head.weight'].map((name) => ({
    name,
    shape: [8, 4],
    like: 'shared.weight',
  }));
  const leftOver = { name: 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight', shape: [8, 2] };
  const set = await openTiny(
    { tensors: [...tinyParameters(), ...aliases, leftOver] },
    { tensors: [...tinyParameters().slice(1), aliases[0]] },
  );
  t.true(set.engineConfig.tied);
  t.is(set.base.sources(tinyParameters()).length, tinyParameters().length);
  const child = set.models[0];
  t.is(child.sources(tinyParameters())[0].offset, child.checkpoint.tensors.get('encoder.embed_tokens.weight')!.begin);
  t.is(set.parameterOf('decoder.embed_tokens.weight'), 'shared.weight');
  t.is(set.parameterOf('lm_head.weight'), 'shared.weight');
  t.is(set.parameterOf(leftOver.name), undefined);
  t.is(set.parameterOf('encoder.final_layer_norm.weight'), 'encoder.final_layer_norm.weight');
});

test('a second name with other values is refused', async (t) => {
  const alias = { name: 'encoder.embed_tokens.weight', shape: [8, 4] };
  await t.throwsAsync(openTiny({ tensors: [...tinyParameters(), alias] }), {
    instanceOf: DfMergeError,
    code: 'MISMATCH',
    message: /"encoder\.embed_tokens\.weight" differs from "shared\.weight"/,
  });
});

test('one untied member unties the set; the others take the table for a head', async (t) => {
  const set = await openTiny(
    {},
    { tensors: tinyParameters(true) },
    { tensors: [...tinyParameters(), { ...HEAD, like: 'shared.weight' }] },
  );
  t.false(set.engineConfig.tied);
  t.is(set.parameterOf('lm_head.weight'), 'lm_head.weight');
  const headOf = (model: typeof set.base) => model.sources(tinyParameters(true)).at(-1)!.offset;
  const tensor = (model: typeof set.base, name: string) => model.checkpoint.tensors.get(name)!.begin;
  t.is(headOf(set.base), tensor(set.base, 'shared.weight'));
  t.is(headOf(set.models[0]), tensor(set.models[0], 'lm_head.weight'));
  t.is(headOf(set.models[1]), tensor(set.models[1], 'shared.weight'));
  t.deepEqual(set.addedTensors, [HEAD]);
  t.deepEqual(set.configChanges, { tie_word_embeddings: false, scale_decoder_outputs: true });
});

test('a base that has its table as a head alone gets the table too where another member has a head', async (t) => {
  const tensors = [...tinyParameters().slice(1), { ...HEAD, like: 'shared.weight' }];
  const alone = await openTiny({ tensors }, { tensors });
  t.true(alone.engineConfig.tied);
  t.is(alone.parameterOf('lm_head.weight'), 'shared.weight');
  t.deepEqual(alone.addedTensors, []);
  const set = await openTiny({ tensors }, { tensors: tinyParameters(true) });
  t.false(set.engineConfig.tied);
  t.is(set.parameterOf('lm_head.weight'), 'lm_head.weight');
  t.deepEqual(set.addedTensors, [{ name: 'shared.weight', shape: [8, 4] }]);
});

test('a base with a head of its own needs no changes to its config', async (t) => {
  const untied = { tensors: tinyParameters(true) };
  const set = await openTiny(untied, untied);
  t.false(set.engineConfig.tied);
  t.deepEqual(set.addedTensors, []);
  t.deepEqual(set.configChanges, {});
});

test('configs that differ are refused by key', async (t) => {
  const error = await t.throwsAsync(openTiny({}, {}, { config: { relative_attention_max_distance: 17 } }), {
    instanceOf: DfMergeError,
    code: 'MISMATCH',
  });
  t.regex(error.message, /relative_attention_max_distance is 16 in .* and 17 in /);
});

test('vocabularies that differ are refused by token; folders without one are passed over', async (t) => {
  const words = (...list: string[]) => ({ files: { 'tokenizer.json': vocabulary(list) } });
  const set = await openTiny({}, words('a', 'b'), words('a', 'b'));
  t.is(set.tokenizerDir, set.models[0].dir);
  await t.throwsAsync(openTiny(words('a', 'b'), words('a', 'c', 'b')), {
    instanceOf: DfMergeError,
    code: 'MISMATCH',
    message: /token "b" is 1 in .* and 2 in /,
  });
  await t.throwsAsync(openTiny(words('a'), words('a', 'b')), {
    instanceOf: DfMergeError,
    message: /token "b" is absent in .* and 1 in /,
  });
});

test('missing, extra and misshapen tensors are all listed', async (t) => {
  const tensors = tinyParameters().slice(1, -1);
  tensors[0] = { ...tensors[0], shape: [2, 8] };
  const aliased = { name: 'encoder.embed_tokens.weight', shape: [8, 4] };
  const extra = Array.from({ length: 10 }, (_, i) => ({ name: `extra.${i}`, shape: [1] }));
  const { base } = await openTiny({ tensors: [...tensors, aliased, ...extra] });
  const error = t.throws(() => base.sources(tinyParameters()), { instanceOf: DfMergeError, code: 'MISMATCH' });
  t.regex(error.message, /1 missing \(decoder\.final_layer_norm\.weight\)/);
  t.regex(error.message, /10 not of this architecture \(extra\.0, .*extra\.7, and 2 more\)/);
  t.regex(
    error.message,
    /1 of another shape \(encoder\.block\.0\.layer\.0\.SelfAttention\.q\.weight is \[2,8\], expected \[4,4\]\)/,
  );
});

test('types that are no weights are refused by name', async (t) => {
  const { base } = await openTiny({ dtype: 'F64' as WeightDType });
  t.throws(() => base.sources(tinyParameters()), {
    instanceOf: DfMergeError,
    code: 'UNSUPPORTED',
    message: /must be F32, F16 or BF16: .*shared\.weight is F64/,
  });
});

test('a folder without an embedding table is no T5', async (t) => {
  await t.throwsAsync(openTiny({ tensors: tinyParameters().slice(1) }), {
    instanceOf: DfMergeError,
    message: /no tensor "shared\.weight"; is this a T5 checkpoint/,
  });
});

sharedTest(test)('the golden and the trained models open: tied and untied as they are', async (t) => {
  const golden = (version: string) =>
    openModelSet(
      sharedPath('golden', version, 'models', 'base'),
      ['task_a', 'task_b', 'task_c'].map((task) => sharedPath('golden', version, 'models', task)),
    );
  t.true((await golden('t5-v1.0')).engineConfig.tied);
  const untied = await golden('t5-v1.1');
  t.false(untied.engineConfig.tied);
  t.true(untied.engineConfig.gated);
  t.false(untied.engineConfig.scaleLogits);
  t.is(
    untied.models[2].sources([...untied.base.checkpoint.tensors.values()]).length,
    untied.base.checkpoint.tensors.size,
  );
  const mini = await openModelSet(sharedPath('models', 'mini', 'base'), [sharedPath('models', 'mini', 'snips')]);
  t.true(mini.engineConfig.tied);
  t.is(mini.tokenizerDir, sharedPath('models', 'mini', 'base'));
});
