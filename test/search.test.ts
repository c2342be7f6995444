// A search from its recipe to the merged folder, and what is left where it is interrupted.
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import test from 'ava';
import { recipeForMerge, recipeForSearch } from '../lib/recipe/read.js';
import { merge } from '../lib/commands/merge.js';
import { journalPath, search } from '../lib/commands/search.js';
import type { RunRecord } from '../lib/run/record.js';
import { makeWorkspace, recordWithoutTiming, type Workspace } from './support/workspace.js';
import { runCommand, startCommand } from './support/command.js';

const weights = (out: string) => readFile(`${out}/model.safetensors`);

async function searched(space: Workspace, name: string): Promise<{ out: string; record: RunRecord }> {
  const out = space.path(name);
  return { out, record: await search(recipeForSearch(space.recipe), { out, threads: 1 }) };
}

test('a search writes a model folder with record, report and journal', async (t) => {
  const space = await makeWorkspace();
  const { out, record } = await searched(space, 'out');
  t.deepEqual((await readdir(out)).sort(), [
    'README.md',
    'config.json',
    'dfmerge.json',
    'journal.jsonl',
    'model.safetensors',
    'report.html',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  t.false(existsSync(journalPath(out)));
  t.is(record.trials.length, 8);
  t.is(record.best?.objective, Math.max(...record.trials.map(({ objective }) => objective)));
  t.deepEqual(
    record.tasks.map(({ name, validation, test: held }) => [name, validation.examples, held?.examples]),
    [
      ['a', 40, 24],
      ['b', 40, 24],
    ],
  );
  t.deepEqual(
    record.comparisons.map(({ label }) => label),
    ['base', 'fine-tuned (each on its own task)', 'average'],
  );
  t.deepEqual(JSON.parse(await readFile(`${out}/dfmerge.json`, 'utf8')), JSON.parse(JSON.stringify(record)));
  t.deepEqual(
    (await readdir(space.dir)).filter((name) => name.startsWith('.')),
    [],
  );
});

test('the best trial is the merge at its coefficients', async (t) => {
  const space = await makeWorkspace();
  const { out, record } = await searched(space, 'out');
  const [a, b] = record.coefficients;
  const recipe = await space.variant('merge.yaml', (text) =>
    text
      .replace('task: a', `task: a\n    parameters: { weight: ${a} }`)
      .replace('task: b', `task: b\n    parameters: { weight: ${b} }`),
  );
  await merge(recipeForMerge(recipe), { out: space.path('merged'), threads: 2 });
  t.deepEqual(await weights(space.path('merged')), await weights(out));
});

test('the same seed gives the same bytes for any number of threads; another seed does not', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(space.recipe);
  await search(recipe, { out: space.path('one'), threads: 1 });
  await search(recipe, { out: space.path('three'), threads: 3 });
  t.deepEqual(await weights(space.path('one')), await weights(space.path('three')));
  const other = await search(
    { ...recipe, search: { ...recipe.search, seed: 5 } },
    { out: space.path('other'), threads: 1 },
  );
  t.notDeepEqual(
    other.trials[1].coefficients,
    ((await recordWithoutTiming(space.path('one'))) as RunRecord).trials[1].coefficients,
  );
});

test('killed after any trial, or at any moment between, a search resumes to the same bytes', async (t) => {
  const space = await makeWorkspace();
  const whole = await searched(space, 'whole');
  const expected = { weights: await weights(whole.out), record: await recordWithoutTiming(whole.out) };
  // The process is killed after so many lines of progress and a delay in milliseconds, which ends in the next trial or in the final writing.
  const kills: [trial: number, delay: number][] = [
    [1, 0],
    [2, 3],
    [3, 7],
    [4, 1],
    [5, 12],
    [6, 5],
    [7, 9],
    [8, 0],
    [8, 15],
    [8, 40],
    [8, 80],
  ];
  for (const [trial, delay] of kills) {
    const out = space.path(`killed-${trial}-${delay}`);
    const { child, finished } = startCommand(['search', space.recipe, '--out', out, '--threads', '1']);
    child.stderr?.on('data', (data: Buffer) => {
      if (data.toString().includes(`trial ${trial}/8`)) setTimeout(() => child.kill('SIGKILL'), delay);
    });
    await finished;
    const resumed = await runCommand(['search', space.recipe, '--out', out, '--resume', '--threads', '2']);
    t.is(resumed.code, 0, `killed after trial ${trial}: ${resumed.stderr}`);
    t.deepEqual(await weights(out), expected.weights, `weights, killed ${delay} ms after trial ${trial}`);
    const record = (await recordWithoutTiming(out)) as RunRecord;
    t.deepEqual(
      { ...record, environment: { ...record.environment, threads: 1 } },
      expected.record,
      `record, killed ${delay} ms after trial ${trial}`,
    );
    t.false(existsSync(journalPath(out)));
    t.deepEqual(
      (await readdir(space.dir)).filter((name) => name.startsWith(`.killed-${trial}-${delay}.`)),
      [],
      'nothing half written stays',
    );
  }
});

test('Ctrl-C ends after the current slice and says how to resume', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('out');
  const { child, finished } = startCommand(['search', space.recipe, '--out', out, '--compute-dtype', 'bfloat16']);
  child.stderr?.on('data', (data: Buffer) => {
    if (data.toString().includes('trial 2/8')) child.kill('SIGINT');
  });
  const { code, stderr } = await finished;
  t.is(code, 130);
  t.regex(stderr, /Go on with: (DFMERGE_CACHE=off )?dfmerge search .* --compute-dtype bfloat16 --resume/);
  t.false(existsSync(out));
  t.true(existsSync(journalPath(out)));
});

