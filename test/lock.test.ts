import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { acquireLock, GONE_AFTER_SECONDS, parseHolder, type LockHolder } from '../lib/core/lock.js';
import { lockOutput } from '../lib/core/output_lock.js';
import { thisProcess } from '../lib/core/process_identity.js';
import { finetune, merge, recipeForMerge } from '../lib/index.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace } from './support/workspace.js';

const lockFile = async () => join(await temporaryFolder(), '.a.dfmerge-lock');

/** A process that takes a lock, says what came of it, and then waits. `before` goes in front of node's own arguments. */
async function contender(path: string, { before = [], flags = [] }: { before?: string[]; flags?: string[] } = {}) {
  const module = new URL('../lib/core/lock.js', import.meta.url).href;
  const program = `
    import { acquireLock } from ${JSON.stringify(module)};
    const lock = await acquireLock(${JSON.stringify(path)});
    console.log(JSON.stringify(lock));
    setInterval(() => {}, 1000);`;
  const [command, ...args] = [...before, process.execPath, ...flags, '--input-type=module', '-e', program];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close'); // Also what it started is gone then.
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), exited.then(() => undefined)]);
  const end = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    /** Undefined where the process could not start. */
    lock: line && (JSON.parse(line[0] as string) as { taken: boolean; message?: string; holder?: LockHolder }),
    pid: child.pid as number,
    end,
  };
}

const NO_LOCKS = ['--no-addons']; // Node then loads no binary, as on a platform that has none.

async function record(change: Partial<LockHolder>): Promise<string> {
  const now = new Date().toISOString();
  return JSON.stringify({ ...(await thisProcess()), id: '1', kernel: false, since: now, heartbeat: now, ...change });
}

async function makeOld(path: string): Promise<void> {
  const old = new Date(Date.now() - (GONE_AFTER_SECONDS + 60) * 1000);
  await utimes(path, old, old);
}

async function isFree(path: string): Promise<boolean> {
  const lock = await acquireLock(path);
  if (lock.taken) await lock.release();
  return lock.taken;
}

test('a lock is taken once, says who holds it, and leaves no file behind', async (t) => {
  const path = await lockFile();
  const lock = await acquireLock(path);
  t.true(lock.taken && (await lock.isHeld()));
  const other = await acquireLock(path);
  t.false(other.taken);
  if (!lock.taken || other.taken) return;
  t.is(other.holder?.pid, process.pid);
  t.regex(other.message, new RegExp(`^held by process ${process.pid} on host .+ since 20\\d\\d-`));
  await lock.release();
  t.deepEqual(await readdir(join(path, '..')), []);
  t.false(await lock.isHeld());
  t.true(await isFree(path));
});

for (const [name, flags] of [
  ['by the kernel', []],
  ['by the record in the file alone', NO_LOCKS],
] as const) {
  test(`${name}: another process is refused while the holder lives, and not once it was killed`, async (t) => {
    const path = await lockFile();
    const options = { flags: [...flags] };
    const first = await contender(path, options);
    const second = await contender(path, options);
    t.true(first.lock?.taken);
    t.false(second.lock?.taken);
    t.is(second.lock?.holder?.pid, first.pid);
    t.is(second.lock?.holder?.kernel, flags.length === 0 && process.platform !== 'win32');
    await second.end();
    await first.end();
    const third = await contender(path, options);
    t.true(third.lock?.taken);
    await third.end();
  });
}

test('with locks and without, processes see each other', async (t) => {
  const path = await lockFile();
  const [one, other] = [await contender(path), await contender(path, { flags: NO_LOCKS })];
  t.deepEqual([one.lock?.taken, other.lock?.taken], [true, false]);
  await Promise.all([one.end(), other.end()]);
  const third = await contender(path, { flags: NO_LOCKS });
  t.true(third.lock?.taken);
  t.false(await isFree(path));
  await third.end();
  t.true(await isFree(path));
});

