// Token ids that are kept between runs are the same as made anew. They are made anew where anything differs, and are never in the way.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { TokenizedRows } from '../lib/engine/batch.js';
import { prepareSplit } from '../lib/tasks/prepared_split.js';
import { cacheFolder } from '../lib/core/cache_folder.js';
import { thisProcess } from '../lib/core/process_identity.js';
import { cacheUsage, RowCache, rowsKey } from '../lib/tasks/row_cache.js';
import { decodeRows, encodedBytes, encodeRows } from '../lib/tasks/row_file.js';
import { DfMergeError } from '../lib/core/errors.js';
import { loadTokenizer, type Tokenizer } from '../lib/tasks/text/tokenizer.js';
import { runCommand } from './support/command.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace, recordWithoutTiming } from './support/workspace.js';

const KEY = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);

const ROWS: TokenizedRows = {
  inputIds: [Int32Array.of(5, 6, 1), Int32Array.of(1), new Int32Array(0), Int32Array.of(2 ** 31 - 1, 1)],
  choices: [
    [Int32Array.of(7, 1), Int32Array.of(8, 9, 1)],
    [Int32Array.of(1)],
    [Int32Array.of(3), new Int32Array(0), Int32Array.of(4)],
    [Int32Array.of(0)],
  ],
  labels: Int32Array.of(1, -1, 2, 0),
};

/** A tokenizer that counts the texts that it is given. */
function counting(digest = 'tokenizer'): Tokenizer & { texts: number } {
  const encode = (text: string) => [...Array.from(text, (letter) => letter.charCodeAt(0)), 1];
  const tokenizer = {
    eosTokenId: 1,
    digest,
    texts: 0,
    encode: (text: string) => ((tokenizer.texts += 1), encode(text)),
    decode: () => '',
    encodeInput: (text: string, max = 512) => ((tokenizer.texts += 1), encode(text).slice(0, max)),
    *encodeInSteps(text: string, max: number): Generator<void, number[]> {
      yield;
      return tokenizer.encodeInput(text, max);
    },
  };
  return tokenizer;
}

const LINES = [
  '{"input": "one", "choices": ["a", "bc"], "label": 1}',
  '',
  '{"input": "zwei €", "choices": ["a"], "label": 0}',
  '{"input": "", "choices": ["c"]}',
];

async function taskOf(text: string): Promise<string> {
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'validation.jsonl'), text);
  return dir;
}

const files = async (folder: string) => (existsSync(folder) ? (await readdir(folder)).sort() : []);

test('a file gives back the rows, and takes the bytes that were foretold', async (t) => {
  const bytes = await encodeRows(ROWS, KEY);
  t.deepEqual(await decodeRows(bytes, KEY), ROWS);
  t.is(bytes.length, await encodedBytes(ROWS));
  const shifted = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1);
  t.deepEqual(await decodeRows(shifted, KEY), ROWS, 'wherever the bytes lie in memory');
});

test('a file that differs in any byte, is cut, is longer or belongs to another key gives nothing', async (t) => {
  const bytes = await encodeRows(ROWS, KEY);
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at] ^= 0x10;
    if (await decodeRows(damaged, KEY)) t.fail(`byte ${at}`);
    if (await decodeRows(bytes.subarray(0, at), KEY)) t.fail(`cut at ${at}`);
  }
  t.is(await decodeRows(Buffer.concat([bytes, Buffer.alloc(4)]), KEY), undefined);
  t.is(await decodeRows(bytes, OTHER), undefined);
  t.is(await decodeRows(Buffer.from('{"some": "thing else"}'.repeat(20)), KEY), undefined);
});

test('a hit equals a miss, and tokenizes nothing', async (t) => {
  const [dir, cache] = [await taskOf(LINES.join('\n')), join(await temporaryFolder(), 'made', 'on demand')];
  const tokenizer = counting();
  const plain = await prepareSplit(tokenizer, dir, { split: 'validation', cache: false });
  const texts = tokenizer.texts;
  t.true(texts > 0);
  t.deepEqual(await prepareSplit(tokenizer, dir, { split: 'validation', cache }), plain);
  t.is(tokenizer.texts, 2 * texts);
  t.deepEqual(await prepareSplit(tokenizer, dir, { split: 'validation', cache }), plain);
  t.is(tokenizer.texts, 2 * texts);
  t.is((await files(cache)).length, 1);
});

test('other data, another tokenizer or another length is a miss', async (t) => {
  const cache = await temporaryFolder();
  const text = LINES.join('\n');
  const missed = async (tokenizer: ReturnType<typeof counting>, content: string) => {
    await prepareSplit(tokenizer, await taskOf(content), { split: 'validation', cache });
    return tokenizer.texts > 0;
  };
  t.true(await missed(counting(), text));
  t.false(await missed(counting(), text), 'the same bytes in another folder');
  t.true(await missed(counting(), text.replace('one', 'two')));
  t.true(await missed(counting(), `${text}\n`));
  t.true(await missed(counting('another'), text));
  const source = { data: 'd', tokenizer: 't', maxInputTokens: 512 };
  t.not(rowsKey(source), rowsKey({ ...source, maxInputTokens: 256 }));
  t.is(rowsKey(source), rowsKey({ ...source }));
});

