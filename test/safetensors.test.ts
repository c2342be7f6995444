import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { findDuplicateKey } from '../lib/core/duplicate_key.js';
import { buildHeader } from '../lib/checkpoint/layout.js';
import { headerLength, parseHeader, readHeader, type Header } from '../lib/checkpoint/safetensors.js';
import { RandomStream } from '../lib/core/random_stream.js';
import { DfMergeError } from '../lib/core/errors.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { temporaryFolder } from './support/tiny_t5.js';

const FILE = 'x.safetensors';

/** Parses the text of a header as if `dataBytes` bytes of tensors followed it. */
function parse(header: unknown, dataBytes: number): Header {
  const bytes = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  return parseHeader(bytes, 8 + bytes.length + dataBytes, FILE);
}

function fileBytes(header: string | Uint8Array, dataBytes: number): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const entry = (begin: number, end: number, over: object = {}) => ({
  dtype: 'F32',
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
  ...over,
});

test('a header gives names, types, shapes and absolute byte ranges', (t) => {
  const text = JSON.stringify({
    __metadata__: { format: 'pt' },
    b: entry(0, 8),
    a: entry(8, 24, { shape: [2, 2] }),
    scalar: entry(24, 26, { dtype: 'BF16', shape: [] }),
    empty: entry(26, 26, { shape: [0, 3] }),
  });
  const { metadata, tensors, dataStart } = parse(text, 26);
  t.deepEqual(metadata, { format: 'pt' });
  t.is(dataStart, 8 + text.length);
  t.deepEqual([...tensors.keys()], ['b', 'a', 'scalar', 'empty']);
  t.deepEqual(tensors.get('a'), {
    name: 'a',
    dtype: 'F32',
    shape: [2, 2],
    elements: 4,
    file: FILE,
    begin: dataStart + 8,
    end: dataStart + 24,
  });
  t.is(tensors.get('scalar')!.elements, 1);
  t.is(tensors.get('empty')!.elements, 0);
});

test('trailing spaces and any order of tensors are accepted', (t) => {
  t.is(parse(`${JSON.stringify({ late: entry(4, 8), early: entry(0, 4) })}   `, 8).tensors.size, 2);
});

