import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { RowShapes } from '../bindings/index.js';
import { makeBatches, packRows, type TokenizedRows } from '../lib/engine/batch.js';
import { tokenizeRows } from '../lib/tasks/tokenize.js';
import { RandomStream } from '../lib/core/random_stream.js';
import { drawFisherRows, subsetRows } from '../lib/tasks/subset.js';
import { loadSplit } from '../lib/tasks/rows.js';
import { DfMergeError } from '../lib/core/errors.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { temporaryFolder } from './support/tiny_t5.js';

async function taskOf(validation: string | Uint8Array): Promise<string> {
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'validation.jsonl'), validation);
  return dir;
}

const ROW = '{"input": "x", "choices": ["a", "b"], "label": 1}';

test('a split is read; BOM, CRLF, blank lines and a missing last newline are tolerated', async (t) => {
  const dir = await taskOf(`\uFEFF${ROW}\r\n\r\n  \n{"input": "", "choices": ["c"], "other": 1}`);
  const { file, digest, rows } = await loadSplit(dir, 'validation');
  t.is(file, join(dir, 'validation.jsonl'));
  t.regex(digest, /^[0-9a-f]{64}$/);
  t.deepEqual(rows, [
    { input: 'x', choices: ['a', 'b'], label: 1 },
    { input: '', choices: ['c'] },
  ]);
});

test('the digest is that of the bytes', async (t) => {
  const digest = async (text: string) => (await loadSplit(await taskOf(text), 'validation')).digest;
  t.is(await digest(ROW), await digest(ROW));
  t.not(await digest(ROW), await digest(`${ROW}\n`));
});

const broken: [rule: string, line: string, complaint: RegExp][] = [
  ['bad JSON', '{"input"', /:2: not JSON/],
  ['not an object', '["x"]', /:2: expected an object/],
  ['no input', '{"choices": ["a"]}', /:2: "input" is missing or not a string/],
  ['input of another type', '{"input": 1, "choices": ["a"]}', /:2: "input" is missing or not a string/],
  ['no choices', '{"input": "x"}', /:2: "choices" is missing or empty/],
  ['empty choices', '{"input": "x", "choices": []}', /:2: "choices" is missing or empty/],
  ['a choice of another type', '{"input": "x", "choices": ["a", 2]}', /:2: choice 1 is not a string/],
  ['a choice without text', '{"input": "x", "choices": [""]}', /:2: choice 0 is not a string with text/],
  [
    'label too large',
    '{"input": "x", "choices": ["a", "b"], "label": 2}',
    /:2: label 2 is not an index into the 2 choices \(0 to 1\)/,
  ],
  ['label negative', '{"input": "x", "choices": ["a"], "label": -1}', /:2: label -1/],
  ['label beyond all numbers', '{"input": "x", "choices": ["a"], "label": 1e999}', /:2: label Infinity is not/],
  ['a key that stands twice', '{"input": "x", "choices": ["a"], "input": "y"}', /:2: not JSON: the key "input" stands/],
  ['label fractional', '{"input": "x", "choices": ["a"], "label": 0.5}', /:2: label 0\.5/],
  ['label of another type', '{"input": "x", "choices": ["a"], "label": "a"}', /:2: label "a"/],
  ['label missing where needed', '{"input": "x", "choices": ["a"]}', /:2: "label" is missing/],
];

for (const [rule, line, message] of broken) {
  test(`refused with its line: ${rule}`, async (t) => {
    const dir = await taskOf(`${ROW}\n${line}\n${ROW}`);
    const error = await t.throwsAsync(loadSplit(dir, 'validation', { needLabels: true }), {
      instanceOf: DfMergeError,
      code: 'INVALID_DATA',
      message,
    });
    t.true(error.message.startsWith(join(dir, 'validation.jsonl')));
  });
}