test("a tokenizer's digest follows the files that decide its ids", async (t) => {
  const space = await makeWorkspace();
  const digestAfter = async (name: string, change: (text: string) => string) => {
    const file = space.path('models', 'a', name);
    const before = await readFile(file, 'utf8');
    await writeFile(file, change(before));
    const { digest } = await loadTokenizer(space.path('models', 'a'));
    await writeFile(file, before);
    return digest;
  };
  const { digest } = await loadTokenizer(space.path('models', 'a'));
  t.regex(digest ?? '', /^[0-9a-f]{64}$/);
  t.is((await loadTokenizer(space.path('models', 'b'))).digest, digest);
  t.not(
    await digestAfter('tokenizer.json', (text) => text.replace('"cat":6', '"cat":7').replace('"dog":7', '"dog":6')),
    digest,
  );
  t.not(await digestAfter('tokenizer_config.json', (text) => `${text}\n`), digest);
  t.not(await digestAfter('config.json', (text) => text.replace(/"eos_token_id":\s*1/, '"eos_token_id": 2')), digest);
  t.is(await digestAfter('config.json', (text) => text.replace('float32', 'bfloat16')), digest);
});

test('a damaged, cut or foreign file is made anew', async (t) => {
  const [dir, cache] = [await taskOf(LINES.join('\n')), await temporaryFolder()];
  const plain = await prepareSplit(counting(), dir, { split: 'validation', cache });
  const [name] = await files(cache);
  const good = await readFile(join(cache, name));
  for (const bad of [
    good.subarray(0, 100),
    Buffer.from(good).fill(0, 80, 84),
    Buffer.alloc(0),
    await encodeRows(ROWS, OTHER),
  ]) {
    await writeFile(join(cache, name), bad);
    t.deepEqual(await prepareSplit(counting(), dir, { split: 'validation', cache }), plain);
    t.deepEqual(await readFile(join(cache, name)), good);
  }
});

test('a missing label is told with its line, whatever is in the cache; a broken file leaves nothing there', async (t) => {
  const [dir, cache] = [await taskOf(LINES.join('\n')), await temporaryFolder()];
  await prepareSplit(counting(), dir, { split: 'validation', cache });
  await t.throwsAsync(prepareSplit(counting(), dir, { split: 'validation', cache, needLabels: true }), {
    instanceOf: DfMergeError,
    message: /validation\.jsonl:4: "label" is missing/,
  });
  const broken = await taskOf(`${LINES[0]}\n{"input": 3}\n`);
  for (let run = 0; run < 2; run++)
    await t.throwsAsync(prepareSplit(counting(), broken, { split: 'validation', cache }), {
      message: /validation\.jsonl:2: "input"/,
    });
  t.is((await files(cache)).length, 1);
});

test('a folder that cannot be written, or read, costs nothing but the work', async (t) => {
  const dir = await taskOf(LINES.join('\n'));
  const file = join(await temporaryFolder(), 'a file');
  await writeFile(file, 'mine');
  const plain = await prepareSplit(counting(), dir, { split: 'validation', cache: false });
  for (const cache of [file, join(file, 'below'), '/dev/null/x'])
    t.deepEqual(await prepareSplit(counting(), dir, { split: 'validation', cache }), plain);
  t.is(await readFile(file, 'utf8'), 'mine');
  t.deepEqual(cacheUsage(file), { files: 0, bytes: 0 });

  const occupied = await temporaryFolder();
  const key = rowsKey({ data: plain.digest, tokenizer: 'tokenizer', maxInputTokens: 512 });
  await mkdir(join(occupied, `${key}.rows`));
  t.deepEqual(await prepareSplit(counting(), dir, { split: 'validation', cache: occupied }), plain);
});

