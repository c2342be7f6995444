// Commands on a full disk, without threads to start, and in folders that cannot be written.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { contents, freshFolder, run, type Ended } from './harm.js';

const isRoot = process.getuid?.() === 0;
const SEARCH = ['search', 'recipe.yaml', '--out', 'out', '--threads', '1', '--quiet'];

/** A file system of its own at `path`, gone again when the test ends; undefined where this user may not mount one. */
function mount(t: ExecutionContext, path: string, ...args: string[]): boolean {
  mkdirSync(path, { recursive: true });
  if (!isRoot || spawnSync('mount', [...args, path]).status !== 0) {
    t.log('skipped: no file system can be mounted here');
    t.pass();
    return false;
  }
  t.teardown(() => spawnSync('umount', ['-l', path]));
  return true;
}

/** A command ended with an error in words, as a user can read it. */
function toldPlainly(t: ExecutionContext, { code, signal, stderr }: Ended, words: RegExp): void {
  t.is(signal, null, stderr);
  t.is(code, 1, stderr);
  t.regex(stderr, words);
  t.notRegex(stderr, /defect of dfmerge|^ +at /m);
}

const MERGE =
  'merge_method: gta\nbase_model: models/base\nmodels:\n  - { model: models/a, parameters: { weight: 0.3 } }\n';
const FULL = /disk is full|no space|ENOSPC|are free/i;

/** A folder with a small disk in it, on which a merged model lies; undefined where there can be none. */
async function withDisk(t: ExecutionContext): Promise<{ folder: string; disk: string } | undefined> {
  const folder = await freshFolder();
  const disk = join(folder, 'disk');
  if (!mount(t, disk, '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs')) return undefined;
  writeFileSync(join(folder, 'merge.yaml'), MERGE);
  const { code, stderr } = await run(['merge', 'merge.yaml', '--out', 'disk/old', '--threads', '1'], { cwd: folder });
  t.is(code, 0, stderr);
  return { folder, disk };
}

/** The shell's words that leave no byte free on the disk. */
const FILL = 'cat /dev/zero > disk/ballast 2> ballast.log; true';

const COMMANDS: Record<string, { args: string[]; on: string }> = {
  'merge --overwrite': {
    args: ['merge', 'merge.yaml', '--out', 'disk/old', '--overwrite', '--threads', '1'],
    on: 'mkdir .*tmp-',
  },
  finetune: {
    args: [...['finetune', '--model', 'models/base', '--data', 'data/a', '--out', 'disk/out'], '--steps', '1'],
    on: 'best',
  },
  fisher: {
    args: ['fisher', '--model', 'models/a', '--data', 'data/a', '--samples', '2', '--out', 'disk/f', '--threads', '1'],
    on: 'tmp-',
  },
  'evaluate --details': {
    args: ['evaluate', '--model', 'models/a', '--data', 'data/a', '--details', 'disk/d', '--threads', '1'],
    on: 'tmp-',
  },
};

for (const [title, { args, on }] of Object.entries(COMMANDS)) {
  test(`${title} whose disk is full, or fills up, says so and leaves what was there`, async (t) => {
    const place = await withDisk(t);
    if (!place) return;
    const { folder, disk } = place;
    const before = contents(disk);
    toldPlainly(t, await run(args, { cwd: folder, fault: { on, shell: FILL } }), FULL);
    const { ballast, ...after } = contents(disk);
    t.truthy(ballast);
    t.deepEqual(after, before);
    toldPlainly(t, await run(args, { cwd: folder }), FULL);
    t.deepEqual(contents(disk), { ...before, ballast });
    rmSync(join(disk, 'ballast'));
    const again = await run(args, { cwd: folder });
    t.is(again.code, 0, again.stderr);
  });
}

for (const [title, on, nth] of [
  ['before its first trial', 'journal', 1],
  ['in its trials', 'descriptor', 12],
  ['when it writes its model', 'mkdir .*tmp-', 1],
] as const) {
  test(`a search whose disk fills up ${title} says so, and is resumed once there is room`, async (t) => {
    const place = await withDisk(t);
    if (!place) return;
    const { folder, disk } = place;
    t.is((await run(SEARCH, { cwd: folder })).code, 0);
    const before = contents(disk);
    const args = [...SEARCH.slice(0, 3), 'disk/out', ...SEARCH.slice(4)];
    toldPlainly(t, await run(args, { cwd: folder, fault: { on, nth, shell: FILL } }), FULL);
    t.like(contents(disk), before);
    t.false(existsSync(join(disk, 'out')), 'nothing half written');
    rmSync(join(disk, 'ballast'));
    const again = await run([...args, '--resume'], { cwd: folder });
    t.is(again.code, 0, again.stderr);
    t.is(contents(folder)['disk/out/model.safetensors'], contents(folder)['out/model.safetensors']);
    t.deepEqual(readdirSync(disk).sort(), ['old', 'out']);
  });
}