test('in another PID namespace the kernel decides, and without its locks the last sign of life', async (t) => {
  const before = ['unshare', '--pid', '--fork', '--kill-child'];
  const path = await lockFile();
  const inside = await contender(path, { before });
  if (!inside.lock) return t.pass('skipped: no PID namespace can be made here');
  t.true(inside.lock.taken);
  const refused = await acquireLock(path);
  t.true(!refused.taken && refused.holder?.pidNamespace !== (await thisProcess()).pidNamespace);
  await inside.end();
  t.true(await isFree(path));

  const without = await contender(path, { before, flags: NO_LOCKS });
  t.true(without.lock?.taken);
  const unseen = await acquireLock(path);
  t.true(!unseen.taken && unseen.message.includes(`counts as gone after ${GONE_AFTER_SECONDS} s without one`));
  await without.end();
  t.false(await isFree(path), 'nobody can see that it is gone');
  await makeOld(path);
  t.true(await isFree(path));
});

test('a number that was given to another process is told by its start', async (t) => {
  const path = await lockFile();
  await writeFile(path, await record({}));
  t.false(await isFree(path));
  await writeFile(path, await record({ started: '1' }));
  t.is(await isFree(path), (await thisProcess()).started !== '');
});

test('a holder on another host is there until it has given no sign of life for long', async (t) => {
  const path = await lockFile();
  // Whether the file system is shared with other hosts is not known of the folder for temporary files.
  const elsewhere = await record({ host: 'elsewhere', boot: '', kernel: true });
  await writeFile(path, elsewhere);
  const held = await acquireLock(path);
  t.true(
    !held.taken &&
      /held by process \d+ on host elsewhere since .*; its last sign of life was \d+ s ago/.test(held.message),
  );
  await makeOld(path);
  t.true(await isFree(path));
});

test('what a kill left between making a file and writing its record is taken over', async (t) => {
  const path = await lockFile();
  for (const text of ['', '{"id":', '[]', '{"id":"1","pid":1}']) {
    await writeFile(path, text);
    t.true(await isFree(path), text);
  }
  t.is(parseHolder(await record({ pid: -1 })), undefined);
  await mkdir(path);
  await t.throwsAsync(acquireLock(path), { code: 'EISDIR' });
});

test('many at once: one takes the lock', async (t) => {
  const path = await lockFile();
  await writeFile(path, await record({ started: '1', pid: 2 ** 22 - 1 }));
  const locks = await Promise.all(Array.from({ length: 20 }, () => acquireLock(path)));
  t.is(locks.filter(({ taken }) => taken).length, 1);
  for (const lock of locks) if (lock.taken) await lock.release();
  t.deepEqual(await readdir(join(path, '..')), []);
});

test('an output has one lock under all its names, and who comes second is told', async (t) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'real'));
  await symlink('real', join(folder, 'link'));
  await symlink('real/out', join(folder, 'dangling'));
  const lock = await lockOutput(join(folder, 'link', 'out'));
  t.is(parseHolder(await readFile(join(folder, 'real/.out.dfmerge-lock'), 'utf8'))?.pid, process.pid);
  for (const name of ['real/out', 'dangling'])
    await t.throwsAsync(lockOutput(join(folder, name)), {
      instanceOf: DfMergeError,
      code: 'LOCKED',
      message: new RegExp(`${name}: .*real/.out.dfmerge-lock is held by process ${process.pid} on host .* since 20`),
    });
  await lock.release();
  await rm(join(folder, 'real'), { recursive: true });
  await t.throwsAsync(lockOutput(join(folder, 'real/out')), { instanceOf: DfMergeError, code: 'NOT_FOUND' });
});

test('merge and finetune do not write what another run is writing', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('out');
  const lock = await lockOutput(out);
  const recipe = await space.variant('linear.yaml', (text) => text.replace('df_merge', 'linear'));
  const refused = { instanceOf: DfMergeError, code: 'LOCKED' };
  await t.throwsAsync(merge(recipeForMerge(recipe), { out, threads: 1 }), refused);
  const training = {
    model: space.path('models/base'),
    data: space.path('data/a'),
    steps: 1,
    batchSize: 1,
    learningRate: 1,
  };
  await t.throwsAsync(finetune({ ...training, out, seed: 1, threads: 1 }), refused);
  await lock.release();
  await merge(recipeForMerge(recipe), { out, threads: 1, evaluate: false });
});
