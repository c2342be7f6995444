// Digests of whole files: they see every byte, and what is remembered of them is never wrong.
import { createHash } from 'node:crypto';
import { open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { checkpointFingerprints } from '../lib/checkpoint/fingerprint.js';
import { digestFiles } from '../lib/core/file_digest.js';
import type { ProgressEvent } from '../lib/core/progress.js';
import { temporaryFolder } from './support/tiny_t5.js';

const MEBIBYTE = 2 ** 20;
/** Longer than the clock of a file system ticks. */
const settle = () => wait(2100);

async function place(): Promise<{ file: string; cache: string; remembered: () => Promise<string[]> }> {
  const folder = await temporaryFolder();
  const cache = join(folder, 'cache');
  return {
    file: join(folder, 'weights'),
    cache,
    remembered: () => readdir(join(cache, 'digests')).catch(() => []),
  };
}

/** The digest of a file and whether its bytes were read for it. */
async function digest(file: string, cache: string | false): Promise<{ digest: string; read: boolean }> {
  const events: ProgressEvent[] = [];
  const [found] = await digestFiles([file], { cache, onProgress: (event) => events.push(event) });
  return { digest: found, read: events.length > 0 };
}

async function changeByte(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Uint8Array.of(1), 0, 1, position);
  await handle.close();
}

test('a changed byte anywhere in a large checkpoint is seen', async (t) => {
  const { file } = await place();
  const size = 65 * MEBIBYTE;
  const checkpoint = { dir: join(file, '..'), config: {}, shards: ['weights'] };
  const of = async () => (await checkpointFingerprints([checkpoint], { cache: false }))[0];
  await writeFile(file, '');
  const handle = await open(file, 'r+');
  await handle.truncate(size);
  await handle.close();
  const seen = new Set([await of()]);
  // The second lies where 256 samples of 64 KiB, spread evenly, leave a gap.
  for (const position of [0, 200 * 1024, MEBIBYTE - 1, MEBIBYTE, size / 2, size - 1]) {
    await changeByte(file, position);
    seen.add(await of());
  }
  t.is(seen.size, 7);
});

test('the digest is the hash over the size and the hashes of chunks of 1 MiB', async (t) => {
  const { file } = await place();
  const bytes = Buffer.alloc(9 * MEBIBYTE + 3, 'words and more words ');
  for (const length of [0, 1, MEBIBYTE, bytes.length]) {
    const content = bytes.subarray(0, length);
    await writeFile(file, content);
    const hash = createHash('sha256').update(`${length}\n`);
    for (let begin = 0; begin < length; begin += MEBIBYTE)
      hash.update(
        createHash('sha256')
          .update(content.subarray(begin, begin + MEBIBYTE))
          .digest(),
      );
    t.deepEqual(await digestFiles([file, file], { cache: false }), Array(2).fill(hash.digest('hex')));
  }
});

test('a file at rest is remembered on the disk, and read again once it is changed, replaced or touched', async (t) => {
  const { file, cache, remembered } = await place();
  await writeFile(file, 'one');
  await settle();
  const first = await digest(file, cache);
  t.true(first.read);
  t.is((await remembered()).length, 1);
  t.deepEqual(await digest(file, cache), { ...first, read: false });

  const { atime, mtime } = await stat(file);
  await changeByte(file, 0);
  await utimes(file, atime, mtime); // As `cp -p` or `rsync --inplace` leave it: size and time of modification are as before.
  const second = await digest(file, cache);
  t.true(second.read);
  t.not(second.digest, first.digest);
});

test('a file that was written a moment ago is not remembered: it may change again under the same time', async (t) => {
  const { file, cache, remembered } = await place();
  await writeFile(file, 'one');
  t.true((await digest(file, cache)).read);
  t.deepEqual(await remembered(), []);
  t.true((await digest(file, cache)).read);
  const future = new Date(Date.now() + 3_600_000);
  await settle();
  await utimes(file, future, future);
  t.true((await digest(file, cache)).read);
  t.deepEqual(await remembered(), []);
});

test('a damaged memory counts as none, and cache: false leaves the disk alone', async (t) => {
  const { file, cache, remembered } = await place();
  await writeFile(file, 'one');
  await settle();
  const child = async (option: string) => {
    const { execFile } = await import('node:child_process');
    const code = `import { digestFiles } from ${JSON.stringify(new URL('../lib/core/file_digest.js', import.meta.url).href)};
let read = false;
const [digest] = await digestFiles([${JSON.stringify(file)}], { cache: ${option}, onProgress: () => (read = true) });
console.log(JSON.stringify({ digest, read }));`;
    const { promisify } = await import('node:util');
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
    return JSON.parse(stdout) as { digest: string; read: boolean };
  };
  const without = await child('false');
  t.true(without.read);
  t.deepEqual(await remembered(), []);
  t.deepEqual(await child(JSON.stringify(cache)), without);
  t.deepEqual(await child(JSON.stringify(cache)), { ...without, read: false }, 'another process remembers it');
  const [name] = await remembered();
  const kept = join(cache, 'digests', name);
  const text = await readFile(kept, 'utf8');
  await writeFile(kept, `${text.startsWith('0') ? '1' : '0'}${text.slice(1)}`);
  t.deepEqual(await child(JSON.stringify(cache)), without);
});

test('hashing ends soon after its signal, and a missing file is named', async (t) => {
  const { file } = await place();
  await writeFile(file, Buffer.alloc(64 * MEBIBYTE));
  const controller = new AbortController();
  let chunks = 0;
  const onProgress = () => {
    if (++chunks === 9) controller.abort();
  };
  await t.throwsAsync(digestFiles([file], { cache: false, signal: controller.signal, onProgress }), {
    any: true,
    name: 'AbortError',
  });
  t.true(chunks < 16, 'no more chunks are begun than are in flight');
  await rm(file);
  await t.throwsAsync(digestFiles([file], { cache: false }), { code: 'NOT_FOUND', message: new RegExp(file) });
});

test('a file that changes while it is read is an error that names it', async (t) => {
  const { file } = await place();
  for (const change of [
    () => changeByte(file, 3),
    async () => {
      const handle = await open(file, 'r+');
      await handle.truncate(10);
      await handle.close();
    },
  ]) {
    await writeFile(file, Buffer.alloc(40 * MEBIBYTE));
    let changing: Promise<void> | undefined;
    const onProgress = ({ done }: ProgressEvent) => {
      if (done >= 4) changing ??= change();
    };
    await t.throwsAsync(digestFiles([file], { cache: false, onProgress }), {
      code: 'IO',
      message: `${file} changed while it was read`,
    });
    await changing;
  }
});
