// The command lines that an interrupted command prints can be pasted into a shell as they are; a record is merged again by one.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { commandLine, resumingWords, shellQuoted } from '../lib/cli/shell.js';
import { runCommand, startCommand } from './support/command.js';
import { makeWorkspace, recordWithoutTiming } from './support/workspace.js';

const MAIN = fileURLToPath(new URL('../lib/cli/main.js', import.meta.url));
const AWKWARD = 'it\'s «größer» $HOME `a` "b" \\ *?!# &;|<>(){}[] ~ 日本';
const weights = (out: string) => readFile(join(out, 'model.safetensors'));

/** The environment of a shell in which `dfmerge` is a command. */
async function shellEnvironment(folder: string): Promise<NodeJS.ProcessEnv> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'dfmerge'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  await chmod(join(folder, 'dfmerge'), 0o755);
  return { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
}

test('a quoted word is one word to a shell, with the same characters', (t) => {
  const words = ['plain', 'a=b', '', AWKWARD, '-dash', 'a\nb', "\t'\u001b[31m\\n'", '~', "'", '\u007f'];
  const line = ['printf', "'%s\\0'", ...words.map((word) => (word === '' ? "''" : shellQuoted(word)))].join(' ');
  t.deepEqual(execFileSync('bash', ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1), words);
  // eslint-disable-next-line no-control-regex
  t.notRegex(line, /[\x00-\x1f]/, 'a terminal that shows it does nothing else');
});

test('a search goes on with every word that it began with, and with what its environment decides', (t) => {
  t.deepEqual(resumingWords(['search', 'r', '--out', 'o', '--compare', 'base', 'fisher']), [
    ...['search', 'r', '--out', 'o', '--compare', 'base', 'fisher', '--resume'],
  ]);
  t.deepEqual(resumingWords(['search', '--repair', '--resume', '--out=-o', '--', '--resume']), [
    ...['search', '--out=-o', '--resume', '--', '--resume'],
  ]);
  t.is(
    commandLine(['search', 'a b'], { DFMERGE_ISA: 'avx2', DFMERGE_CACHE: '/my cache', OTHER: 'x' }),
    "DFMERGE_ISA=avx2 DFMERGE_CACHE='/my cache' dfmerge search 'a b'",
  );
});

test('the line of an interrupted search, pasted into a shell, ends with the bytes of one that was not', async (t) => {
  const space = await makeWorkspace();
  const env = await shellEnvironment(space.path('bin'));
  const recipe = `-${AWKWARD}.yaml`;
  await rename(space.recipe, space.path(recipe));
  const settings = [
    '--seed',
    '9',
    '--compare',
    'base',
    'task_arithmetic',
    '--compute-dtype',
    'bfloat16',
    '--threads=1',
  ];
  const command = (out: string) => ['search', `--out=${out}`, ...settings, '--no-cache', '--overwrite', '--', recipe];
  const options = { cwd: space.dir, env: { DFMERGE_ISA: 'scalar' } };
  const { code } = await runCommand(command('whole'), options);
  t.is(code, 0);

  const out = `-out ${AWKWARD.replaceAll('/', '')}`;
  const { child, finished } = startCommand(command(out), options);
  child.stderr?.on('data', (data: Buffer) => {
    if (data.toString().includes('trial 2/8')) child.kill('SIGINT');
  });
  const { code: stopped, stderr } = await finished;
  t.is(stopped, 130);
  t.false(existsSync(space.path(out)));
  const line = /Go on with: (.*)$/m.exec(stderr)![1];
  await promisify(execFile)('bash', ['-c', line], { cwd: space.dir, env });
  t.deepEqual(await weights(space.path(out)), await weights(space.path('whole')));
  t.deepEqual(await recordWithoutTiming(space.path(out)), await recordWithoutTiming(space.path('whole')));
});

test('an interrupted fine-tuning says that nothing was written, and how to begin anew', async (t) => {
  const space = await makeWorkspace();
  const env = await shellEnvironment(space.path('bin'));
  const words = ['finetune', '--model', 'models/base', '--data', 'data/a', '--out', 'my child', '--steps', '40'];
  const { child, finished } = startCommand([...words, '--batch', '4', '--evaluate-every', '2'], { cwd: space.dir });
  child.stderr?.on('data', (data: Buffer) => {
    if (data.toString().includes('step 2/')) child.kill('SIGINT');
  });
  const { code, stderr } = await finished;
  t.is(code, 130);
  t.regex(stderr, /nothing was written to my child/);
  t.false(existsSync(space.path('my child')));
  const line = /Begin anew with: (.*)$/m.exec(stderr)![1];
  await promisify(execFile)('bash', ['-c', line], { cwd: space.dir, env });
  t.true(existsSync(space.path('my child', 'model.safetensors')));
});

test('merge --from merges again at the best trial or another one, in any dtype, without weights being typed', async (t) => {
  const space = await makeWorkspace();
  const run = async (...words: string[]) => {
    const { code, stderr } = await runCommand([...words, '--threads', '1'], { cwd: space.dir });
    t.is(code, 0, stderr);
  };
  await run('search', 'recipe.yaml', '--out', 'merged', '--compare', 'none');
  const record = JSON.parse(await readFile(space.path('merged', 'dfmerge.json'), 'utf8')) as {
    best: { trial: number };
    trials: { trial: number; coefficients: number[] }[];
  };
  await run('merge', '--from', 'merged/dfmerge.json', '--out', 'again');
  t.deepEqual(await weights(space.path('again')), await weights(space.path('merged')));
  await run('merge', '--from', 'merged/dfmerge.json', '--trial', '2', '--dtype', 'bfloat16', '--out', 'second');
  const second = (await recordWithoutTiming(space.path('second'))) as {
    coefficients: number[];
    recipe: { dtype: string };
  };
  t.deepEqual(second.coefficients, record.trials[1].coefficients);
  t.is(second.recipe.dtype, 'bfloat16');

  const refused = async (words: string[], message: RegExp) => {
    const { code, stderr } = await runCommand(['merge', '--out', 'none', ...words], { cwd: space.dir });
    t.is(code, 2, stderr);
    t.regex(stderr, message);
    t.false(existsSync(space.path('none')));
  };
  await refused([], /merge needs a recipe, or --from FILE/);
  await refused(['recipe.yaml', '--from', 'merged/dfmerge.json'], /not both/);
  await refused(['recipe.yaml', '--trial', '2'], /--trial goes with --from FILE/);
  await refused(['--from', 'merged/dfmerge.json', '--trial', '99'], /trial 99: .* has trials 1 to 8/);
});

test('search --repair goes on with a damaged journal, which --resume alone refuses with the way out', async (t) => {
  const space = await makeWorkspace();
  const words = ['search', 'recipe.yaml', '--out', 'merged', '--threads', '1', '--compare', 'none'];
  t.is((await runCommand(words, { cwd: space.dir })).code, 0);
  const journal = space.path('merged', 'journal.jsonl');
  const before = await weights(space.path('merged'));
  const lines = (await readFile(journal, 'utf8')).split('\n');
  await writeFile(journal, lines.with(6, '{"event":').join('\n'));
  const { code, stderr } = await runCommand([...words, '--resume'], { cwd: space.dir });
  t.is(code, 1);
  t.regex(stderr, /journal\.jsonl:7: .*Lines 1 to 6 of this journal are good.*--repair/);
  const repaired = await runCommand([...words, '--repair'], { cwd: space.dir });
  t.is(repaired.code, 0, repaired.stderr);
  t.deepEqual(await weights(space.path('merged')), before);
  t.true(existsSync(space.path('merged.journal.jsonl.damaged-1')));
});
