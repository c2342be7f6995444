// Broken and hostile files end in a clear error, before anything is allocated or walked by the numbers in them.
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openCheckpoint } from '../lib/checkpoint/folder.js';
import type { Opened } from './support/open_child.js';
import { temporaryFolder, TINY_CONFIG, tinyParameters, writeTinyT5 } from './support/tiny_t5.js';

const MIB = 2 ** 20;

/** Runs open_child.ts to its end. */
function child(what: 'info' | 'model' | 'fisher', path = ''): Promise<Opened> {
  const program = fileURLToPath(new URL('support/open_child.js', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, what, path], (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(JSON.parse(stdout) as Opened);
    });
  });
}

type Config = Record<string, unknown>;

/** A folder with a config.json and a model.safetensors that is this header, with as many bytes behind it as are said. */
async function model(
  header: string | Buffer,
  options: { config?: Config | string; data?: number; length?: bigint } = {},
): Promise<string> {
  const dir = join(await temporaryFolder(), 'model');
  await mkdir(dir);
  const { config = {}, data = 0 } = options;
  await writeFile(
    join(dir, 'config.json'),
    typeof config === 'string' ? config : JSON.stringify({ ...TINY_CONFIG, ...config }),
  );
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(options.length ?? BigInt(text.length));
  const file = join(dir, 'model.safetensors');
  const handle = await open(file, 'w');
  await handle.write(length);
  await handle.write(text);
  await handle.close();
  // The data are a hole in the file, which takes no room on the disk.
  await truncate(file, 8 + text.length + data);
  return dir;
}

async function config(text: string | Config, size?: number): Promise<string> {
  const dir = await writeTinyT5({
    files: { 'config.json': typeof text === 'string' ? text : JSON.stringify({ ...TINY_CONFIG, ...text }) },
  });
  if (size !== undefined) await truncate(join(dir, 'config.json'), size);
  return dir;
}

async function index(text: string, size?: number): Promise<string> {
  const dir = join(await temporaryFolder(), 'model');
  await mkdir(dir);
  await writeFile(join(dir, 'config.json'), JSON.stringify(TINY_CONFIG));
  await writeFile(join(dir, 'model.safetensors.index.json'), text);
  if (size !== undefined) await truncate(join(dir, 'model.safetensors.index.json'), size);
  return dir;
}

const entry = (shape: unknown, offsets: unknown = [0, 0], dtype = 'F32') =>
  `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":${JSON.stringify(offsets)}}`;
const many = (n: number, of: (i: number) => string) => Array.from({ length: n }, (_, i) => of(i)).join(',');
const deep = (n: number) => '['.repeat(n) + ']'.repeat(n);

const aliases = (names: string[], vocab: number) => {
  const bytes = vocab * 4 * 4;
  return {
    header: `{${names.map((name, i) => `"${name}":${entry([vocab, 4], [i * bytes, (i + 1) * bytes])}`).join(',')}}`,
    data: names.length * bytes,
  };
};

type Hostile = [what: string, make: () => Promise<string>, code: string, message: RegExp];

