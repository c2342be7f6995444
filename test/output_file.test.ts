// Single files that a user names: what is there already, links, and what is no regular file.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { assertFileWritable, writeOutputFile, writeOutputLines } from '../lib/core/output_file.js';
import { DfMergeError, evaluate, fisher } from '../lib/index.js';
import { MAIN, runCommand } from './support/command.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

const failed = (code: string, message: RegExp) => ({ instanceOf: DfMergeError, code, message });
const hidden = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('.'));
const fill = (content: string) => (file: string) => writeFile(file, content, { flag: 'wx' });

let space: Workspace;
test.before(async () => {
  space = await makeWorkspace();
});
const evaluation = () => ({ model: space.path('models/a'), data: space.path('data/a'), threads: 1 });
const measuring = () => ({ ...evaluation(), samples: 2 });

/** A FIFO and a process that reads it; its text. */
function readFifo(path: string, program = ['cat']): { content: Promise<string> } {
  execFileSync('mkfifo', [path]);
  const child = spawn('sh', ['-c', `exec ${program.join(' ')} < "$1"`, 'sh', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { content: text(child.stdout) };
}

test('an existing file needs overwrite, which is told before any work, and stays as it is', async (t) => {
  const folder = await temporaryFolder();
  const file = join(folder, 'mine');
  await writeFile(file, 'mine');
  const nothing = { model: join(folder, 'no model'), data: join(folder, 'no data') };
  await t.throwsAsync(evaluate({ ...nothing, details: file }), failed('EXISTS', /mine exists already/));
  await t.throwsAsync(fisher({ ...nothing, out: file }), failed('EXISTS', /mine exists already/));
  const { code, stderr } = await runCommand(['evaluate', '--model', 'm', '--data', 'd', '--details', file]);
  t.is(code, 1);
  t.regex(stderr, /mine exists already/);
  t.is(await readFile(file, 'utf8'), 'mine');
  t.deepEqual(readdirSync(folder), ['mine']);
});

test('--overwrite of evaluate and fisher replaces the file', async (t) => {
  const folder = await temporaryFolder();
  for (const name of ['details', 'fisher']) await writeFile(join(folder, name), 'mine');
  await chmod(join(folder, 'details'), 0o600);
  const words = ['--model', space.path('models/a'), '--data', space.path('data/a'), '--threads', '1', '--overwrite'];
  const scored = await runCommand(['evaluate', ...words, '--details', 'details'], { cwd: folder });
  t.is(scored.code, 0, scored.stderr);
  t.is(readFileSync(join(folder, 'details'), 'utf8').trim().split('\n').length, 40);
  t.is(lstatSync(join(folder, 'details')).mode & 0o777, 0o600);
  const measured = await runCommand(['fisher', ...words, '--out', 'fisher'], { cwd: folder });
  t.is(measured.code, 0, measured.stderr);
  t.true(lstatSync(join(folder, 'fisher')).size > 1000);
  t.deepEqual(readdirSync(folder), ['details', 'fisher']);
});

test('a file that comes into being during the work is not replaced, and nothing is left', async (t) => {
  const folder = await temporaryFolder();
  const file = join(folder, 'a');
  function* lines() {
    yield 'one\n';
    execFileSync('sh', ['-c', 'printf mine > "$1"', 'sh', file]);
    yield 'two\n';
  }
  await t.throwsAsync(writeOutputLines(file, lines()), failed('EXISTS', /\/a exists already/));
  t.is(await readFile(file, 'utf8'), 'mine');
  t.deepEqual(readdirSync(folder), ['a']);

  const other = join(folder, 'b');
  const becomesFifo = async (temporary: string) => {
    await writeFile(temporary, 'x', { flag: 'wx' });
    execFileSync('mkfifo', [other]);
  };
  await t.throwsAsync(writeOutputFile(other, becomesFifo, { overwrite: true }), failed('EXISTS', /no regular file/));
  t.true(lstatSync(other).isFIFO());
  t.deepEqual(readdirSync(folder), ['a', 'b']);
});

test('a link stays a link and what it points to gets the content, from wherever it lies', async (t) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'deep'));
  await writeFile(join(folder, 'deep/target'), 'old');
  await symlink('deep/target', join(folder, 'link'));
  await symlink('link', join(folder, 'link to link'));
  await symlink('deep/new', join(folder, 'dangling'));
  await symlink('no/where', join(folder, 'astray'));
  const path = (name: string) => join(folder, name);
  await t.throwsAsync(assertFileWritable(path('link')), failed('EXISTS', /link exists already/));
  for (const [name, target, write] of [
    ['link', 'deep/target', (to: string) => writeOutputLines(to, ['a', 'b'], { overwrite: true })],
    ['link to link', 'deep/target', (to: string) => writeOutputFile(to, fill('c'), { overwrite: true })],
    ['dangling', 'deep/new', (to: string) => writeOutputFile(to, fill('d'))],
  ] as const) {
    const before = await readlink(path(name));
    await write(path(name));
    t.is(await readlink(path(name)), before, name);
    t.is(await readFile(path(target), 'utf8'), { link: 'ab', 'link to link': 'c', dangling: 'd' }[name]);
  }
  await t.throwsAsync(assertFileWritable(path('astray')), failed('NOT_FOUND', /astray: there is no folder .*\/no$/));
  await evaluate({ ...evaluation(), details: path('link'), overwrite: true });
  t.true(lstatSync(path('link')).isSymbolicLink());
  t.is(readFileSync(path('deep/target'), 'utf8').trim().split('\n').length, 40);
  t.deepEqual([hidden(folder), readdirSync(path('deep'))], [[], ['new', 'target']]);
});