test('a journal that is there is not overwritten, nor resumed under another recipe', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('out');
  const controller = new AbortController();
  const recipe = recipeForSearch(space.recipe);
  const onTrial = ({ trial }: { trial: number }) => trial === 2 && controller.abort();
  await t.throwsAsync(search(recipe, { out, signal: controller.signal, onTrial }), { any: true, name: 'AbortError' });
  await t.throwsAsync(search(recipe, { out }), { code: 'EXISTS', message: /--resume/ });
  await t.throwsAsync(search({ ...recipe, search: { ...recipe.search, xi: 0.5 } }, { out, resume: true }), {
    code: 'MISMATCH',
    message: /recipe\.search\.xi: 0\.01 there, 0\.5 now/,
  });
  const record = await search({ ...recipe, search: { ...recipe.search, iterations: 6 } }, { out, resume: true });
  t.is(record.trials.length, 9, 'more iterations go on with the same search');
});

test('what min_weight leaves out is kept by trial and with the merge, and an interruption changes nothing of it', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(
    await space.variant('skipping.yaml', (text) => text.replace('samples: 5', 'samples: 5, min_weight: 0.3')),
  );
  const options = { threads: 2, compare: ['average', 'fisher'] as const };
  const record = await search(recipe, { ...options, out: space.path('whole') });
  t.is(record.recipe.fisher.min_weight, 0.3);
  const kept = [...record.trials, ...record.comparisons.filter(({ label }) => label === 'Fisher merging'), record].map(
    ({ skipped }) => skipped,
  );
  t.is(kept.length, 10);
  for (const tasks of kept) {
    t.deepEqual(Object.keys(tasks ?? {}), ['a', 'b']);
    for (const { skipped, choices, meanMass, maxMass } of Object.values(tasks ?? {})) {
      t.true(skipped > 0 && skipped < choices);
      t.true(meanMass > 0 && meanMass <= maxMass && maxMass < 0.3 * 2, 'three choices a row: at most two are skipped');
    }
  }
  t.deepEqual(record.skipped, record.trials[record.best!.trial - 1].skipped);
  t.is(record.comparisons.find(({ label }) => label === 'average')?.skipped, undefined);
  t.regex(await readFile(space.path('whole', 'report.html'), 'utf8'), /Choices left out of the Fishers/);

  const controller = new AbortController();
  const out = space.path('stopped');
  await t.throwsAsync(
    search(recipe, {
      ...options,
      out,
      signal: controller.signal,
      onTrial: ({ trial }) => trial === 4 && controller.abort(),
    }),
    { any: true, name: 'AbortError' },
  );
  await search(recipe, { ...options, out, resume: true });
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('whole')));
  t.deepEqual(await weights(out), await weights(space.path('whole')));
});