test('refused: absent, empty, and not UTF-8', async (t) => {
  await t.throwsAsync(loadSplit(await taskOf(ROW), 'test'), {
    instanceOf: DfMergeError,
    code: 'NOT_FOUND',
    message: /test\.jsonl/,
  });
  await t.throwsAsync(loadSplit(await taskOf('\n\n'), 'validation'), {
    instanceOf: DfMergeError,
    code: 'INVALID_DATA',
    message: /validation\.jsonl: no rows/,
  });
  const bytes = Buffer.concat([Buffer.from(`${ROW}\n\n`), Buffer.from([0x22, 0xff, 0x22])]);
  await t.throwsAsync(loadSplit(await taskOf(bytes), 'validation'), {
    instanceOf: DfMergeError,
    code: 'INVALID_DATA',
    message: /:3: not UTF-8/,
  });
});

test('subsets are nested, sorted, and of the size that the ratio says', async (t) => {
  const of = (ratio: number, seed = 1, task = 'a') => subsetRows(1000, ratio, { seed, task });
  const sizes = await Promise.all([0.0001, 0.05, 0.07, 0.1, 0.5, 1].map(async (ratio) => (await of(ratio)).length));
  t.deepEqual(sizes, [1, 50, 70, 100, 500, 1000]);
  t.is((await subsetRows(100, 0.07, { seed: 1, task: 'a' })).length, 7);
  const tenth = new Set(await of(0.1));
  t.true((await of(0.05)).every((row) => tenth.has(row)));
  t.deepEqual(
    await of(0.1),
    [...(await of(0.1))].sort((a, b) => a - b),
  );
  t.is(tenth.size, 100);
  t.notDeepEqual(await of(0.1), await of(0.1, 2));
  t.notDeepEqual(await of(0.1), await of(0.1, 1, 'b'));
  for (const ratio of [0, -1, 1.1, Number.NaN])
    await t.throwsAsync(of(ratio), { instanceOf: DfMergeError, code: 'INVALID_ARGUMENT' });
});

test('subsets and Fisher rows are spread evenly over the file, wherever they start', async (t) => {
  for (const seed of [1, 2, 3]) {
    const draw = { seed, task: 'a' };
    for (const rows of [await subsetRows(1000, 0.1, draw), await drawFisherRows(1000, 100, draw)]) {
      const deciles = new Array<number>(10).fill(0);
      for (const row of rows) deciles[Math.floor(row / 100)]++;
      t.true(
        deciles.every((count) => count >= 8 && count <= 12),
        deciles.join(' '),
      );
    }
  }
});

test('Fisher rows are drawn without replacement, from a stream of their own', async (t) => {
  const of = (n: number, samples: number | 'all') => drawFisherRows(n, samples, { seed: 1, task: 'a' });
  t.is(new Set(await of(1000, 30)).size, 30);
  t.deepEqual(await of(1000, 30), await of(1000, 30));
  t.notDeepEqual(await of(1000, 50), await subsetRows(1000, 0.05, { seed: 1, task: 'a' }));
  for (const samples of ['all', 5, 6] as const) t.deepEqual(await of(5, samples), [0, 1, 2, 3, 4]);
  for (const samples of [0, -1, 1.5, Number.NaN])
    await t.throwsAsync(of(5, samples), { instanceOf: DfMergeError, code: 'INVALID_ARGUMENT' });
});

test('the random stream stays as it is, and is even', (t) => {
  const first = new RandomStream(1, 'a');
  t.deepEqual([first.nextUint32(), first.nextUint32(), first.nextUint32()], [2092084824, 2307307430, 3550511854]);
  const stream = new RandomStream(5, 'even');
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[stream.below(10)]++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  t.true(chiSquare < 27.9, `χ² = ${chiSquare} on 9 degrees of freedom`); // p = 0.001
  t.deepEqual(
    new RandomStream(5, 'x').sample(20, 20).sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i),
  );
});