test('the cache keeps within its size: what was not used for longest goes first, and nothing that is not its own', async (t) => {
  const folder = await temporaryFolder();
  const size = await encodedBytes(ROWS);
  const cache = new RowCache(folder, { bytes: 3 * size, files: 100 });
  const key = (i: number) => i.toString(16).padStart(64, '0');
  await writeFile(join(folder, 'notes.txt'), 'x'.repeat(10 * size));
  const abandoned = join(folder, `.${key(9)}.rows.tmp-0123456789abcdef`);
  await writeFile(abandoned, 'of a process that is gone');
  const gone = { ...(await thisProcess()), id: 'x', kernel: true, since: '', heartbeat: '' };
  await writeFile(`${abandoned}.dfmerge-lock`, JSON.stringify(gone));
  for (const i of [1, 2, 3]) {
    await cache.write(key(i), ROWS);
    await utimes(join(folder, `${key(i)}.rows`), i, i);
  }
  t.deepEqual(cacheUsage(folder), { files: 3, bytes: 3 * size });
  t.deepEqual(await cache.read(key(1)), ROWS);
  await cache.write(key(4), ROWS);
  t.deepEqual(await files(folder), [key(1), key(3), key(4)].map((name) => `${name}.rows`).concat('notes.txt'));
  await new RowCache(folder, { bytes: 3 * size, files: 1 }).write(key(5), ROWS);
  t.is(cacheUsage(folder).files, 1);
  await new RowCache(folder, { bytes: size - 1, files: 9 }).write(key(6), ROWS);
  t.is(await cache.read(key(6)), undefined);
});

test('many writers of one file leave one whole file', async (t) => {
  const folder = await temporaryFolder();
  const caches = Array.from({ length: 8 }, () => new RowCache(folder));
  await Promise.all(caches.map((cache) => cache.write(KEY, ROWS)));
  t.deepEqual(await files(folder), [`${KEY}.rows`]);
  t.deepEqual(await caches[0].read(KEY), ROWS);

  const space = await makeWorkspace();
  const shared = space.path('cache');
  const run = () =>
    runCommand(['evaluate', '--model', 'models/a', '--data', 'data/a', '--json', '--threads', '1'], {
      cwd: space.dir,
      env: { DFMERGE_CACHE: shared },
    });
  const runs = await Promise.all([run(), run(), run()]);
  const results = runs.map(({ stdout }) => ({ ...(JSON.parse(stdout) as Record<string, unknown>), seconds: 0 }));
  t.deepEqual(results[1], results[0]);
  t.deepEqual(results[2], results[0]);
  t.is((await files(shared)).length, 1);
});

test('where the cache is: $DFMERGE_CACHE, $XDG_CACHE_HOME, the home; off is nowhere', (t) => {
  const { DFMERGE_CACHE, XDG_CACHE_HOME } = process.env;
  const folderWith = (given: string, xdg: string) => {
    Object.assign(process.env, { DFMERGE_CACHE: given, XDG_CACHE_HOME: xdg });
    return cacheFolder();
  };
  try {
    t.is(folderWith('off', '/xdg'), undefined);
    t.is(folderWith('/mine', '/xdg'), '/mine');
    t.is(folderWith('mine', '/xdg'), join(process.cwd(), 'mine'));
    t.is(folderWith('', '/xdg'), '/xdg/dfmerge');
    t.is(folderWith('', 'relative'), join(homedir(), '.cache', 'dfmerge'));
    t.is(folderWith('', ''), join(homedir(), '.cache', 'dfmerge'));
  } finally {
    Object.assign(process.env, { DFMERGE_CACHE, XDG_CACHE_HOME: XDG_CACHE_HOME ?? '' });
  }
});

test('commands: the same bytes with and without; info says where and how much; off and --no-cache keep nothing', async (t) => {
  const space = await makeWorkspace();
  const env = { DFMERGE_CACHE: space.path('cache') };
  const search = async (out: string, ...more: string[]) => {
    const { code, stderr } = await runCommand(
      ['search', space.recipe, '--out', space.path(out), '--threads', '1', ...more],
      { env },
    );
    t.is(code, 0, stderr);
    return {
      weights: await readFile(space.path(out, 'model.safetensors')),
      record: await recordWithoutTiming(space.path(out)),
    };
  };
  const plain = await search('plain', '--no-cache');
  t.false(existsSync(env.DFMERGE_CACHE));
  t.deepEqual(await search('miss'), plain);
  // Beside the rows lie digests of the weights, of those that were at rest when they were read.
  const rows = async () => (await files(env.DFMERGE_CACHE)).filter((name) => name !== 'digests');
  const kept = await rows();
  t.is(kept.length, 4, 'validation and test of two tasks');
  t.deepEqual(await search('hit'), plain);
  t.deepEqual(await rows(), kept);

  const told = JSON.parse((await runCommand(['info', '--json'], { env })).stdout) as {
    cache: { folder: string; files: number; bytes: number };
  };
  t.deepEqual(told.cache, { folder: env.DFMERGE_CACHE, ...cacheUsage(env.DFMERGE_CACHE) });
  t.is(told.cache.files, 4);
  t.regex((await runCommand(['info'], { env: { DFMERGE_CACHE: 'off' } })).stdout, /^cache +off$/m);
  t.is(
    (
      await runCommand(['evaluate', '--model', 'models/a', '--data', 'data/a'], {
        cwd: space.dir,
        env: { DFMERGE_CACHE: 'off', XDG_CACHE_HOME: space.path('xdg') },
      })
    ).code,
    0,
  );
  t.false(existsSync(space.path('xdg')));
});
