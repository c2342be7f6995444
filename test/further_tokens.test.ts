import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { DfMergeError } from '../lib/core/errors.js';
import { loadTokenizer, type Tokenizer } from '../lib/tasks/text/tokenizer.js';
import { temporaryFolder } from './support/tiny_t5.js';

const PLAIN = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
const token = (content: string, flags: object = {}) => ({ content, ...PLAIN, ...flags });
const TOKENIZER = {
  version: '1.0',
  added_tokens: ['<pad>', '</s>', '<unk>'].map((content, id) => ({ id, ...token(content) })),
  pre_tokenizer: { type: 'WhitespaceSplit' },
  model: { type: 'WordLevel', vocab: { '<pad>': 0, '</s>': 1, '<unk>': 2, a: 3, b: 4, c: 5 }, unk_token: '<unk>' },
};
const NAMED = { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' };

async function open(settings: object, addedTokens?: object): Promise<Tokenizer> {
  const dir = await temporaryFolder();
  const files: Record<string, object | undefined> = {
    'tokenizer.json': TOKENIZER,
    'tokenizer_config.json': { ...NAMED, ...settings },
    'added_tokens.json': addedTokens,
  };
  for (const [name, json] of Object.entries(files)) if (json) await writeFile(join(dir, name), JSON.stringify(json));
  return loadTokenizer(dir);
}

/** Settings, the content of added_tokens.json if there is one, and the ids of `<x>`, `ba <x>b` and `<y>` that transformers 5.23 gives. */
const CASES: Record<string, [settings: object, addedTokens: object | undefined, ids: number[][]]> = {
  'a decoder of one': [{ added_tokens_decoder: { 6: token('<x>') } }, undefined, [[6], [2, 6, 4], [2]]],
  'a decoder of two': [
    { added_tokens_decoder: { 7: token('<x>'), 6: token('<y>') } },
    undefined,
    [[7], [2, 7, 4], [6]],
  ],
  'a decoder of a word of the vocabulary': [
    { added_tokens_decoder: { 3: token('a') } },
    undefined,
    [[2], [4, 3, 2], [2]],
  ],
  'a decoder of what is known, otherwise flagged': [
    { added_tokens_decoder: { 2: token('<unk>', { lstrip: true }) } },
    undefined,
    [[2], [2, 2], [2]],
  ],
  'added_tokens.json': [{}, { '<x>': 6 }, [[6], [2, 6, 4], [2]]],
  'added_tokens.json beside a decoder': [
    { added_tokens_decoder: { 6: token('<y>') } },
    { '<x>': 6 },
    [[2], [2, 2], [6]],
  ],
  additional_special_tokens: [{ additional_special_tokens: ['<x>'] }, undefined, [[6], [2, 6, 4], [2]]],
  extra_special_tokens: [{ extra_special_tokens: ['<x>'] }, undefined, [[6], [2, 6, 4], [2]]],
  mask_token: [{ mask_token: '<x>' }, undefined, [[6], [2, 6, 4], [2]]],
};

for (const [name, [settings, addedTokens, ids]] of Object.entries(CASES)) {
  test(`tokens that tokenizer.json lacks have the ids of transformers: ${name}`, async (t) => {
    const tokenizer = await open(settings, addedTokens);
    for (const [i, text] of ['<x>', 'ba <x>b', '<y>'].entries())
      t.deepEqual(tokenizer.encode(text), [...ids[i], 1], text);
  });
}

test('a further token whose id would be another is refused by name', async (t) => {
  const cases: [Promise<Tokenizer>, RegExp][] = [
    [
      open({ added_tokens_decoder: { 9: token('<x>') } }),
      /tokenizer_config\.json: added_tokens_decoder\["9"\]: 9 for "<x>", .* the id 6$/,
    ],
    [open({ added_tokens_decoder: { 5: token('a') } }), /added_tokens_decoder\["5"\]: 5 for "a", .* the id 3$/],
    [open({ added_tokens_decoder: { x: token('a') } }), /added_tokens_decoder\["x"\]: expected an id/],
    [open({}, { '<x>': 9 }), /added_tokens\.json: "<x>": 9 for "<x>", .* the id 6$/],
    [open({}, { '<x>': 'a' }), /added_tokens\.json: "<x>": expected an id$/],
  ];
  for (const [opening, message] of cases)
    await t.throwsAsync(opening, { instanceOf: DfMergeError, code: 'INVALID_CONFIG', message });
});

test('the digest of a tokenizer depends on added_tokens.json', async (t) => {
  t.not((await open({}, { '<x>': 6 })).digest, (await open({}, { '<y>': 6 })).digest);
});

interface Peer {
  files: Record<string, unknown>;
  texts: string[];
  cases: { name: string; files: Record<string, unknown> }[];
}
const peer = (name: string): unknown => JSON.parse(readFileSync(join(packageRoot(), 'test', 'peers', name), 'utf8'));
const PEER = peer('t5_tokens.cases.json') as Peer;
const PEER_IDS = (peer('t5_tokens.json') as { ids: Record<string, number[][] | null> }).ids;

/** Of what transformers does not open, this engine opens what has one meaning all the same. */
const OPENED_ALL_THE_SAME = ['a special token as an object', 'map additional objects', 'map extra objects'];

async function openPeer(files: Record<string, unknown>): Promise<Tokenizer> {
  const dir = join(await temporaryFolder(), 'model');
  await mkdir(dir);
  for (const [name, json] of Object.entries({ ...PEER.files, ...files }))
    if (json !== null) await writeFile(join(dir, name), JSON.stringify(json));
  return loadTokenizer(dir);
}

test('every case has the ids of transformers, sentinels among them, or is refused as there', async (t) => {
  t.true(PEER.cases.length > 50);
  t.deepEqual(
    Object.keys(PEER_IDS),
    PEER.cases.map(({ name }) => name),
  );
  for (const { name, files } of PEER.cases) {
    const ids = PEER_IDS[name];
    if (ids) {
      const tokenizer = await openPeer(files);
      for (const [i, text] of PEER.texts.entries()) t.deepEqual(tokenizer.encode(text), ids[i], `${name}: ${text}`);
    } else if (OPENED_ALL_THE_SAME.includes(name)) await openPeer(files);
    else await t.throwsAsync(openPeer(files), { instanceOf: DfMergeError, code: 'INVALID_CONFIG' }, name);
  }
});

test('a number of sentinels that is none, and lists that contradict it, are refused by name', async (t) => {
  const of = (settings: object, map?: object) =>
    openPeer({ 'tokenizer_config.json': { ...NAMED, ...settings }, 'special_tokens_map.json': map ?? null });
  const two = { additional_special_tokens: ['<extra_id_0>', '<extra_id_1>'] };
  const cases: [Promise<Tokenizer>, RegExp][] = [
    [of({ extra_ids: 1e9 }), /tokenizer_config\.json: extra_ids: expected a whole number from 0 to 65536$/],
    [of({ extra_ids: 'many' }), /extra_ids: expected a whole number/],
    [
      of({}, two),
      /special_tokens_map\.json: additional_special_tokens: holds 2 tokens <extra_id_…>, and extra_ids is 100/,
    ],
  ];
  for (const [opening, message] of cases)
    await t.throwsAsync(opening, { instanceOf: DfMergeError, code: 'INVALID_CONFIG', message });
  await t.notThrowsAsync(of({ extra_ids: 2 }, two));
});

test('the digest of a tokenizer depends on special_tokens_map.json and on whether sentinels are added', async (t) => {
  const of = async (files: object) => (await openPeer({ ...files })).digest;
  const plain = await of({});
  t.not(plain, await of({ 'special_tokens_map.json': { mask_token: '<x>' } }));
  const settings = { 'tokenizer_config.json': NAMED };
  t.not(await of(settings), await of({ ...settings, 'config.json': { model_type: 'bert' } }));
});
