// What is known before the work starts is said before it starts, and nothing is left behind.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import {
  evaluate,
  finetune,
  fisher,
  merge,
  recipeForMerge,
  recipeForSearch,
  search,
  type FinetuneOptions,
  type MeasureOptions,
  type ProgressEvent,
} from '../lib/index.js';
import { jsonText } from '../lib/core/json.js';
import { runCommand } from './support/command.js';
import { makeWorkspace } from './support/workspace.js';

const BAD_SEEDS = [-1, 1.5, 2 ** 32, Number.NaN, '1' as unknown as number];

test('a search with a seed that cannot be leaves nothing behind, and goes through once it is corrected', async (t) => {
  const space = await makeWorkspace();
  for (const seed of ['4294967296', '-1', '1.5', 'x']) {
    const { code, stderr } = await runCommand(['search', 'recipe.yaml', '--out', 'x', '--seed', seed], {
      cwd: space.dir,
    });
    t.not(code, 0);
    t.regex(stderr, /--seed .*: expected a whole number from 0 to 4294967295/);
    t.false(existsSync(space.path('x.journal.jsonl')), 'no journal is in the way of the corrected command');
  }
  const { code, stderr } = await runCommand(['search', 'recipe.yaml', '--out', 'x', '--seed', '4294967295'], {
    cwd: space.dir,
  });
  t.is(code, 0, stderr);
});

test('every function of the library refuses a seed that cannot be, by its name and before it reads anything', async (t) => {
  const space = await makeWorkspace();
  for (const seed of BAD_SEEDS) {
    const refused = {
      code: 'INVALID_ARGUMENT',
      message: /^(\w+: )?seed .*[:;] expected a whole number from 0 to 4294967295$/,
    };
    const recipe = recipeForSearch(space.recipe);
    recipe.search.seed = seed;
    await t.throwsAsync(search(recipe, { out: space.path('x'), onProgress: () => t.fail() }), refused);
    const once = recipeForMerge(await space.variant('w.yaml', weighted));
    once.search.seed = seed;
    await t.throwsAsync(merge(once, { out: space.path('x'), onProgress: () => t.fail() }), refused);
    const paths = { model: space.path('nowhere'), data: space.path('nowhere'), out: space.path('x') };
    await t.throwsAsync(fisher({ ...paths, seed }), refused);
    await t.throwsAsync(finetune({ ...paths, steps: 1, batchSize: 1, learningRate: 1, seed }), refused);
  }
  t.false(existsSync(space.path('x.journal.jsonl')));
});

const weighted = (text: string) => text.replace(/task: (.)/g, 'task: $1\n    parameters: { weight: 0.5 }');

test('settings that a program has changed since it read the recipe are checked as the recipe was', async (t) => {
  const space = await makeWorkspace();
  for (const change of [{ bounds: [1, 0] }, { bounds: [0, Infinity] }, { kappa: Number.NaN }]) {
    const recipe = recipeForSearch(space.recipe);
    Object.assign(recipe.search, change);
    const [name] = Object.keys(change);
    await t.throwsAsync(search(recipe, { out: space.path('x') }), {
      code: 'INVALID_RECIPE',
      message: new RegExp(`^search: ${name}`),
    });
  }
  const counts = { init: 0, iterations: -1, validationRatio: 2, earlyStoppingMargin: Number.NaN };
  for (const [name, value] of Object.entries(counts)) {
    const recipe = recipeForSearch(space.recipe);
    Object.assign(recipe.search, { [name]: value });
    const refused = { code: 'INVALID_ARGUMENT', message: new RegExp(`^search.${name} ${value}: expected a`) };
    await t.throwsAsync(search(recipe, { out: space.path('x') }), refused);
  }
  t.false(existsSync(space.path('x.journal.jsonl')));
});

test('options that are no numbers are refused by name before a file is read', async (t) => {
  const paths = { model: 'nowhere', data: 'nowhere', out: 'nowhere/x' };
  const training = { ...paths, steps: 1, batchSize: 1, learningRate: 0.1, seed: 1 };
  const word = 'many' as unknown as number;
  const calls: [name: string, call: () => Promise<unknown>][] = [
    ...(['samples', 'epsilon', 'coefficient'] as const).map((name): [string, () => Promise<unknown>] => [
      name,
      () => fisher({ ...paths, [name]: word } satisfies MeasureOptions),
    ]),
    ...(
      ['steps', 'batchSize', 'learningRate', 'warmup', 'weightDecay', 'beta1', 'epsilon', 'evaluateEvery'] as const
    ).map((name): [string, () => Promise<unknown>] => [
      name,
      () => finetune({ ...training, [name]: Number.NaN } satisfies FinetuneOptions),
    ]),
    ...(['threads', 'batchMemory'] as const).map((name): [string, () => Promise<unknown>] => [
      name,
      () => evaluate({ model: paths.model, data: paths.data, [name]: Number.NaN }),
    ]),
  ];
  for (const [name, call] of calls) {
    await t.throwsAsync(call(), {
      code: 'INVALID_ARGUMENT',
      message: new RegExp(`^(\\w+: )?${name} (is )?(NaN|"many")[:;] expected `),
    });
  }
  await t.throwsAsync(fisher({ ...paths, coefficient: 0.5 }), {
    code: 'INVALID_ARGUMENT',
    message: /coefficient .*base/,
  });
});