const broken: [rule: string, header: unknown, dataBytes: number, complaint: RegExp][] = [
  ['not JSON', '{"a":', 0, /not a JSON object/],
  ['not an object', '[]', 0, /does not start with "\{"/],
  ['leading space', ' {}', 0, /does not start with "\{"/],
  [
    'duplicate tensor',
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    4,
    /key "a" twice/,
  ],
  [
    'duplicate key in an entry',
    '{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,2]}}',
    2,
    /key "dtype" twice/,
  ],
  ['entry not an object', { a: 3 }, 0, /tensor "a": expected an object/],
  ['unknown key of an entry', { a: entry(0, 4, { extra: 1 }) }, 4, /tensor "a": unknown key "extra"/],
  ['dtype missing', { a: entry(0, 4, { dtype: undefined }) }, 4, /tensor "a": dtype is missing/],
  ['dtype mistyped', { a: entry(0, 4, { dtype: 7 }) }, 4, /tensor "a": dtype is missing or not a string/],
  ['dtype unknown', { a: entry(0, 4, { dtype: 'F99' }) }, 4, /unknown dtype "F99"/],
  [
    'dtype named as a property of Object',
    { a: entry(0, 4, { dtype: 'constructor' }) },
    4,
    /unknown dtype "constructor"/,
  ],
  ['shape missing', { a: entry(0, 4, { shape: undefined }) }, 4, /tensor "a": shape is missing/],
  ['shape mistyped', { a: entry(0, 4, { shape: '1' }) }, 4, /shape is missing or not a list/],
  ['shape negative', { a: entry(0, 4, { shape: [-1] }) }, 4, /shape is missing or not a list of non-negative integers/],
  [
    'shape fractional',
    { a: entry(0, 4, { shape: [0.5] }) },
    4,
    /shape is missing or not a list of non-negative integers/,
  ],
  ['offsets missing', { a: entry(0, 4, { data_offsets: undefined }) }, 4, /data_offsets is missing/],
  ['offsets of three', { a: entry(0, 4, { data_offsets: [0, 4, 8] }) }, 4, /data_offsets is missing or not two/],
  [
    'offsets negative',
    { a: entry(0, 4, { data_offsets: [-4, 0] }) },
    4,
    /data_offsets is missing or not two non-negative/,
  ],
  [
    'offsets fractional',
    { a: entry(0, 4, { data_offsets: [0, 3.5] }) },
    4,
    /data_offsets is missing or not two non-negative/,
  ],
  ['offsets backwards', { a: entry(0, 4, { data_offsets: [4, 0] }) }, 4, /run backwards/],
  [
    'shape against bytes',
    { a: entry(0, 4, { shape: [2] }) },
    4,
    /tensor "a": shape \[2\] of F32 takes 8 bytes, data_offsets \[0, 4\] hold 4/,
  ],
  ['overflow', { a: entry(0, 4, { shape: [2 ** 30, 2 ** 30] }) }, 4, /overflows/],
  ['overflow of bytes', { a: entry(0, 4, { shape: [2 ** 52] }) }, 4, /overflows/],
  ['overflow behind a zero', { a: entry(0, 0, { shape: [2 ** 30, 2 ** 30, 0] }) }, 0, /overflows/],
  ['overlap', { a: entry(0, 8), b: entry(4, 12) }, 12, /tensor "b" overlaps tensor "a"/],
  ['same bytes twice', { a: entry(0, 8), b: entry(0, 8) }, 8, /overlaps/],
  ['gap at the start', { a: entry(4, 8) }, 8, /gap of 4 bytes between the header and tensor "a"/],
  ['gap between', { a: entry(0, 4), b: entry(8, 12) }, 12, /gap of 4 bytes between tensor "a" and tensor "b"/],
  ['past the end', { a: entry(0, 8) }, 4, /tensor "a" ends at byte \d+, past the end of the file/],
  ['trailing bytes', { a: entry(0, 8) }, 12, /4 bytes follow tensor "a"/],
  ['bytes without tensors', {}, 4, /4 bytes follow the header/],
  ['metadata not an object', { __metadata__: [] }, 0, /__metadata__ is not an object/],
  ['metadata value not a string', { __metadata__: { format: 1 } }, 0, /__metadata__ "format" is not a string/],
];

for (const [rule, header, dataBytes, complaint] of broken) {
  test(`refused: ${rule}`, (t) => {
    const error = t.throws(() => parse(header, dataBytes), { instanceOf: DfMergeError, message: complaint });
    t.is(error.code, 'INVALID_CHECKPOINT');
    t.true(error.message.startsWith(`${FILE}: `));
  });
}

test('refused: a header that is not UTF-8', (t) => {
  const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
  t.throws(() => parseHeader(bytes, 11, FILE), { message: /not UTF-8/ });
});