/** Rows whose input i has `lengths[i]` tokens of value i, and whose choices are one of 2 tokens or as given. */
function tokenized(lengths: number[], choices?: number[][]): TokenizedRows {
  return {
    inputIds: lengths.map((length, i) => new Int32Array(length).fill(i)),
    choices: lengths.map((_, i) => (choices?.[i] ?? [2]).map((length, c) => new Int32Array(length).fill(100 * i + c))),
    labels: new Int32Array(lengths.length),
  };
}

test('a batch lays inputs and choices end to end', (t) => {
  const batch = packRows(tokenized([3, 1, 2], [[1, 2], [1], []]), [2, 0, 1]);
  t.deepEqual([...batch.inputIds], [2, 2, 0, 0, 0, 1]);
  t.deepEqual([...batch.inputOffsets], [0, 2, 5, 6]);
  t.deepEqual([...batch.labelIds], [0, 1, 1, 100]);
  t.deepEqual([...batch.labelOffsets], [0, 1, 3, 4]);
  t.deepEqual([...batch.choiceOffsets], [0, 0, 2, 3]);
});

test('batches go from long to short, stably, within the budget', (t) => {
  const rows = tokenized([5, 9, 5, 1, 9, 30, 5]);
  const batches = makeBatches(rows, [0, 1, 2, 3, 4, 5, 6], { maxBytes: 22 });
  t.deepEqual(
    batches.map(({ indices }) => indices),
    [[5], [1, 4], [0, 2, 6], [3]],
  );
  t.deepEqual(makeBatches(rows, [6, 2], { maxBytes: 22 })[0].indices, [6, 2]);
  t.deepEqual([...batches[3].batch.inputIds], [3]);
  t.deepEqual(makeBatches(rows, [], { maxBytes: 22 }), []);
});

test('the cost function counts input tokens, choice tokens and choices', (t) => {
  const rows = tokenized([4, 4], [[1, 2, 3], [5]]);
  const seen: RowShapes[] = [];
  const cost = (shapes: RowShapes) => {
    seen.push(shapes);
    return Float64Array.of(10, 10);
  };
  t.is(makeBatches(rows, [0, 1], { maxBytes: 20, cost }).length, 1);
  t.is(makeBatches(rows, [0, 1], { maxBytes: 19, cost }).length, 2);
  t.deepEqual(seen[0], {
    inputTokens: Int32Array.of(4, 4),
    choiceTokens: Int32Array.of(6, 5),
    choices: Int32Array.of(3, 1),
  });
});

test('tokenizeRows cuts inputs, not choices, and marks unknown labels', async (t) => {
  const tokenizer = {
    eosTokenId: 1,
    encode: (text: string) => Array.from(text, () => 7),
    encodeInput: (text: string, max = 512) => Array.from(text.slice(0, max), () => 7),
    decode: () => '',
    *encodeInSteps(text: string, max: number): Generator<void, number[]> {
      yield;
      return tokenizer.encodeInput(text, max);
    },
  };
  const rows = [
    { input: 'abcdef', choices: ['x', 'yyyyyyyy'], label: 1 },
    { input: 'a', choices: ['x'] },
  ];
  const { inputIds, choices, labels } = await tokenizeRows(tokenizer, rows, { maxInputTokens: 4 });
  t.deepEqual(
    inputIds.map((ids) => ids.length),
    [4, 1],
  );
  t.deepEqual(
    choices.map((row) => row.map((ids) => ids.length)),
    [[1, 8], [1]],
  );
  t.deepEqual([...labels], [1, -1]);
});

sharedTest(test)('every split of the suite and of the paper’s tasks is read', async (t) => {
  for (const task of ['snips', 'trec', 'subj', 'agnews', 'sst2', 'qasc']) {
    for (const split of ['train', 'validation', 'test'] as const) {
      t.true((await loadSplit(sharedPath('data', 'suite', task), split, { needLabels: true })).rows.length > 100);
    }
  }
  for (const task of ['paws', 'qasc', 'wiki_qa', 'winogrande'])
    t.true((await loadSplit(sharedPath('data', 'paper', task), 'validation', { needLabels: true })).rows.length > 100);
});