/** A recipe of general task arithmetic whose models belong to no tasks. */
const withoutTasks = (text: string) => text.replace('df_merge', 'gta').replace(/\n {4}task: ./g, '');

for (const compare of ['fisher', 'fine-tuned', 'averge']) {
  test(`a comparison that the recipe cannot make is refused before any work: ${compare}`, async (t) => {
    const space = await makeWorkspace();
    const recipe = recipeForSearch(await space.variant('gta.yaml', withoutTasks));
    const events: ProgressEvent[] = [];
    const known = compare === 'averge' ? 'compare holds "averge"; .*did you mean average' : `comparison ${compare}: `;
    const refused = { code: 'INVALID_ARGUMENT', message: new RegExp(`^(\\w+: )?${known}`) };
    const options = {
      out: space.path('x'),
      compare: [compare],
      onProgress: (event: ProgressEvent) => events.push(event),
    };
    await t.throwsAsync(search(recipe, options), refused);
    const once = recipeForMerge(await space.variant('w.yaml', (text) => withoutTasks(weighted(text))));
    await t.throwsAsync(merge(once, options), refused);
    t.deepEqual(events, []);
    t.false(existsSync(space.path('x.journal.jsonl')));
    t.false(existsSync(space.path('x')));
  });
}

test('models without tasks are searched, and neither record nor report has a mean of nothing', async (t) => {
  const space = await makeWorkspace();
  await space.variant('gta.yaml', withoutTasks);
  const { code, stderr } = await runCommand(['search', 'gta.yaml', '--out', 'x', '--quiet'], { cwd: space.dir });
  t.is(code, 0, stderr);
  t.regex(stderr, /^warning: the comparison fine-tuned is left out: no model of the recipe has a task of its own/m);
  const text = await readFile(space.path('x', 'dfmerge.json'), 'utf8');
  t.notRegex(text, /null/);
  const record = JSON.parse(text) as { comparisons: { label: string }[]; warnings: string[] };
  t.deepEqual(
    record.comparisons.map(({ label }) => label),
    ['base', 'average'],
  );
  t.is(record.warnings.length, 1);
  t.notRegex(await readFile(space.path('x', 'report.html'), 'utf8'), /NaN|undefined/);
});

test('a mean over some of the tasks is not passed off as one over all', async (t) => {
  const space = await makeWorkspace();
  await space.variant('gta.yaml', (text) => text.replace('df_merge', 'gta').replace('\n    task: b', ''));
  const { code, stderr } = await runCommand(['search', 'gta.yaml', '--out', 'x', '--quiet'], { cwd: space.dir });
  t.is(code, 0, stderr);
  t.regex(stderr, /^warning: no model belongs to b: the mean of fine-tuned is over a alone/m);
});

test('a comparison of a merge needs a task with labels, and rows without them are told by task and number', async (t) => {
  const space = await makeWorkspace();
  const rows = (label: boolean) =>
    Array.from({ length: 4 }, (_, i) =>
      JSON.stringify({ input: 'a', choices: ['red', 'blue'], ...(label && i > 0 ? { label: 0 } : {}) }),
    ).join('\n');
  for (const name of ['a', 'b']) {
    await writeFile(space.path('data', name, 'validation.jsonl'), rows(name === 'a'));
    await writeFile(space.path('data', name, 'test.jsonl'), rows(false));
  }
  const recipe = recipeForMerge(await space.variant('w.yaml', weighted));
  const out = space.path('x');
  await t.throwsAsync(merge(recipe, { out, compare: ['base'] }), {
    code: 'INVALID_ARGUMENT',
    message: 'comparison base: no task has labels to evaluate it by',
  });
  const { tasks, warnings = [] } = await merge(recipe, { out });
  t.deepEqual(tasks, []);
  t.is(warnings.length, 1);
  t.regex(warnings[0], /^task a: 1 of 4 rows of .*validation\.jsonl have no label/);
});

test('a fine-tuned model that is no better than its base on its own task is named in the record', async (t) => {
  const space = await makeWorkspace();
  const same = (name: string) => space.path('models', name, 'model.safetensors');
  await writeFile(same('a'), await readFile(same('base')));
  const record = await search(recipeForSearch(space.recipe), { out: space.path('x') });
  const warning = (record.warnings ?? []).find((message) => message.startsWith('models/a does not beat the base'));
  t.regex(warning ?? '', /on its own task a: ([\d.]+) % against \1 %/);
});

test('a number that is not finite is never written as null', (t) => {
  t.is(jsonText({ a: [1, null] }), '{\n  "a": [\n    1,\n    null\n  ]\n}\n');
  t.throws(() => jsonText({ a: { b: [1, Number.NaN] } }), { code: 'NUMERIC', message: /^a\.b\.1 is NaN/ });
});

test('a label of -1 is told what to be', async (t) => {
  const space = await makeWorkspace();
  await writeFile(
    space.path('data', 'a', 'validation.jsonl'),
    '{"input": "a", "choices": ["red"], "label": 0}\n{"input": "a", "choices": ["red", "blue"], "label": -1}\n',
  );
  await t.throwsAsync(evaluate({ model: space.path('models', 'a'), data: space.path('data', 'a') }), {
    code: 'INVALID_DATA',
    message:
      /validation\.jsonl:2: label -1 is not an index into the 2 choices \(0 to 1\); a row without an answer has no "label" at all$/,
  });
});