test('without min_weight neither the journal nor the record nor the report speaks of choices that were skipped', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('out');
  const controller = new AbortController();
  const recipe = recipeForSearch(space.recipe);
  await t.throwsAsync(
    search(recipe, { out, signal: controller.signal, onTrial: ({ trial }) => trial === 2 && controller.abort() }),
    { any: true, name: 'AbortError' },
  );
  t.notRegex(await readFile(journalPath(out), 'utf8'), /skipped/);
  await search(recipe, { out, resume: true });
  for (const file of ['dfmerge.json', 'report.html'])
    t.notRegex(await readFile(`${out}/${file}`, 'utf8'), /skipped|left out/, file);
});

test('in bfloat16 a search that was interrupted resumes to the same bytes, its best trial is the merge there, and another dtype is refused', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(await space.variant('bfloat16.yaml', (text) => `${text}compute_dtype: bfloat16\n`));
  const whole = await search(recipe, { out: space.path('whole'), threads: 2 });
  t.is(whole.recipe.compute_dtype, 'bfloat16');
  t.is(whole.environment.computeDtype, 'bfloat16');

  const out = space.path('stopped');
  const controller = new AbortController();
  await t.throwsAsync(
    search(recipe, {
      out,
      threads: 2,
      signal: controller.signal,
      onTrial: ({ trial }) => trial === 4 && controller.abort(),
    }),
    { any: true, name: 'AbortError' },
  );
  await t.throwsAsync(search(recipe, { out, resume: true, computeDtype: 'float32' }), {
    code: 'MISMATCH',
    message: /recipe\.compute_dtype: "bfloat16" there, "float32" now/,
  });
  await search(recipe, { out, threads: 2, resume: true });
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('whole')));
  t.deepEqual(await weights(out), await weights(space.path('whole')));

  const [a, b] = whole.coefficients;
  const merging = await space.variant('merge.yaml', (text) =>
    text
      .replace('task: a', `task: a\n    parameters: { weight: ${a} }`)
      .replace('task: b', `task: b\n    parameters: { weight: ${b} }`),
  );
  await merge(recipeForMerge(merging), { out: space.path('merged'), computeDtype: 'bfloat16' });
  t.deepEqual(await weights(space.path('merged')), await weights(space.path('whole')));
  await merge(recipeForMerge(merging), { out: space.path('in-float32') });
  t.notDeepEqual(await weights(space.path('in-float32')), await weights(space.path('whole')));
});

test('a journal in float32 is not resumed in bfloat16', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('out');
  const controller = new AbortController();
  const recipe = recipeForSearch(space.recipe);
  await t.throwsAsync(
    search(recipe, { out, signal: controller.signal, onTrial: ({ trial }) => trial === 1 && controller.abort() }),
    { any: true, name: 'AbortError' },
  );
  await t.throwsAsync(search(recipe, { out, resume: true, computeDtype: 'bfloat16' }), {
    code: 'MISMATCH',
    message: /recipe\.compute_dtype: "float32" there, "bfloat16" now/,
  });
  await search(recipe, { out, resume: true, computeDtype: 'float32' });
  const record = JSON.parse(await readFile(`${out}/dfmerge.json`, 'utf8')) as RunRecord;
  t.is(record.recipe.compute_dtype, 'float32');
});

test('resuming a search that has ended gives its record', async (t) => {
  const space = await makeWorkspace();
  const { out, record } = await searched(space, 'out');
  const again = await search(recipeForSearch(space.recipe), { out, resume: true });
  t.deepEqual(again.trials, JSON.parse(JSON.stringify(record.trials)));
  await rm(out, { recursive: true });
});

for (const method of ['gta', 'task_arithmetic'] as const) {
  test(`${method} is searched without a Fisher`, async (t) => {
    const space = await makeWorkspace();
    const recipe = await space.variant(`${method}.yaml`, (text) =>
      text.replace('df_merge', method).replace(/fisher:.*\n/, ''),
    );
    const record = await search(recipeForSearch(recipe), { out: space.path(method), compare: [] });
    t.is(record.trials.length, method === 'gta' ? 8 : 11);
    t.is(record.timing.phases.fisher, 0);
    if (method === 'task_arithmetic')
      t.deepEqual(
        record.trials.map(({ coefficients }) => coefficients[1]),
        [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
      );
  });
}
