import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { writeManifest } from '../lib/core/manifest.js';
import { NEW, replaceFolder } from '../lib/core/replace_folder.js';
import { removeAbandoned, temporaryBeside } from '../lib/core/temporary.js';
import { temporaryFolder } from './support/tiny_t5.js';

/** A folder as dfmerge makes them: `weights` and `sub/template`, whose content names the version, and the list of both. */
async function made(dir: string, version: string): Promise<void> {
  await mkdir(join(dir, 'sub'), { recursive: true });
  await writeFile(join(dir, 'weights'), version);
  await writeFile(join(dir, 'sub', 'template'), version);
  await writeManifest(dir, { version });
}

/** An old version with what a user added to it and changed in it. */
async function usedFolder(): Promise<string> {
  const out = join(await temporaryFolder(), 'out');
  await made(out, 'old');
  await writeFile(join(out, 'README.md'), 'mine');
  await writeFile(join(out, 'sub', 'template'), 'edited');
  await writeFile(join(out, 'sub', 'notes'), 'mine');
  await mkdir(join(out, 'runs', 'one'), { recursive: true });
  await writeFile(join(out, 'runs', 'one', 'log'), 'mine');
  await symlink('nowhere', join(out, 'link'));
  return out;
}

/** Every file under a folder with its content, by path; links with where they point to. */
async function tree(dir: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files[path.slice(dir.length + 1)] = await readFile(path, 'utf8');
    if (entry.isSymbolicLink()) files[path.slice(dir.length + 1)] = 'a link';
  }
  return files;
}

const KEPT = { 'README.md': 'mine', 'sub/notes': 'mine', 'runs/one/log': 'mine', link: 'a link' };
const AFTER = { ...KEPT, weights: 'new', 'sub/template': 'new', 'sub/template.kept': 'edited' };
const BEFORE = { ...KEPT, weights: 'old', 'sub/template': 'edited' };

async function replace(out: string): Promise<string[]> {
  const warnings: string[] = [];
  const temporary = await temporaryBeside(out, (message) => warnings.push(message));
  await made(join(temporary.path, NEW), 'new');
  await replaceFolder(temporary.path, out, (message) => warnings.push(message));
  await temporary.remove();
  return warnings;
}

async function versionOf(out: string): Promise<unknown> {
  return (JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as { version: unknown }).version;
}

async function assertState(t: ExecutionContext, out: string, expected: Record<string, string>): Promise<void> {
  const { 'dfmerge.json': manifest, ...files } = await tree(out);
  t.truthy(manifest);
  t.deepEqual(files, expected);
}

test('a folder takes the place of an old one, of which what dfmerge did not write stays', async (t) => {
  const out = await usedFolder();
  const warnings = await replace(out);
  await assertState(t, out, AFTER);
  t.is(warnings.length, 1);
  t.regex(warnings[0], /out\/sub\/template, which dfmerge did not write as it was, is kept as sub\/template\.kept/);
  t.deepEqual(await readdir(dirname(out)), ['out']);
  await replace(out);
  await assertState(t, out, AFTER);
});

test('weights that a user put or changed there do not stay under names that are loaded', async (t) => {
  const out = join(await temporaryFolder(), 'out');
  await made(out, 'old');
  await writeFile(join(out, 'model.safetensors'), 'mine');
  await replace(out);
  await assertState(t, out, { weights: 'new', 'sub/template': 'new', 'model.safetensors.kept': 'mine' });
});

/** A process that replaces `out` and is killed right before its `last`-th operation on files. Without `native` it has no atomic exchange. */
async function killed(out: string, last: number, native: boolean): Promise<boolean> {
  const module = (path: string) => JSON.stringify(new URL(`../lib/core/${path}.js`, import.meta.url).href);
  const program = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    let left = ${last};
    for (const name of ['open', 'mkdir', 'rename', 'rm', 'rmdir', 'unlink', 'writeFile', 'link']) {
      const original = fs.promises[name];
      fs.promises[name] = (...args) => {
        if (--left === 0) process.kill(process.pid, 'SIGKILL');
        return original(...args);
      };
    }
    syncBuiltinESMExports();
    const { temporaryBeside } = await import(${module('temporary')});
    const { replaceFolder, NEW } = await import(${module('replace_folder')});
    const { writeManifest } = await import(${module('manifest')});
    const { mkdir, writeFile } = await import('node:fs/promises');
    const out = ${JSON.stringify(out)};
    const temporary = await temporaryBeside(out);
    const dir = temporary.path + '/' + NEW;
    await mkdir(dir + '/sub', { recursive: true });
    await writeFile(dir + '/weights', 'new');
    await writeFile(dir + '/sub/template', 'new');
    await writeManifest(dir, { version: 'new' });
    await replaceFolder(temporary.path, out, () => undefined);
    await temporary.remove();`;
  const flags = native ? [] : ['--no-addons'];
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the writer ended with ${code}`);
  return signal === 'SIGKILL';
}

for (const native of [true, false]) {
  const how = native ? 'with' : 'without';
  test(`killed at any step, ${how} an atomic exchange, the old or the new folder is whole after the next run's clean-up`, async (t) => {
    const seen = new Set<unknown>();
    let last = 1;
    for (; ; last++) {
      const out = await usedFolder();
      const ended = !(await killed(out, last, native));
      const there = await versionOf(out).catch(() => 'nothing');
      if (native) t.not(there, 'nothing', `step ${last}`);
      await removeAbandoned(dirname(out));
      const version = await versionOf(out);
      seen.add(version);
      await assertState(t, out, version === 'new' ? AFTER : BEFORE);
      t.deepEqual(await readdir(dirname(out)), ['out'], `step ${last}`);
      await replace(out);
      t.like(await tree(out), AFTER);
      if (ended) break;
    }
    t.true(last > 10);
    t.deepEqual(seen, new Set(['old', 'new']));
  });
}

test('where something else stands at the name by then, nothing is touched and the folder is named', async (t) => {
  const out = await usedFolder();
  const work = join(dirname(out), `.out.tmp-${'0'.repeat(16)}`);
  await made(join(work, NEW), 'new');
  await mkdir(join(work, 'old'));
  await writeFile(join(work, 'old', 'mine'), 'x');
  await writeFile(join(work, 'commit.json'), JSON.stringify({ manifest: 'another' }));
  const { recover } = await import('../lib/core/replace_folder.js');
  const warnings: string[] = [];
  await recover(work, out, (message) => warnings.push(message));
  await assertState(t, out, BEFORE);
  t.is(await readFile(join(work, 'old', 'mine'), 'utf8'), 'x');
  t.regex(warnings.join(), /holds what lay at .*out before an interrupted overwriting/);
});