const hostile: Hostile[] = [
  ...['num_layers', 'num_decoder_layers'].flatMap((key): Hostile[] => [
    [
      `${key} 2^24`,
      () => config({ [key]: 2 ** 24 }),
      'INVALID_CONFIG',
      new RegExp(`${key} is 16777216; expected at most 4096`),
    ],
    [
      `${key} 4096`,
      () => config({ [key]: 4096 }),
      'MISMATCH',
      new RegExp(`${key} is 4096, and the .*coder has 1 blocks`),
    ],
    [`${key} 1e300`, () => config({ [key]: 1e300 }), 'INVALID_CONFIG', new RegExp(key)],
  ]),
  ...['d_model', 'd_kv', 'd_ff', 'num_heads', 'vocab_size'].map((key): Hostile => [
    `${key} 2^24`,
    () => config({ [key]: 2 ** 24 }),
    /d_kv|num_heads/.test(key) ? 'INVALID_CONFIG' : 'MISMATCH',
    /of another shape|expected a product of at most/,
  ]),
  [
    'all sizes 2^24',
    () => config({ d_model: 2 ** 24, vocab_size: 2 ** 24, d_ff: 2 ** 24 }),
    'INVALID_CONFIG',
    /its sizes make some .* parameters; expected at most/,
  ],
  [
    '2^24 buckets',
    () => config({ relative_attention_num_buckets: 2 ** 24, relative_attention_max_distance: 2 ** 29 }),
    'INVALID_CONFIG',
    /num_buckets is 16777216; expected at most 65536/,
  ],
  [
    '65536 buckets',
    () => config({ relative_attention_num_buckets: 65536, relative_attention_max_distance: 2 ** 29 }),
    'MISMATCH',
    /of another shape/,
  ],
  [
    'a config.json of 10 GiB',
    () => config({}, 10 * 2 ** 30),
    'INVALID_CONFIG',
    /config\.json: 10737418240 bytes, over the limit of 8388608/,
  ],
  [
    'a config.json that is deep',
    () => config(`{"a":${deep(4 * MIB - 100)}}`),
    'INVALID_CONFIG',
    /config\.json: JSON that is nested more than 64 deep/,
  ],
  [
    'a config.json of many values',
    () => config(`{"a":[${many(2 * MIB, () => '{}')}]}`),
    'INVALID_CONFIG',
    /config\.json: JSON of more than 100000 values/,
  ],
  [
    'a config.json with a long text',
    () => config({ feed_forward_proj: 'x'.repeat(8 * MIB - 1000) }),
    'UNSUPPORTED',
    /feed_forward_proj "x{1,100}/,
  ],
  [
    'a config.json with long keys',
    () => config(`{"model_type":"t5",${many(50_000, (i) => `"${'k'.repeat(150)}${i}":0`)}}`),
    'INVALID_CONFIG',
    /num_layers is missing/,
  ],
  ['a long model_type', () => config({ model_type: 'x'.repeat(MIB) }), 'UNSUPPORTED', /model_type "x{1,200}…" is not/],
  ['a long key', () => config({ ['x'.repeat(MIB)]: 1, d_kv: 0 }), 'INVALID_CONFIG', /d_kv is 0/],
  [
    'a long size',
    () => config({ d_kv: 'x'.repeat(MIB), hidden_size: 'y'.repeat(MIB) }),
    'INVALID_CONFIG',
    /d_model is 4 and hidden_size/,
  ],
  [
    'a header length of 2^63',
    () => model('{}', { length: 2n ** 63n }),
    'INVALID_CHECKPOINT',
    /over the format's limit/,
  ],
  [
    'a header of 99 MB',
    () => model('{}', { length: 99_000_000n, data: 100_000_000 }),
    'INVALID_CHECKPOINT',
    /a header of 99000000 bytes, over the limit of 8388608/,
  ],
  [
    'a header that is deep',
    () => model(`{"a":${deep(4 * MIB - 100)}}`),
    'INVALID_CHECKPOINT',
    /nested more than 4 deep/,
  ],
  [
    'a header of numbers',
    () => model(`{"a":[${many(4 * MIB - 100, () => '0')}]}`),
    'INVALID_CHECKPOINT',
    /more than 240000 values/,
  ],
  [
    'a header of empty objects',
    () => model(`{"a":[${many(2 * MIB, () => '{}')}]}`),
    'INVALID_CHECKPOINT',
    /more than 240000 values/,
  ],
  [
    'a header of 100 000 tensors',
    () => model(`{${many(100_000, (i) => `"${i}":${entry([0])}`)}}`),
    'INVALID_CHECKPOINT',
    /more than 240000 values/,
  ],
  [
    'a header of 25 000 tensors',
    () => model(`{${many(25_000, (i) => `"${i}":${entry([0])}`)}}`),
    'INVALID_CHECKPOINT',
    /25000 tensors, over the limit of 20000/,
  ],
  [
    'a header of 20 000 tensors',
    () => model(`{${many(20_000, (i) => `"encoder.${i}":${entry([0])}`)}}`),
    'MISMATCH',
    /num_layers is 1, and the encoder has no blocks/,
  ],
  [
    'metadata of 8 MiB',
    () => model(`{"__metadata__":{"a":"${'é'.repeat(4 * MIB - 1000)}"},"x":3}`),
    'INVALID_CHECKPOINT',
    /tensor "x": expected an object/,
  ],
  [
    'a key of 8 MiB',
    () => model(`{"${'é'.repeat(4 * MIB - 1000)}":3}`),
    'INVALID_CHECKPOINT',
    /the tensor name "é{1,200}…" has \d+ characters/,
  ],
  [
    'a key of 4 MiB twice',
    () => model(`{"${'k'.repeat(3 * MIB)}":3,"${'k'.repeat(3 * MIB)}":3}`),
    'INVALID_CHECKPOINT',
    /has the key "k{1,200}…" twice/,
  ],
  [
    'a shape of 100 000 dimensions',
    () => model(`{"a":${entry(Array<number>(100_000).fill(1))}}`),
    'INVALID_CHECKPOINT',
    /tensor "a": 100000 dimensions, over the limit of 64/,
  ],
  ['a shape that overflows', () => model(`{"a":${entry([2 ** 50, 2 ** 50])}}`), 'INVALID_CHECKPOINT', /overflows/],
  [
    'a shape that overflows behind a zero',
    () => model(`{"a":${entry([2 ** 50, 0, 2 ** 50])}}`),
    'INVALID_CHECKPOINT',
    /overflows/,
  ],
  [
    'an extent over 2^53',
    () => model('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,0]}}'),
    'INVALID_CHECKPOINT',
    /shape is missing or not a list/,
  ],
  [
    'offsets over 2^53',
    () => model('{"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,18446744073709551616]}}'),
    'INVALID_CHECKPOINT',
    /data_offsets/,
  ],
  [
    'offsets past the end',
    () => model(`{"a":${entry([2 ** 40], [0, 2 ** 42])}}`),
    'INVALID_CHECKPOINT',
    /past the end of the file/,
  ],
  [
    'an index of 10 GiB',
    () => index('{}', 10 * 2 ** 30),
    'INVALID_CONFIG',
    /index\.json: 10737418240 bytes, over the limit/,
  ],
  [
    'an index that is deep',
    () => index(`{"weight_map":${deep(4 * MIB - 100)}}`),
    'INVALID_CONFIG',
    /nested more than 64 deep/,
  ],
  [
    'an index of 200 000 tensors',
    () => index(`{"weight_map":{${many(200_000, (i) => `"${i}":"m.safetensors"`)}}}`),
    'INVALID_CONFIG',
    /more than 100000 values/,
  ],
  [
    'an index of 90 000 shards',
    () => index(`{"weight_map":{${many(90_000, (i) => `"${i}":"m${i}.safetensors"`)}}}`),
    'INVALID_CHECKPOINT',
    /names 90000 shards, over the limit of 10000/,
  ],
  [
    'an index with a long name',
    () => index(`{"weight_map":{"a":"${'m'.repeat(7 * MIB)}"}}`),
    'INVALID_CHECKPOINT',
    /weight_map "a" names "m{1,200}…"; expected the plain name/,
  ],
  [
    'two tables, each larger than the memory',
    () => {
      const { header, data } = aliases(['shared.weight', 'encoder.embed_tokens.weight'], Math.ceil(totalmem() / 16));
      return model(header, { data });
    },
    'IO',
    /its weights take .* GiB in float32, and this machine has .* GiB of memory/,
  ],
  [
    'a config.json of 2^24 layers beside a config that fits nothing',
    () => model('{}', { config: { num_layers: 4000 } }),
    'MISMATCH',
    /the encoder has no blocks/,
  ],
];

