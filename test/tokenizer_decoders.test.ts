// Texts of token ids, beside those of Rust `tokenizers`.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { loadTokenizer, type Tokenizer } from '../lib/tasks/text/tokenizer.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { temporaryFolder } from './support/tiny_t5.js';

/** What test/tokenizer/decoders.py was told by Rust `tokenizers`: the text of each list of ids, false for a panic, and null for a decoder that is refused. */
interface Decoder {
  name: string;
  decoder: object | null;
  texts: (string | false)[] | null;
}

const [head, ...rows] = readFileSync(new URL('../../test/tokenizer/decoders.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const { vocabulary, added, lists } = JSON.parse(head) as { vocabulary: object; added: object[]; lists: number[][] };
const decoders = rows.map((row) => JSON.parse(row) as Decoder);

async function open(parts: object): Promise<Tokenizer> {
  const dir = join(await temporaryFolder(), 'tokenizer');
  await mkdir(dir);
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(parts));
  return loadTokenizer(dir);
}

const withDecoder = (decoder: unknown) =>
  open({ added_tokens: added, decoder, model: { type: 'WordLevel', vocab: vocabulary, unk_token: '<unk>' } });

for (const { name, decoder, texts } of decoders)
  test(`the decoder ${name} gives the texts of Rust`, async (t) => {
    const tokenizer = await withDecoder(decoder);
    if (texts)
      for (const [i, ids] of lists.entries())
        if (texts[i] !== false) t.is(tokenizer.decode(ids), texts[i], JSON.stringify(ids));
        else t.is(typeof tokenizer.decode(ids), 'string');
    else {
      const error = t.throws(() => tokenizer.decode([1]), { instanceOf: DfMergeError, code: 'INVALID_CONFIG' });
      t.regex(error?.message ?? '', /tokenizer\.json: decoder\b/);
      t.true(tokenizer.encode('run').length > 0, 'ids do not need the decoder');
    }
  });

test('every kind of decoder is in the table', (t) => {
  const text = JSON.stringify(decoders);
  const kinds = [
    'BPEDecoder',
    'ByteLevel',
    'WordPiece',
    'Metaspace',
    'CTC',
    'Replace',
    'Fuse',
    'Strip',
    'ByteFallback',
    'Sequence',
  ];
  for (const kind of kinds) t.true(text.includes(`"type":"${kind}"`), kind);
});

test('every kind of model knows its tokens by id, those of equal text too', async (t) => {
  const decoder = { type: 'Fuse' };
  const vocab = { '</s>': 0, a: 1, b: 2, ab: 3 };
  const models = {
    WordPiece: {
      type: 'WordPiece',
      unk_token: 'a',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 9,
      vocab,
    },
    BPE: { type: 'BPE', vocab, merges: ['a b'] },
    WordLevel: { type: 'WordLevel', vocab },
    Unigram: {
      type: 'Unigram',
      vocab: [
        ['</s>', 0],
        ['a', -1],
        ['b', -2],
        ['ab', -3],
        ['b', -4],
      ],
    },
  };
  for (const [name, model] of Object.entries(models)) {
    const tokenizer = await open({ decoder, model });
    t.is(tokenizer.decode([3, 1, 2, 99, -1]), 'abab', name);
    if (name === 'Unigram') t.is(tokenizer.decode([4, 1]), 'ba');
  }
});

sharedTest(test)('the texts of a suite come back as they are normalized', async (t) => {
  const tokenizer = await loadTokenizer(sharedPath('models', 'mini', 'base'));
  const lines = readFileSync(sharedPath('data', 'suite', 'trec', 'test.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const inputs = lines.map((line) => (JSON.parse(line) as { input: string }).input);
  const known = inputs.filter((input) => !tokenizer.encode(input).includes(2));
  t.true(known.length > 300);
  for (const input of known) t.is(tokenizer.decode(tokenizer.encode(input)), input.trim().replace(/ {2,}/g, ' '));
});
