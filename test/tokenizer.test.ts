import { writeFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { loadSplit } from '../lib/tasks/rows.js';
import { DfMergeError } from '../lib/core/errors.js';
import { PrecompiledMap } from '../lib/tasks/text/precompiled.js';
import { loadTokenizer, type Tokenizer } from '../lib/tasks/text/tokenizer.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { temporaryFolder } from './support/tiny_t5.js';

const WORDS = ['<pad>', '</s>', '<unk>', 'a', 'b', 'c'];
const ENDS = {
  type: 'TemplateProcessing',
  single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
  special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
};
const WORD_TOKENIZER = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: ENDS,
  decoder: null,
  model: { type: 'WordLevel', vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])), unk_token: '<unk>' },
};

async function folderOf(files: Record<string, unknown>): Promise<string> {
  const dir = await temporaryFolder();
  for (const [name, value] of Object.entries(files))
    await writeFile(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value));
  return dir;
}

async function load(over: object = {}, files: Record<string, unknown> = {}): Promise<Tokenizer> {
  return loadTokenizer(await folderOf({ 'tokenizer.json': { ...WORD_TOKENIZER, ...over }, ...files }));
}

test('a text ends with one </s>, whether or not tokenizer.json puts it there', async (t) => {
  for (const tokenizer of [await load(), await load({ post_processor: null })]) {
    t.is(tokenizer.eosTokenId, 1);
    t.deepEqual(tokenizer.encode('a b x'), [3, 4, 2, 1]);
    t.deepEqual(tokenizer.encode(''), [1]);
  }
});

test('the end token is the one that the configs name', async (t) => {
  t.is(
    (await load({ post_processor: null }, { 'tokenizer_config.json': { eos_token: { content: 'c' } } })).eosTokenId,
    5,
  );
  t.is((await load({ post_processor: null }, { 'config.json': { eos_token_id: 4 } })).eosTokenId, 4);
});

test('an input is cut so that it still ends with </s>', async (t) => {
  const tokenizer = await load();
  t.deepEqual(tokenizer.encodeInput('a b c a', 5), [3, 4, 5, 3, 1]);
  t.deepEqual(tokenizer.encodeInput('a b c a', 4), [3, 4, 5, 1]);
  t.deepEqual(tokenizer.encodeInput('a b c a', 1), [1]);
  t.is(tokenizer.encodeInput('a '.repeat(600)).length, 512);
  t.is(tokenizer.encode('a '.repeat(600)).length, 601);
});

test('a vocabulary without an unknown token refuses what it does not know', async (t) => {
  const model = { ...WORD_TOKENIZER.model, unk_token: undefined };
  const tokenizer = await load({ model });
  t.deepEqual(tokenizer.encode('a b'), [3, 4, 1]);
  t.throws(() => tokenizer.encode('a x'), {
    instanceOf: DfMergeError,
    code: 'INVALID_DATA',
    message: /does not know one of "x"/,
  });
});

test('what encode returns is the caller’s', async (t) => {
  const tokenizer = await load();
  tokenizer.encode('a').push(99);
  t.deepEqual(tokenizer.encode('a'), [3, 1]);
});

test('white space is Unicode’s, as models were trained on', async (t) => {
  const tokenizer = await load();
  t.deepEqual(tokenizer.encode('a\u0085b'), [3, 4, 1]);
  t.deepEqual(tokenizer.encode('a\ufeffb'), [2, 1]);
});

