import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { loadTokenizer, type Tokenizer } from '../lib/tasks/text/tokenizer.js';
import { temporaryFolder } from './support/tiny_t5.js';

/** What test/tokenizer/features.py was told by Rust `tokenizers`: the ids of each text, null for an error and false for a panic. */
interface Feature {
  name: string;
  tokenizer: object;
  ids: (number[] | null | false)[] | null;
}

const [head, ...rows] = readFileSync(new URL('../../test/tokenizer/features.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n');
/** The texts that every feature is asked for, and the model of those that have none of their own. */
const { texts, model } = JSON.parse(head) as { texts: string[]; model: object };
const features = rows.map((row) => JSON.parse(row) as Feature);

/** What is not carried out, and the key that the error names. Everything else has the ids of Rust, or is refused by both. */
const REFUSED: Record<string, RegExp> = {
  'pre-tokenizer UnicodeScripts': /: pre_tokenizer\.type "UnicodeScripts" is not supported$/,
  'added normalized equal': /: added_tokens: "the" /,
  'added normalized away': /: added_tokens: " {2}" /,
  'added wrong id': /: added_tokens\[0\]\.id: 300 for "the", which has the id 259 /,
};
const REFUSED_BY_BOTH: Record<string, RegExp> = {
  'pre-tokenizer Metaspace prefix false': /: pre_tokenizer\.add_prefix_space: contradicts prepend_scheme$/,
  'Unigram unk_id beyond': /: model\.unk_id: 99 /,
  'BPE merge of three': /: model\.merges\[0\]: /,
  'BPE merge unknown': /: model\.merges: "zz" /,
};

async function open(name: string, tokenizer: object): Promise<Tokenizer> {
  const dir = join(await temporaryFolder(), name.replace(/[^A-Za-z0-9]/g, '_'));
  await mkdir(dir);
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify({ model, ...tokenizer }));
  await writeFile(join(dir, 'config.json'), '{"eos_token_id": 1}');
  return loadTokenizer(dir);
}

function idsOf(tokenizer: Tokenizer, text: string): number[] | null {
  try {
    return tokenizer.encode(text);
  } catch (error) {
    if (error instanceof DfMergeError && error.code === 'INVALID_DATA') return null;
    throw error;
  }
}

test('the table holds every kind of step and model of the format', (t) => {
  const text = JSON.stringify(features.map(({ tokenizer }) => tokenizer));
  for (const type of KINDS) t.true(text.includes(`"type":"${type}"`), type);
  t.true(features.length > 150);
});

const KINDS = [
  ...['BertNormalizer', 'Strip', 'StripAccents', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'Nmt', 'Precompiled'],
  ...[
    'Replace',
    'Prepend',
    'ByteLevel',
    'Sequence',
    'BertPreTokenizer',
    'CharDelimiterSplit',
    'Metaspace',
    'Whitespace',
  ],
  ...['WhitespaceSplit', 'Punctuation', 'Digits', 'Split', 'FixedLength', 'UnicodeScripts', 'TemplateProcessing'],
  ...['BertProcessing', 'RobertaProcessing', 'Unigram', 'BPE', 'WordPiece', 'WordLevel'],
];

for (const { name, tokenizer, ids } of features) {
  test(name, async (t) => {
    const refused = ids === null ? REFUSED_BY_BOTH[name] : REFUSED[name];
    if (refused) {
      const error = await t.throwsAsync(open(name, tokenizer), { instanceOf: DfMergeError, code: 'INVALID_CONFIG' });
      t.regex(error.message, refused);
      return;
    }
    t.truthy(ids);
    const opened = await open(name, tokenizer);
    for (const [i, text] of texts.entries())
      if (ids![i] !== false) t.deepEqual(idsOf(opened, text), ids![i], JSON.stringify(text));
  });
}

test('keys that nobody knows are refused, with their places', async (t) => {
  const plain = features.find(({ name }) => name === 'plain')!.tokenizer;
  const cases: [object, RegExp][] = [
    [{ normalizer: { type: 'NFC', form: 'X' } }, /: normalizer\.form is a key that is not known$/],
    [
      { normalizer: { type: 'Sequence', normalizers: [{ type: 'Nfc' }] } },
      /: normalizer\.normalizers\[0\]\.type "Nfc" /,
    ],
    [{ pre_tokenizer: { type: 'Digits' } }, /: pre_tokenizer\.individual_digits: /],
    [{ model: { type: 'BPE', vocab: { a: 0 }, merges: [], dropout: 0.1 } }, /: model\.dropout: /],
    [{ model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }, /: model\.vocab: the id of "a" /],
    [{ model: { type: 'Unigram', vocab: [['a', 0], ['b']] } }, /: model\.vocab\[1\]: /],
    [
      { post_processor: { type: 'TemplateProcessing', single: [], pair: [], special_tokens: {} } },
      /: post_processor\.single: /,
    ],
    [
      { pre_tokenizer: { type: 'Split', pattern: { Regex: '(' }, behavior: 'Removed', invert: false } },
      /: pre_tokenizer\.pattern\.Regex: /,
    ],
    [{ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }, /charsmap/],
    [{ version: '2.0' }, /: version: /],
  ];
  for (const [over, message] of cases)
    await t.throwsAsync(open('odd', { ...plain, ...over }), {
      instanceOf: DfMergeError,
      code: 'INVALID_CONFIG',
      message,
    });
});