/** The peak of `dfmerge info`, which memory is measured by. */
let usual: Promise<Opened> | undefined;

async function assertAtOnce(t: ExecutionContext, found: Opened): Promise<void> {
  const { code, peak } = await (usual ??= child('info'));
  t.is(code, 'none');
  t.true(peak > 20 * MIB);
  const more = Math.round((found.peak - peak) / MIB);
  t.log(`${more} MiB more than dfmerge info`);
  t.true(more <= 100);
}

for (const [what, make, code, message] of hostile) {
  test.serial(`refused at once: ${what}`, async (t) => {
    const found = await child('model', await make());
    t.is(found.code, code, found.message);
    t.regex(found.message, message);
    t.true(found.message.length < 2000);
    await assertAtOnce(t, found);
  });
}

test.serial('a Fisher file is bounded like a checkpoint', async (t) => {
  const dir = await model(`{"__metadata__":{"kind":"dfmerge diagonal fisher"},"a":${deep(4 * MIB - 100)}}`);
  const found = await child('fisher', join(dir, 'model.safetensors'));
  t.is(found.code, 'INVALID_CHECKPOINT', found.message);
  t.regex(found.message, /nested more than 4 deep/);
  await assertAtOnce(t, found);
});

test.serial('pipes and devices are no files of a model', async (t) => {
  const dir = await writeTinyT5();
  for (const name of ['config.json', 'model.safetensors']) {
    await rm(join(dir, name));
    execFileSync('mkfifo', [join(dir, name)]);
    await t.throwsAsync(openCheckpoint(dir), {
      code: 'IO',
      message: new RegExp(`cannot read .*${name}: it is not a regular file`),
    });
    await rm(join(dir, name));
    await symlink('/dev/zero', join(dir, name));
    await t.throwsAsync(openCheckpoint(dir), { code: 'IO', message: /not a regular file/ });
    await rm(join(dir, name));
    await writeFile(join(dir, name), name === 'config.json' ? JSON.stringify(TINY_CONFIG) : '');
  }
});

test.serial('what is large and in order opens', async (t) => {
  // Metadata of 4 MiB, and names as long as they may be.
  const tensors = [
    ...tinyParameters(),
    ...Array.from({ length: 3000 }, (_, i) => ({ name: `${'x'.repeat(900)}.${i}`, shape: [0] })),
  ];
  const dir = await writeTinyT5({ tensors });
  const { code, message, peak } = await child('model', dir);
  t.is(code, 'none', message);
  t.true(peak > 0);
});