test('folders without a usable tokenizer.json are refused by name', async (t) => {
  const empty = await folderOf({});
  await t.throwsAsync(loadTokenizer(empty), {
    instanceOf: DfMergeError,
    code: 'NOT_FOUND',
    message: new RegExp(`^${empty}: no tokenizer\\.json`),
  });
  for (const broken of ['{', '[]', '{"model":{}}', { ...WORD_TOKENIZER, model: { type: 'Nonsense' } }]) {
    const dir = await folderOf({ 'tokenizer.json': broken });
    await t.throwsAsync(loadTokenizer(dir), {
      instanceOf: DfMergeError,
      code: 'INVALID_CONFIG',
      message: /tokenizer\.json: /,
    });
  }
  const dir = await folderOf({
    'tokenizer.json': {
      ...WORD_TOKENIZER,
      model: { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' },
      post_processor: null,
    },
  });
  await t.throwsAsync(loadTokenizer(dir), {
    instanceOf: DfMergeError,
    code: 'INVALID_CONFIG',
    message: /no end token "<\/s>"/,
  });
});

test('a character map that is cut short is refused', (t) => {
  t.throws(() => new PrecompiledMap(Buffer.from([200, 0, 0, 0, 1]).toString('base64')), { instanceOf: RangeError });
  t.throws(() => new PrecompiledMap(''), { instanceOf: RangeError });
});

interface Tokens {
  tokens: Record<string, { input: number[]; choices: number[][] }[]>;
}

sharedTest(test)('first rows of the suite get PyTorch’s ids', async (t) => {
  const tokenizer = await loadTokenizer(sharedPath('models', 'mini', 'base'));
  const { tokens } = JSON.parse(await readFile(sharedPath('golden', 'suite.json'), 'utf8')) as Tokens;
  for (const [task, expected] of Object.entries(tokens)) {
    const { rows } = await loadSplit(sharedPath('data', 'suite', task), 'validation');
    expected.forEach(({ input, choices }, i) => {
      t.deepEqual(tokenizer.encodeInput(rows[i].input), input, task);
      t.deepEqual(
        rows[i].choices.map((choice) => tokenizer.encode(choice)),
        choices,
        task,
      );
    });
  }
});

interface Cases {
  examples: { input_ids: number[]; choices: number[][]; label: number }[];
}

for (const version of ['t5-v1.0', 't5-v1.1']) {
  sharedTest(test)(`${version}: the rows of the golden data get the ids of its cases`, async (t) => {
    const tokenizer = await loadTokenizer(sharedPath('golden', version, 'models', 'base'));
    const { examples } = JSON.parse(await readFile(sharedPath('golden', version, 'cases.json'), 'utf8')) as Cases;
    const { rows } = await loadSplit(sharedPath('golden', version, 'data'), 'validation', { needLabels: true });
    t.deepEqual(
      rows.map((row) => ({
        input_ids: tokenizer.encodeInput(row.input),
        choices: row.choices.map((choice) => tokenizer.encode(choice)),
        label: row.label!,
      })),
      examples,
    );
  });
}

// These ids are those of the Rust tokenizers on models/mini/base, for joiners, stacked accents, full-width text, white space and special tokens.
const ODD_TEXTS: [text: string, ids: number[]][] = [
  ['', [1]],
  ['  ', [1]],
  ['a  b ', [10, 684, 1]],
  ['a\u000a\u0009b\u000d\u000ac', [10, 684, 476, 1]],
  ['x </s> y', [2924, 1, 16, 60, 1]],
  ['<extra_id_0> z', [8099, 3328, 1]],
  ['a\u200bb\u200dc', [10, 684, 2, 193, 1]],
  ['\u{1f642} \u{1f468}\u200d\u{1f469}', [16, 2, 16, 2, 1]],
  ['a\u0300\u0301', [16, 7551, 1]],
  ['\u0344', [16, 2, 7821, 1]],
  ['\uff11\u0327\uff10', [1180, 1]],
  ['\uff5e\uff21\uff22\u3000c', [16, 2, 269, 464, 476, 1]],
  ['caf\u00e9 cafe\u0301', [1322, 341, 1170, 1322, 341, 1170, 1]],
  ['\ufb01ne \u2460\u00bd\u2122', [920, 2031, 7987, 438, 411, 456, 1]],
  ['a\u0085', [10, 1]],
  ['\ufeffb', [684, 1]],
  ['\u00a0c\u00ad', [476, 2, 1]],
  ['1\u20441 \u2215', [549, 7987, 1356, 16, 2, 1]],
  ['\u0000d\u0007e', [16, 2, 586, 1]],
  ['\u061cf', [16, 341, 1]],
];

sharedTest(test)('odd characters get the ids of the Rust tokenizers', async (t) => {
  const tokenizer = await loadTokenizer(sharedPath('models', 'mini', 'base'));
  for (const [text, ids] of ODD_TEXTS) t.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
});

sharedTest(test)('speed on news rows', async (t) => {
  const tokenizer = await loadTokenizer(sharedPath('models', 'mini', 'base'));
  const { rows } = await loadSplit(sharedPath('data', 'suite', 'agnews'), 'validation');
  const start = performance.now();
  const tokens = rows.slice(0, 1000).reduce((sum, { input }) => sum + tokenizer.encodeInput(input).length, 0);
  const seconds = (performance.now() - start) / 1000;
  t.log(`${tokens} tokens in ${seconds.toFixed(3)} s: ${Math.round(tokens / seconds)} tokens/s`);
  t.true(tokens / seconds > 5_000);
});