test('a folder is no file', async (t) => {
  const folder = await temporaryFolder();
  for (const overwrite of [false, true]) {
    const run = { ...evaluation(), overwrite };
    await t.throwsAsync(evaluate({ ...run, details: folder }), failed('IO', /: it is a folder/));
    await t.throwsAsync(fisher({ ...run, out: folder }), failed('IO', /: it is a folder/));
  }
  t.deepEqual(readdirSync(folder), []);
});

test('a FIFO is written through and needs no overwrite; its reader gets what a file would hold', async (t) => {
  const folder = await temporaryFolder();
  const path = (name: string) => join(folder, name);
  const details = readFifo(path('details'));
  await symlink('details', path('link'));
  await evaluate({ ...evaluation(), details: path('link') });
  await evaluate({ ...evaluation(), details: path('plain') });
  t.is(await details.content, readFileSync(path('plain'), 'utf8'));

  const measured = readFifo(path('fisher'), ['sha256sum']);
  await fisher({ ...measuring(), out: path('fisher') });
  await fisher({ ...measuring(), out: path('fisher file') });
  const expected = execFileSync('sha256sum', { input: readFileSync(path('fisher file')), encoding: 'utf8' });
  t.is(await measured.content, expected);
  for (const name of ['details', 'fisher']) t.true(lstatSync(path(name)).isFIFO(), name);
});

test('a reader that leaves is an error that names the FIFO; one that never comes can be stopped', async (t) => {
  const folder = await temporaryFolder();
  const path = join(folder, 'fifo');
  const reader = readFifo(path, ['head', '-c', '5']);
  function* endless() {
    for (;;) yield 'x'.repeat(10_000);
  }
  await t.throwsAsync(writeOutputLines(path, endless()), failed('IO', /cannot write .*fifo: its reader has closed it/));
  t.is(await reader.content, 'xxxxx');
  await t.throwsAsync(writeOutputFile(path, fill('x'), { signal: AbortSignal.timeout(200) }), {
    any: true,
    name: 'TimeoutError',
  });
  t.true(lstatSync(path).isFIFO());
});

