// `dfmerge check` and --dry-run: every problem at once, nothing left behind, and what a run would do.
import { existsSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import test from 'ava';
import { check, merge, recipeForMerge, type CheckResult } from '../lib/index.js';
import { assertCanCreate } from '../lib/core/machine.js';
import { runCommand } from './support/command.js';
import { makeWorkspace } from './support/workspace.js';

test('a sound recipe: models, tasks, memory, disk and time, and nothing is written', async (t) => {
  const space = await makeWorkspace();
  const before = readdirSync(space.dir, { recursive: true });
  const { code, stdout, stderr } = await runCommand(['check', 'recipe.yaml', '--out', 'x/y', '--json'], {
    cwd: space.dir,
  });
  t.is(code, 0, stderr);
  const result = JSON.parse(stdout) as CheckResult;
  t.deepEqual(result.problems, []);
  t.like(result, { purpose: 'search', compare: ['base', 'fine-tuned', 'average'] });
  t.deepEqual(
    result.models.map(({ model, architecture, dtype }) => [model, architecture, dtype]),
    ['base', 'a', 'b'].map((name) => [`models/${name}`, 'T5', 'F32']),
  );
  const [a] = result.tasks;
  t.deepEqual(
    a.splits.map(({ split, rows, labelled }) => [split, rows, labelled]),
    [
      ['validation', 40, 40],
      ['trial', 20, 20],
      ['test', 24, 24],
      ['fisher', 5, 5],
    ],
  );
  const { memory, disk, time, models } = result;
  t.true((memory?.needed ?? 0) > 20 * models[0].parameters);
  t.true((disk?.needed ?? 0) > 4 * models[0].parameters);
  t.is(time?.trials, 8);
  t.true((time?.seconds ?? 0) > 8 * (time?.trialSeconds ?? Infinity));
  t.deepEqual(readdirSync(space.dir, { recursive: true }), before);
});

test('all problems are told, each with its place, and the exit code says so', async (t) => {
  const space = await makeWorkspace();
  await rm(space.path('models', 'b'), { recursive: true });
  await rm(space.path('data', 'a', 'validation.jsonl'));
  await space.variant('bad.yaml', (text) => text);
  const args = ['check', 'bad.yaml', '--out', 'models/a', '--json'];
  const { code, stdout } = await runCommand(args, { cwd: space.dir });
  t.is(code, 1);
  const { problems } = JSON.parse(stdout) as CheckResult;
  const places = problems.map(({ file, line, message }) => `${file ?? ''}:${line ?? ''} ${message}`);
  t.true(
    places.some((place) => /^bad\.yaml:6 .*models\/b/.test(place)),
    places.join('\n'),
  );
  t.true(
    places.some((place) => /^bad\.yaml:9 .*validation\.jsonl/.test(place)),
    places.join('\n'),
  );
  t.true(
    places.some((place) => /models\/a: it is the model/.test(place)),
    places.join('\n'),
  );
  const shown = await runCommand(['check', 'bad.yaml'], { cwd: space.dir });
  t.is(shown.code, 1);
  t.regex(shown.stdout, /^problem: bad\.yaml:6:\d+: /m);
  t.regex(shown.stdout, /^2 problems\.$/m);
});

test('mistakes in a recipe and in rows are told with their lines, several at a time', async (t) => {
  const space = await makeWorkspace();
  const bad = await space.variant('bad.yaml', (text) => text.replace('seed: 4', 'seed: -4').replace('mode:', 'mod:'));
  const { problems } = await check(bad, { purpose: 'search' });
  t.deepEqual(
    problems.map(({ line, code }) => [line, code]),
    [
      [11, 'INVALID_RECIPE'],
      [12, 'INVALID_RECIPE'],
    ],
  );
  for (const name of ['a', 'b']) await writeFile(space.path('data', name, 'validation.jsonl'), '\n{"input": 3}\n');
  const rows = await check(space.recipe, { time: false });
  t.deepEqual(
    rows.problems.map(({ code, line }) => [code, line]),
    [
      ['INVALID_DATA', 2],
      ['INVALID_DATA', 2],
    ],
  );
});

test('--dry-run of search and merge checks for that command and does nothing else', async (t) => {
  const space = await makeWorkspace();
  const run = (args: string[]) => runCommand([...args, '--out', 'x', '--dry-run', '--no-cache'], { cwd: space.dir });
  const searched = await run(['search', 'recipe.yaml']);
  t.is(searched.code, 0, searched.stderr);
  t.regex(searched.stdout, /^search by DF-Merge, seed 4$/m);
  t.regex(searched.stdout, /^Time: about .*8 trials/m);
  const merged = await run(['merge', 'recipe.yaml']);
  t.is(merged.code, 1, 'a merge needs weights');
  t.regex(merged.stdout, /^problem: recipe\.yaml:\d+:\d+: models\[0\]\.parameters\.weight is missing/m);
  t.false(existsSync(space.path('x')));
  t.false(existsSync(space.path('x.journal.jsonl')));
});

test('comparisons that cannot be made and data that mean nothing are problems and warnings of a check', async (t) => {
  const space = await makeWorkspace();
  const gta = await space.variant('g.yaml', (text) => text.replace('df_merge', 'gta').replace(/\n {4}task: ./g, ''));
  const asked = await check(gta, { compare: ['fisher'], time: false });
  t.deepEqual(
    asked.problems.map(({ code, message }) => [code, message.slice(0, 19)]),
    [['INVALID_ARGUMENT', 'comparison fisher: ']],
  );
  const row = JSON.stringify({ input: 'a', choices: ['red'], label: 0 });
  await writeFile(space.path('data', 'a', 'test.jsonl'), `${row}\n`.repeat(9));
  const { warnings } = await check(space.recipe, { time: false });
  t.true(warnings.some((message) => /^task a: all 9 rows of .*test\.jsonl have a single choice/.test(message)));
});

test('a merge tells of all that is missing at once, before it makes a folder', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForMerge(
    await space.variant('w.yaml', (text) => text.replace(/task: (.)/g, 'task: $1\n    parameters: { weight: 0.5 }')),
  );
  for (const name of ['a', 'b']) await rm(space.path('models', name), { recursive: true });
  await t.throwsAsync(merge(recipe, { out: space.path('deep', 'er') }), { message: /models\/a[^]*\n[^]*models\/b/ });
  t.false(existsSync(space.path('deep')));
});

test('an output that cannot be made is known before the work', async (t) => {
  const space = await makeWorkspace();
  await writeFile(space.path('file'), '');
  await t.throwsAsync(assertCanCreate(space.path('file', 'x')), { code: 'NOT_FOUND', message: /expected a folder/ });
  await t.throwsAsync(assertCanCreate('/proc/x'), { message: /^cannot write \/proc\/x/ });
  const { problems } = await check(space.recipe, { out: '/proc/x', time: false });
  t.true(problems.some(({ message }) => message.startsWith('cannot write /proc/x')));
});