test('a cache on a full disk costs nothing but its use', async (t) => {
  const folder = await freshFolder();
  const disk = join(folder, 'disk');
  if (!mount(t, disk, '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs')) return;
  spawnSync('sh', ['-c', FILL], { cwd: folder });
  const { code, stderr } = await run(SEARCH, { cwd: folder, env: { DFMERGE_CACHE: disk } });
  t.is(code, 0, stderr);
});

test('a full device takes no details, says so, and stays a device', async (t) => {
  const folder = await freshFolder();
  // A device of its own: a command that replaced it would do no harm outside the folder.
  if (!isRoot || spawnSync('mknod', [join(folder, 'full'), 'c', '1', '7']).status !== 0) {
    t.log('skipped: no device can be made here');
    return t.pass();
  }
  const args = ['evaluate', '--model', 'models/a', '--data', 'data/a', '--threads', '1', '--details', 'full'];
  toldPlainly(t, await run(args, { cwd: folder }), FULL);
  t.is(contents(folder).full, 'special');
});

test('a parent that cannot be written is told before any work', async (t) => {
  const folder = await freshFolder();
  const parent = join(folder, 'parent');
  mkdirSync(parent);
  if (isRoot) {
    if (!mount(t, parent, '-t', 'tmpfs', '-o', 'size=1m,ro', 'tmpfs')) return;
  } else chmodSync(parent, 0o555);
  const args = [...SEARCH.slice(0, 3), 'parent/out', ...SEARCH.slice(4)];
  toldPlainly(t, await run(args, { cwd: folder }), /parent/);
  if (!isRoot) chmodSync(parent, 0o755);
});

test('a cache that cannot be written, and no home, cost nothing but the cache', async (t) => {
  const folder = await freshFolder();
  const home = join(folder, 'home');
  if (mount(t, home, '-t', 'tmpfs', '-o', 'size=1m,ro', 'tmpfs')) {
    for (const env of [{ DFMERGE_CACHE: home }, { DFMERGE_CACHE: undefined, HOME: home, XDG_CACHE_HOME: undefined }]) {
      const { code, stderr } = await run(['evaluate', '--model', 'models/a', '--data', 'data/a'], { cwd: folder, env });
      t.is(code, 0, stderr);
    }
  }
  for (const value of [undefined, '/nowhere/at/all']) {
    const env = { DFMERGE_CACHE: undefined, HOME: value, XDG_CACHE_HOME: undefined };
    const { code, stderr } = await run(['evaluate', '--model', 'models/a', '--data', 'data/a'], { cwd: folder, env });
    t.is(code, 0, stderr);
  }
});

test('a recipe in a folder that cannot be written is run all the same', async (t) => {
  const folder = await freshFolder();
  const place = join(folder, 'place');
  const source = join(folder, 'source');
  mkdirSync(source);
  cpSync(join(folder, 'recipe.yaml'), join(source, 'recipe.yaml'));
  for (const name of ['models', 'data']) cpSync(join(folder, name), join(source, name), { recursive: true });
  if (!mount(t, place, '--bind', '-o', 'ro', source)) return;
  spawnSync('mount', ['-o', 'remount,bind,ro', place]);
  const { code, stderr } = await run(['search', 'place/recipe.yaml', '--out', 'out', '--quiet'], { cwd: folder });
  t.is(code, 0, stderr);
});

/** Under a low limit Node itself may abort, or wait for ever. */
const LIMITED = { timeout: 20_000, killSignal: 'SIGKILL' } as const;

/** A program that has Node start all of its own threads. */
const FOUR_READS = "for (let i = 0; i < 8; i++) require('fs').promises.readFile('/proc/self/status')";

test('with a limit on processes a command goes on with fewer threads, or says what the limit is', async (t) => {
  const folder = await freshFolder();
  if (!isRoot || spawnSync('prlimit', ['--version']).status !== 0 || spawnSync('setpriv', ['--version']).status !== 0) {
    t.log('skipped: a limit for another user takes root, prlimit and setpriv');
    return t.pass();
  }
  spawnSync('chmod', ['-R', 'a+rwX', join(folder, '..')]);
  // An id that nobody has, so that no process of another program counts. Node itself takes about ten threads.
  for (const [i, limit] of [8, 11, 12, 13, 16].entries()) {
    const launcher = [
      'prlimit',
      `--nproc=${limit}`,
      'setpriv',
      `--reuid=${54_300 + i}`,
      '--regid=54300',
      '--clear-groups',
    ];
    if (spawnSync(launcher[0], [...launcher.slice(1), process.execPath, '-e', FOUR_READS], LIMITED).status !== 0) {
      t.log(`${limit}: Node itself does not come up`);
      continue;
    }
    const args = ['evaluate', '--model', 'models/a', '--data', 'data/a', '--threads', '16', '--json'];
    const { code, signal, stderr } = await run(args, { cwd: folder, launcher, env: { HOME: '/' } });
    t.log(`${limit}: ${signal ?? `exit ${code}`} ${stderr.split('\n')[0].slice(0, 120)}`);
    t.true(code === 0 || code === 1, `${limit}: ${signal ?? code} ${stderr}`);
  }
});
