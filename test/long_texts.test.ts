import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { MergeQueue } from '../lib/tasks/text/models/merge_queue.js';
import { Trie } from '../lib/tasks/text/models/trie.js';
import { loadTokenizer, type Tokenizer } from '../lib/tasks/text/tokenizer.js';
import { temporaryFolder } from './support/tiny_t5.js';

/** What test/tokenizer/long_texts.py was told by Rust `tokenizers`: the number of ids and their digest, whole and cut to each limit. */
interface LongText {
  tokenizer: string;
  unit: string;
  count: number;
  whole: [length: number, digest: string];
  cut: [limit: number, length: number, digest: string][];
}

const linesOf = (name: string): string[] =>
  readFileSync(new URL(`../../test/tokenizer/${name}`, import.meta.url), 'utf8')
    .trim()
    .split('\n');
const [head, ...lines] = linesOf('long_texts.jsonl');
const tokenizers = JSON.parse(head) as Record<string, object>;
const rows = lines.map((line) => JSON.parse(line) as LongText);
const models = Object.keys(tokenizers);

async function open(name: string, tokenizer = tokenizers[name]): Promise<Tokenizer> {
  const dir = join(await temporaryFolder(), name.replace(/[^A-Za-z0-9]/g, '_'));
  await mkdir(dir);
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(dir, 'config.json'), '{"eos_token_id": 1}');
  return loadTokenizer(dir);
}

const digest = (ids: number[]): [number, string] => [
  ids.length,
  createHash('sha256').update(JSON.stringify(ids)).digest('hex'),
];

for (const name of models) {
  test.serial(`long texts have the ids of Rust, whole and cut: ${name}`, async (t) => {
    const tokenizer = await open(name);
    for (const { unit, count, whole, cut } of rows.filter((row) => row.tokenizer === name)) {
      const text = unit.repeat(count);
      const ids = tokenizer.encode(text);
      t.deepEqual(digest(ids), whole, `${JSON.stringify(unit)} × ${count}`);
      for (const [limit, ...expected] of cut) {
        const input = tokenizer.encodeInput(text, limit);
        t.deepEqual(digest(input), expected, `${JSON.stringify(unit)} × ${count}, cut to ${limit}`);
        const room = Math.min(limit, ids.length) - 1;
        t.deepEqual(input, [...ids.slice(0, room), 1]);
      }
    }
  });
}

/** How often the tokenizer rests, and how many steps its model takes: characters that it visits in its trie, pairs that it takes from its queue. */
function workOn(tokenizer: Tokenizer, text: string, maxTokens: number): { rests: number; steps: number } {
  const work = { rests: 0, steps: 0 };
  const step = Object.getOwnPropertyDescriptor(Trie.prototype, 'step')!.value as (node: number, unit: number) => number;
  const pop = Object.getOwnPropertyDescriptor(MergeQueue.prototype, 'pop')!.value as MergeQueue['pop'];
  Trie.prototype.step = function (node, unit) {
    work.steps++;
    return step.call(this, node, unit);
  };
  MergeQueue.prototype.pop = function () {
    work.steps++;
    return pop.call(this);
  };
  try {
    for (const encoding = tokenizer.encodeInSteps(text, maxTokens); !encoding.next().done;) work.rests++;
  } finally {
    Trie.prototype.step = step;
    MergeQueue.prototype.pop = pop;
  }
  return work;
}

for (const name of models) {
  test.serial(`twice the text is twice the work: ${name}`, async (t) => {
    for (const unit of ['the cat ', 'a', '</s>', 'x</s>']) {
      const text = unit.repeat(2 ** 17 / unit.length);
      // Each has a tokenizer of its own, because a tokenizer remembers words.
      const once = workOn(await open(name), text, Infinity);
      const twice = workOn(await open(name), text + text, Infinity);
      const places = `${name}, ${JSON.stringify(unit)}: ${JSON.stringify([once, twice])}`;
      t.true(Math.abs(twice.steps - 2 * once.steps) <= 0.01 * once.steps + 64, places);
      t.true(Math.abs(twice.rests - 2 * once.rests) <= 0.25 * once.rests + 4, places);
    }
  });

  test.serial(`what is cut off costs the model nothing: ${name}`, async (t) => {
    const text = 'the cat '.repeat(2 ** 14);
    const [once, twice] = [workOn(await open(name), text, 512), workOn(await open(name), text + text, 512)];
    t.is(twice.steps, once.steps);
  });
}

test.serial('a text of special tokens alone becomes them', async (t) => {
  for (const name of models) {
    const tokenizer = await open(name);
    t.deepEqual(tokenizer.encode('<pad>'.repeat(100_000)), [...new Array<number>(100_000).fill(0), 1], name);
    t.deepEqual(tokenizer.encodeInput('</s>'.repeat(100_000)), new Array<number>(512).fill(1), name);
  }
});

/** A word and white space of 400,000 characters each: what regular expressions and recursions go through in one run. */
const LONG = ['a'.repeat(400_000), ' '.repeat(400_000)];

/** The cheapest model, so that the test is about the steps before it. */
const WORD_LEVEL = { type: 'WordLevel', vocab: { '<pad>': 0, '</s>': 1, '<unk>': 2 }, unk_token: '<unk>' };

/** Its regular expression, `(?>a+|b)b`, goes through a run of a's once from each of its places, in any engine. */
const QUADRATIC = 'pre-tokenizer Split atomic';

test.serial('no feature of tokenizer.json ends in a RangeError on a text of 400 kB', async (t) => {
  const [, ...features] = linesOf('features.jsonl');
  let opened = 0;
  for (const line of features) {
    const { name, tokenizer } = JSON.parse(line) as { name: string; tokenizer: object };
    if (name === QUADRATIC) continue;
    const loaded = await open(name, { model: WORD_LEVEL, ...tokenizer }).catch(() => undefined);
    if (!loaded) continue;
    opened++;
    for (const text of LONG) {
      try {
        t.true(loaded.encodeInput(text).length <= 512);
      } catch (error) {
        if (!(error instanceof DfMergeError) || error.code !== 'INVALID_DATA') throw error;
        t.regex(error.message, /no token for unknown words|too much for a regular expression/, name);
      }
    }
  }
  t.true(opened > 140, `${opened} features`);
});
