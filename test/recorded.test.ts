// Merging again from the record of a merged folder.
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import test from 'ava';
import { merge } from '../lib/commands/merge.js';
import { search } from '../lib/commands/search.js';
import { recipeForMerge, recipeForSearch } from '../lib/recipe/read.js';
import { recipeFromRecord } from '../lib/recipe/recorded.js';
import type { RunRecord } from '../lib/run/record.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

const weights = (out: string) => readFile(`${out}/model.safetensors`);

/** A workspace whose recipe lies in a folder of its own, searched into another. */
async function searched(
  change = (text: string) => text,
): Promise<{ space: Workspace; record: RunRecord; out: string }> {
  const space = await makeWorkspace();
  const text = change(await readFile(space.recipe, 'utf8'));
  await mkdir(space.path('recipes'));
  const file = space.path('recipes', 'recipe.yaml');
  await writeFile(file, text.replaceAll('models/', '../models/').replaceAll('data/', '../data/'));
  const out = space.path('results', 'merged');
  const record = await search(recipeForSearch(file), { out, threads: 1, compare: [] });
  return { space, record, out };
}

for (const method of ['df_merge', 'gta', 'task_arithmetic']) {
  test(`${method}: merged from its record, a search's model has the same bytes, and each trial its own coefficients`, async (t) => {
    const { space, record, out } = await searched((text) => text.replace('df_merge', method));
    t.is(record.recipeFolder, '../../recipes');
    const file = `${out}/dfmerge.json`;
    await merge(recipeFromRecord(file), { out: space.path('again'), threads: 1 });
    t.deepEqual(await weights(space.path('again')), await weights(out));
    const best = record.best!.trial;
    const other = record.trials.find(({ coefficients }) => coefficients.join() !== record.coefficients.join())!;
    await merge(recipeFromRecord(file, { trial: best, dtype: 'bfloat16' }), { out: space.path('half'), threads: 1 });
    const half = JSON.parse(await readFile(space.path('half', 'dfmerge.json'), 'utf8')) as RunRecord;
    t.is(half.recipe.dtype, 'bfloat16');
    t.deepEqual(half.coefficients, record.coefficients);
    const merged = await merge(recipeFromRecord(file, { trial: other.trial }), {
      out: space.path('other'),
      threads: 1,
    });
    t.deepEqual(merged.coefficients, other.coefficients);
    t.notDeepEqual(await weights(space.path('other')), await weights(out));

    // The record of that merge is one to merge from in its turn, and a recipe to run.
    await merge(recipeFromRecord(space.path('other', 'dfmerge.json')), { out: space.path('third'), threads: 1 });
    t.deepEqual(await weights(space.path('third')), await weights(space.path('other')));
    t.deepEqual(
      recipeForMerge(space.path('other', 'dfmerge.json')),
      recipeFromRecord(space.path('other', 'dfmerge.json')),
    );
  });
}

test('a merge from a record whose inputs have changed says so, and one from the same inputs does not', async (t) => {
  const { space, out } = await searched();
  const file = `${out}/dfmerge.json`;
  const same = await merge(recipeFromRecord(file), { out: space.path('same'), threads: 1 });
  t.is(same.warnings, undefined);
  const path = space.path('models', 'b', 'model.safetensors');
  const bytes = await readFile(path);
  bytes[bytes.length - 4] ^= 1;
  await writeFile(path, bytes);
  const other = await merge(recipeFromRecord(file), { out: space.path('other'), threads: 1 });
  t.is(other.warnings?.length, 1);
  t.regex(other.warnings![0], /not the merge that .*dfmerge\.json tells of.*: models\.1 \(\.\.\/models\/b\)$/);
});

test('averaging has no trials, and is repeated from its record to the same bytes', async (t) => {
  const space = await makeWorkspace();
  const recipe = await space.variant('linear.yaml', (text) =>
    text.replace('df_merge', 'linear').replace('task: a', 'task: a\n    parameters: { weight: 0.3 }'),
  );
  await merge(recipeForMerge(recipe), { out: space.path('merged'), threads: 1 });
  const file = space.path('merged', 'dfmerge.json');
  await merge(recipeFromRecord(file), { out: space.path('again'), threads: 1 });
  t.deepEqual(await weights(space.path('again')), await weights(space.path('merged')));
  t.throws(() => recipeFromRecord(file, { trial: 1 }), { code: 'INVALID_ARGUMENT', message: /has no trials/ });
});

test('a record is a recipe that can be run again from any folder, moved along with its models or reached by a link', async (t) => {
  const { space, record, out } = await searched();
  const again = await search(recipeForSearch(`${out}/dfmerge.json`), {
    out: space.path('again'),
    threads: 1,
    compare: [],
  });
  t.deepEqual(again.trials, record.trials);
  t.is(again.recipeFolder, '../recipes');
  t.deepEqual(await weights(space.path('again')), await weights(out));

  const whole = `${space.dir}-moved`;
  await symlink(out, space.path('link'));
  t.is(recipeFromRecord(space.path('link', 'dfmerge.json')).folder, space.path('recipes'));
  await cp(space.dir, whole, { recursive: true });
  await rename(space.path('models'), space.path('gone'));
  t.is(recipeFromRecord(`${whole}/results/merged/dfmerge.json`).baseModel.path, `${whole}/models/base`);
  t.throws(() => recipeFromRecord(`${out}/dfmerge.json`), {
    code: 'NOT_FOUND',
    message: /there is no model \.\.\/models\/base in .*recipes, .*--recipe-folder/,
  });
  const moved = recipeFromRecord(`${out}/dfmerge.json`, { folder: `${whole}/recipes` });
  t.is(moved.baseModel.path, `${whole}/models/base`);
  await rm(whole, { recursive: true });
});

test('the record names no folder of the machine', async (t) => {
  const { space, out } = await searched();
  for (const name of ['dfmerge.json', 'report.html', 'journal.jsonl'])
    t.false((await readFile(`${out}/${name}`, 'utf8')).includes(space.dir), name);
});

test('what is no record, or has no such trial, is an error that names the file', async (t) => {
  const { space, out } = await searched();
  const file = `${out}/dfmerge.json`;
  t.throws(() => recipeFromRecord(file, { trial: 9 }), {
    code: 'INVALID_ARGUMENT',
    message: `trial 9: ${file} has trials 1 to 8`,
  });
  t.throws(() => recipeFromRecord(space.path('none.json')), { code: 'NOT_FOUND' });
  const failed = {
    ...(JSON.parse(await readFile(file, 'utf8')) as object),
    failed: [{ trial: 9, coefficients: [1, 1], reason: 'NaN' }],
  };
  await writeFile(space.path('failed.json'), JSON.stringify(failed));
  t.throws(() => recipeFromRecord(space.path('failed.json'), { trial: 9 }), { message: 'trial 9: it failed: NaN' });
  for (const text of [
    '{',
    '[]',
    '{}',
    'null',
    '{"dfmerge":"1","recipe":{"models":[]},"coefficients":[1],"trials":[]}',
  ]) {
    await writeFile(space.path('bad.json'), text);
    t.throws(() => recipeFromRecord(space.path('bad.json')), { code: 'INVALID_DATA', message: /bad\.json/ }, text);
  }
});
