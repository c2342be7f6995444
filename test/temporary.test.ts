import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { exchange, tryLock } from '../lib/core/file_system.js';
import { passingName } from '../lib/core/lock.js';
import { removeAbandoned, temporaryBeside } from '../lib/core/temporary.js';
import { temporaryFolder } from './support/tiny_t5.js';

const LOCK = '.dfmerge-lock';

/** A process that makes a temporary folder with a file in it beside `target`, says its name, and then waits. */
async function writer(target: string) {
  const module = new URL('../lib/core/temporary.js', import.meta.url).href;
  const program = `
    import { mkdirSync, writeFileSync } from 'node:fs';
    import { temporaryBeside } from ${JSON.stringify(module)};
    const { path } = await temporaryBeside(${JSON.stringify(target)});
    mkdirSync(path);
    writeFileSync(path + '/half', 'x');
    console.log(path);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [path] = (await once(createInterface(child.stdout), 'line')) as [string];
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  return { path, child, end };
}

test('a temporary is a hidden name beside its target, with a lock while it is there', async (t) => {
  const folder = await temporaryFolder();
  const temporary = await temporaryBeside(join(folder, 'a'));
  t.regex(temporary.path, /\/\.a\.tmp-[0-9a-f]{16}$/);
  t.deepEqual(await readdir(folder), [temporary.path.slice(folder.length + 1) + LOCK]);
  await mkdir(temporary.path);
  await writeFile(join(temporary.path, 'x'), '');
  await temporary.remove();
  t.deepEqual(await readdir(folder), []);
});

test('an empty file that was made to try something, and left by a killed process, goes with the next write', async (t) => {
  const folder = await temporaryFolder();
  await writeFile(passingName(join(folder, 'a')), '');
  const temporary = await temporaryBeside(join(folder, 'b'));
  await temporary.remove();
  t.deepEqual(await readdir(folder), []);
});

test('what was renamed to its target outlives the temporary', async (t) => {
  const folder = await temporaryFolder();
  const temporary = await temporaryBeside(join(folder, 'a'));
  await writeFile(temporary.path, 'whole');
  await rename(temporary.path, join(folder, 'a'));
  await temporary.remove();
  t.deepEqual(await readdir(folder), ['a']);
  t.is(await readFile(join(folder, 'a'), 'utf8'), 'whole');
});

test('what a living process writes is left alone; what a killed one left goes with the next write into the folder', async (t) => {
  const folder = await temporaryFolder();
  const [living, killed] = await Promise.all([writer(join(folder, 'a')), writer(join(folder, 'b'))]);
  try {
    await removeAbandoned(folder);
    t.is(await readFile(join(killed.path, 'half'), 'utf8'), 'x');
    await killed.end('SIGKILL');
    const mine = await temporaryBeside(join(folder, 'c'));
    t.is(await readFile(join(living.path, 'half'), 'utf8'), 'x');
    t.deepEqual(
      (await readdir(folder)).sort(),
      [living.path, `${living.path}${LOCK}`, `${mine.path}${LOCK}`].map((path) => path.slice(folder.length + 1)).sort(),
    );
    await mine.remove();
  } finally {
    await living.end('SIGKILL');
  }
  await removeAbandoned(folder);
  t.deepEqual(await readdir(folder), []);
});

test('a process that is stopped, not ended, keeps what it writes', async (t) => {
  const folder = await temporaryFolder();
  const stopped = await writer(join(folder, 'a'));
  try {
    stopped.child.kill('SIGSTOP');
    await removeAbandoned(folder);
    t.is(await readFile(join(stopped.path, 'half'), 'utf8'), 'x');
  } finally {
    await stopped.end('SIGKILL');
  }
});

test('programs that a writer started do not keep its lock', async (t) => {
  const folder = await temporaryFolder();
  const temporary = await temporaryBeside(join(folder, 'a'));
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)']);
  const exited = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    const abandoned = `${temporary.path}${LOCK}`;
    await link(abandoned, join(folder, 'same file'));
    await temporary.remove();
    const handle = await open(join(folder, 'same file'), 'r+');
    t.true(await tryLock(handle));
    await handle.close();
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
});

test('without a lock file nothing is removed, and what looks otherwise is not looked at', async (t) => {
  const folder = await temporaryFolder();
  const names = ['.a.tmp-0123456789abcdef', '.b.tmp-1-1', '.b.tmp-1-1.dfmerge-lock', 'c.dfmerge-lock'];
  for (const name of names) await writeFile(join(folder, name), 'x');
  await removeAbandoned(folder);
  t.deepEqual((await readdir(folder)).sort(), names);
  await removeAbandoned(join(folder, 'not there'));
});

test('a lock belongs to one handle, of this process too, until the handle is closed', async (t) => {
  const file = join(await temporaryFolder(), 'lock');
  const [one, other] = [await open(file, 'w'), await open(file, 'r+')];
  t.true(await tryLock(one));
  t.false(await tryLock(other));
  await one.close();
  t.true(await tryLock(other));
  await other.close();
});

test('a lock that cannot be had is told from one that is taken', async (t) => {
  const file = join(await temporaryFolder(), 'lock');
  await writeFile(file, '');
  const handle = await open(file, 'r'); // Linux locks no file for writing that was opened for reading.
  t.is(await tryLock(handle), process.platform === 'linux' ? undefined : true);
  await handle.close();
});

test('many temporaries at once, while others sweep: none is lost', async (t) => {
  const folder = await temporaryFolder();
  const make = async (index: number) => {
    const temporary = await temporaryBeside(join(folder, `${index % 3}`));
    await writeFile(temporary.path, `${index}`);
    await removeAbandoned(folder);
    const kept = await readFile(temporary.path, 'utf8');
    await temporary.remove();
    return kept;
  };
  const indices = Array.from({ length: 60 }, (_, index) => index);
  t.deepEqual(await Promise.all(indices.map(make)), indices.map(String));
  t.deepEqual(await readdir(folder), []);
});

test('two folders change places in one step, and a missing one changes nothing', async (t) => {
  const folder = await temporaryFolder();
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  for (const path of [one, other]) {
    await mkdir(path);
    await writeFile(join(path, 'name'), path);
  }
  t.false(await exchange(one, join(folder, 'missing')));
  t.is(await readFile(join(one, 'name'), 'utf8'), one);
  if (await exchange(one, other)) {
    t.is(await readFile(join(one, 'name'), 'utf8'), other);
    t.is(await readFile(join(other, 'name'), 'utf8'), one);
  } else t.log('skipped: the file system cannot exchange two names');
});
