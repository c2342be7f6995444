import { link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { assertFileSpares, assertFolderSpares } from '../lib/core/inputs.js';
import {
  DfMergeError,
  evaluate,
  finetune,
  fisher,
  merge,
  recipeForMerge,
  recipeForSearch,
  search,
} from '../lib/index.js';
import { treeOf } from './support/tree.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace } from './support/workspace.js';

const refused = (message: RegExp) => ({ instanceOf: DfMergeError, code: 'INVALID_ARGUMENT', message });

const WEIGHTED = `merge_method: gta
base_model: models/base
models:
  - { model: models/a, task: a, parameters: { weight: 1 } }
  - { model: models/b, task: b, fisher: fishers/b.safetensors, parameters: { weight: 1 } }
tasks: { a: { data: data/a }, b: { data: data/b } }
`;

test('no folder that a run reads is written, whatever link or spelling leads there, and the run does nothing', async (t) => {
  const space = await makeWorkspace();
  const recipe = await space.variant('weighted.yaml', () => WEIGHTED);
  await mkdir(space.path('fishers'));
  await writeFile(space.path('fishers/b.safetensors'), '');
  await symlink('models/a', space.path('link to a'));
  await symlink('models', space.path('link to models'));
  const before = await treeOf(space.dir);
  const cases: [out: string, message: RegExp][] = [
    ['models/base', /models\/base: it is the base model .*, which this run reads/],
    ['models/a', /it is the model models\/a/],
    ['link to a', /link to a: it is the model models\/a/],
    ['link to models/../models/b/', /it is the model models\/b/],
    ['models', /it holds the base model/],
    ['.', /it holds the base model/],
    ['models/a/merged', /it lies in the model models\/a/],
    ['link to a/some/where', /it lies in the model models\/a/],
    ['data/a', /it is the data of task a/],
    ['data/b/new', /it lies in the data of task b/],
    ['fishers', /it holds the Fisher fishers\/b.safetensors/],
  ];
  for (const [out, message] of cases) {
    const options = { out: space.path(out), overwrite: true, threads: 1 };
    await t.throwsAsync(merge(recipeForMerge(recipe), options), refused(message), out);
    if (out !== 'fishers')
      await t.throwsAsync(search(recipeForSearch(space.recipe), { ...options, resume: true }), refused(message), out);
  }
  const training = {
    model: space.path('models/a'),
    data: space.path('data/a'),
    steps: 1,
    batchSize: 1,
    learningRate: 1,
  };
  for (const out of ['models/a', 'data/a', 'link to a', 'models', 'models/a/b'])
    await t.throwsAsync(
      finetune({ ...training, seed: 1, overwrite: true, threads: 1, out: space.path(out) }),
      refused(/which this run reads/),
      out,
    );
  t.deepEqual(await treeOf(space.dir), before);
});

test('the recipe of a run is not written over', async (t) => {
  const space = await makeWorkspace();
  const folder = await temporaryFolder();
  const text = (await readFile(space.recipe, 'utf8')).replaceAll(/(models|data)\//g, `${space.dir}/$1/`);
  await writeFile(join(folder, 'recipe.yaml'), text);
  const recipe = recipeForSearch(join(folder, 'recipe.yaml'));
  await t.throwsAsync(search(recipe, { out: folder, overwrite: true }), refused(/it holds the recipe/));
  await t.throwsAsync(search(recipe, { out: recipe.file as string, overwrite: true }), refused(/it is the recipe/));
});

test('no file that a run reads is written; others beside it are', async (t) => {
  const space = await makeWorkspace();
  await link(space.path('models/a/model.safetensors'), space.path('same file'));
  await symlink('../data/a/validation.jsonl', space.path('models/linked.jsonl'));
  const before = await treeOf(space.dir);
  const run = { model: space.path('models/a'), data: space.path('data/a'), threads: 1, overwrite: true };
  for (const [name, message] of [
    ['models/a', /it is the model/],
    ['models/a/model.safetensors', /it belongs to the model/],
    ['models/a/model.safetensors.index.json', /it belongs to the model/], // It is not there and would be read.
    ['models/a/vocab.json', /it belongs to the model/],
    ['same file', /it belongs to the model/],
    ['data/a/test.jsonl', /it belongs to the data/],
    ['models/linked.jsonl', /it belongs to the data/],
  ] as const) {
    const file = space.path(name);
    await t.throwsAsync(evaluate({ ...run, details: file }), refused(message), name);
    await t.throwsAsync(fisher({ ...run, samples: 1, out: file }), refused(message), name);
  }
  t.deepEqual(await treeOf(space.dir), before);
  await fisher({ ...run, samples: 1, out: space.path('models/a/fisher.safetensors') });
  await evaluate({ ...run, details: space.path('data/a/details.jsonl') });
  t.is((await treeOf(space.dir)).length, before.length + 2);
});

test('what is not there protects nothing, and its neighbours are free', async (t) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'model'));
  const inputs = [
    { path: join(folder, 'model'), what: 'the model' },
    { path: join(folder, 'missing'), what: 'nothing' },
  ];
  await assertFolderSpares(join(folder, 'model2'), inputs);
  await assertFolderSpares(join(folder, 'missing'), inputs);
  await assertFileSpares(join(folder, 'a/b'), inputs);
  await t.throwsAsync(assertFolderSpares(folder, inputs), refused(/it holds the model/));
});