test('a socket is written through', async (t) => {
  const path = join(await temporaryFolder(), 'socket');
  const server = createServer({ allowHalfOpen: false }).listen(path);
  await once(server, 'listening');
  const content = once(server, 'connection').then(([socket]) => text(socket as NodeJS.ReadableStream));
  await writeOutputLines(path, ['a\n', 'b\n']);
  t.is(await content, 'a\nb\n');
  t.true(lstatSync(path).isSocket());
  server.close();
  await once(server, 'close');
});

/** A device of its own in a temporary folder: never one of the machine's. */
function device(t: ExecutionContext, path: string, minor: number): boolean {
  try {
    execFileSync('mknod', ['-m', '666', path, 'c', '1', String(minor)], { stdio: 'ignore' });
    execFileSync('sh', ['-c', 'exec 3> "$1"', 'sh', path], { stdio: 'ignore' });
    return true;
  } catch {
    t.log('skipped: this user cannot make devices');
    return false;
  }
}

test('a device is written through and stays one, with --overwrite too; a full one is an error that names it', async (t) => {
  const folder = await temporaryFolder();
  const [nothing, full] = [join(folder, 'nothing'), join(folder, 'full')];
  if (!device(t, nothing, 3) || !device(t, full, 7)) return t.pass();
  for (const overwrite of [false, true]) {
    await evaluate({ ...evaluation(), details: nothing, overwrite });
    await fisher({ ...measuring(), out: nothing, overwrite });
    const noRoom = failed('IO', /cannot write .*\/full: the disk is full/);
    await t.throwsAsync(evaluate({ ...evaluation(), details: full, overwrite }), noRoom);
    await t.throwsAsync(fisher({ ...measuring(), out: full, overwrite }), noRoom);
  }
  for (const path of [nothing, full]) t.true(lstatSync(path).isCharacterDevice());
  t.deepEqual(hidden(folder), []);
  const { code, stderr } = await runCommand(['fisher', ...words(), '--out', full]);
  t.is(code, 1);
  t.regex(stderr, /^(?!.*defect).*\/full: the disk is full\n$/s);
});

const words = () => ['--model', space.path('models/a'), '--data', space.path('data/a'), '--threads', '1', '--quiet'];

test('/dev/stdout is this output, be it a socket, a pipe or a file', async (t) => {
  const args = ['evaluate', ...words(), '--details', '/dev/stdout'];
  const socket = await runCommand(args);
  t.is(socket.code, 0, socket.stderr);
  const lines = socket.stdout.trim().split('\n');
  t.is(lines.length, 41);
  t.regex(lines[40], /^accuracy/);
  const shell = (script: string) =>
    execFileSync('sh', ['-c', script, 'sh', process.execPath, MAIN, ...args], { cwd: folder, encoding: 'utf8' });
  const folder = await temporaryFolder();
  const sorted = (output: string) => output.split('\n').slice(0, 40);
  t.deepEqual(sorted(shell('"$@" | cat')), lines.slice(0, 40));
  shell('"$@" > file');
  t.deepEqual(sorted(readFileSync(join(folder, 'file'), 'utf8')), lines.slice(0, 40));
  t.is(readFileSync(join(folder, 'file'), 'utf8').trim().split('\n').length, 41);
  t.deepEqual(readdirSync(folder), ['file']);
});

test('a closed pipe under /dev/stdout is an error that names it', async (t) => {
  const folder = await temporaryFolder();
  const script = '{ "$@" 2> said; echo $? > code; } | true';
  for (const args of [
    ['evaluate', ...words(), '--details', '/dev/stdout'],
    ['fisher', ...words(), '--out', '/dev/stdout'],
  ]) {
    execFileSync('sh', ['-c', script, 'sh', process.execPath, MAIN, ...args], { cwd: folder });
    t.is(readFileSync(join(folder, 'code'), 'utf8'), '1\n');
    t.is(
      readFileSync(join(folder, 'said'), 'utf8'),
      'dfmerge: cannot write /dev/stdout: its reader has closed it (EPIPE)\n',
    );
  }
  t.true(existsSync('/dev/stdout'));
});