test('refused: a file shorter than 8 bytes, a header past the end, a header over the limit', (t) => {
  const length = (n: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(n);
    return bytes;
  };
  t.throws(() => headerLength(Buffer.alloc(7), 7, FILE), {
    message: /7 bytes long; a safetensors file starts with 8 bytes/,
  });
  t.throws(() => headerLength(length(3n), 10, FILE), { message: /runs past the end of the file \(10 bytes\)/ });
  t.throws(() => headerLength(length(100_000_001n), 2 ** 40, FILE), { message: /over the format's limit/ });
  t.throws(() => headerLength(length(2n ** 64n - 1n), 2 ** 40, FILE), { message: /over the format's limit/ });
  t.is(headerLength(length(2n), 10, FILE), 2);
});

test('readHeader names a file that is absent, a folder, or broken', async (t) => {
  const dir = await temporaryFolder();
  const file = join(dir, FILE);
  await t.throwsAsync(readHeader(file), { instanceOf: DfMergeError, code: 'NOT_FOUND', message: /x\.safetensors/ });
  await t.throwsAsync(readHeader(dir), { instanceOf: DfMergeError, code: 'IO' });
  await writeFile(file, fileBytes('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 3));
  await t.throwsAsync(readHeader(file), { instanceOf: DfMergeError, message: /past the end/ });
  await writeFile(file, Buffer.alloc(5));
  await t.throwsAsync(readHeader(file), { instanceOf: DfMergeError, message: /5 bytes long/ });
});

test('buildHeader aligns the data, keeps the order and reads back', (t) => {
  const specs = [
    { name: '10', dtype: 'F32', shape: [3, 5] },
    { name: '2', dtype: 'BF16', shape: [7] },
    { name: '__proto__', dtype: 'F16', shape: [] },
    { name: 'quote"\\\n', dtype: 'F32', shape: [0] },
  ] as const;
  const layout = buildHeader(specs, { format: 'pt', note: 'ü' });
  t.is(layout.dataStart % 64, 0);
  t.is(layout.fileBytes, layout.dataStart + 60 + 14 + 2);
  t.is(headerLength(layout.bytes, layout.fileBytes, FILE), layout.dataStart - 8);
  const header = parseHeader(layout.bytes.subarray(8), layout.fileBytes, FILE);
  t.deepEqual(header.metadata, { format: 'pt', note: 'ü' });
  for (const { name, begin, end, elements } of layout.tensors) {
    const read = header.tensors.get(name)!;
    t.deepEqual([read.begin, read.end, read.elements], [begin, end, elements]);
  }
  t.throws(() => buildHeader([specs[0], specs[0]]), { message: /"10" is reserved or given twice/ });
});

test('findDuplicateKey looks at keys only, level by level', (t) => {
  t.is(findDuplicateKey('{"a":"a","b":{"a":["a","a"]},"c":[{"a":1},{"a":2}]}'), undefined);
  t.is(findDuplicateKey('{"x":{"a":1,"b":{},"a" :2}}'), 'a');
  t.is(findDuplicateKey('{"\\"":1,"\\u0022":2}'), '"');
});

test('mutated headers are accepted or refused by name, and never break the parser', (t) => {
  const random = new RandomStream(7, 'safetensors');
  const text = JSON.stringify({
    __metadata__: { format: 'pt' },
    a: entry(0, 8),
    b: entry(8, 24, { shape: [2, 2] }),
    c: entry(24, 26, { dtype: 'F16', shape: [] }),
  });
  const snippets = [
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '-',
    '9',
    '0',
    '.',
    'e9',
    '\\',
    '\\u0061',
    '"a"',
    'null',
    '9007199254740993',
    '\u00ff',
    '"__proto__":',
    '1e999',
    ' ',
  ];
  let accepted = 0;
  for (let round = 0; round < 20_000; round++) {
    let bytes = fileBytes(text, 26);
    for (let edits = 1 + random.below(3); edits > 0; edits--) {
      const at = random.below(bytes.length);
      const kind = random.below(4);
      if (kind === 0) bytes[at] = random.below(256);
      else if (kind === 1) bytes = bytes.subarray(0, at + 1);
      else if (kind === 2)
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(snippets[random.below(snippets.length)]),
          bytes.subarray(at),
        ]);
      else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(4))]);
    }
    if (random.below(2) === 0 && bytes.length > 8) bytes.writeBigUInt64LE(BigInt(Math.max(0, bytes.length - 8 - 26))); // else the length itself is often what is wrong
    try {
      const length = headerLength(bytes.subarray(0, 8), bytes.length, FILE);
      const { tensors, dataStart } = parseHeader(bytes.subarray(8, 8 + length), bytes.length, FILE);
      const total = [...tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0);
      if (total !== bytes.length - dataStart) t.fail(`accepted a header that does not fill its file in round ${round}`);
      accepted++;
    } catch (error) {
      if (!(error instanceof DfMergeError)) return t.fail(`round ${round}: ${String(error)}`);
    }
  }
  t.true(accepted > 100, `${accepted} accepted`);
  t.log(`${accepted} of 20000 mutations still hold a valid header`);
});

sharedTest(test)('files that PyTorch wrote are read', async (t) => {
  const { tensors, metadata } = await readHeader(sharedPath('models', 'mini', 'base', 'model.safetensors'));
  t.deepEqual(metadata, { format: 'pt' });
  t.deepEqual(tensors.get('shared.weight')!.shape, [8192, 128]);
  t.true((await readHeader(sharedPath('golden', 'merge', 'expected.safetensors'))).tensors.size > 0);
});
