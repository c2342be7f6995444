// What the functions say of arguments that they cannot take, and what may stand for a recipe.
import { parse } from 'yaml';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import * as library from '../lib/index.js';
import type { RecipeInput } from '../lib/index.js';
import { makeWorkspace } from './support/workspace.js';

const call = (name: string, ...parameters: unknown[]): Promise<unknown> =>
  Promise.resolve().then(() =>
    (library as unknown as Record<string, (...all: unknown[]) => unknown>)[name](...parameters),
  );

const WRONG: [name: string, parameters: unknown[], message: RegExp][] = [
  ['search', [], /search: options are undefined; expected an object with at least out/],
  ['search', ['r.yaml', {}], /search: option out is missing; expected a path/],
  ['search', ['r.yaml', { out: 5 }], /search: out is 5; expected a path/],
  ['search', ['r.yaml', { out: 'x', resum: true }], /search: unknown option resum; did you mean resume\?/],
  ['search', [5, { out: 'x' }], /search: the recipe is 5; expected the path/],
  ['search', [{ mergeMethod: 'gta' }, { out: 'x' }], /search: the recipe has no baseModel/],
  ['search', ['r.yaml', { out: 'x', compare: ['bse'] }], /search: compare holds "bse"; expected .*did you mean base/],
  ['merge', [undefined, { out: 'x' }], /merge: the recipe is undefined/],
  ['merge', ['r.yaml', { out: 'x', threads: 0 }], /merge: threads is 0; expected a whole number from 1 to 1024/],
  ['merge', ['r.yaml', { out: 'x', signal: {} }], /merge: signal is an object; expected an AbortSignal/],
  ['merge', ['r.yaml', { out: 'x', dtype: 'float32' }], /merge: unknown option dtype/],
  ['evaluate', [{ model: 'm' }], /evaluate: option data is missing/],
  [
    'evaluate',
    [{ model: 'm', data: 'd', split: 'tets' }],
    /split is "tets"; expected train, validation or test; did you mean test\?/,
  ],
  ['fisher', [{ model: 'm', data: 'd', out: 'f', samples: 0 }], /fisher: samples is 0/],
  ['fisher', [{ model: 'm', data: 'd', out: 'f', seed: 2 ** 32 }], /fisher: seed is 4294967296/],
  ['finetune', [{ model: 'm', data: 'd', out: 'o', steps: 1.5 }], /finetune: steps is 1\.5/],
  ['finetune', [{ model: 'm', data: 'd', out: 'o', batch: 5 }], /finetune: unknown option batch/],
  ['demo', [{}], /demo: option out is missing/],
];

test('a wrong argument is INVALID_ARGUMENT with the name of the function and the option', async (t) => {
  for (const [name, parameters, message] of WRONG)
    await t.throwsAsync(call(name, ...parameters), { name: 'DfMergeError', code: 'INVALID_ARGUMENT', message }, name);
});

test('a signal that has fired keeps every function from doing anything, and its own reason is what they reject with', async (t) => {
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  const folders = { model: 'nowhere', data: 'nowhere', out: 'nowhere', signal };
  for (const [name, ...parameters] of [
    ['search', 'nowhere.yaml', { out: 'x', signal }],
    ['merge', 'nowhere.yaml', { out: 'x', signal }],
    ['evaluate', { model: 'nowhere', data: 'nowhere', signal }],
    ['fisher', folders],
    ['finetune', folders],
    ['demo', { out: 'nowhere', signal }],
  ] as const)
    t.is(await call(name, ...parameters).catch((error: unknown) => error), reason, name);
  const late = await call('merge', 'x', { out: 'x', signal: AbortSignal.abort() }).catch((error: unknown) => error);
  t.is((late as Error).name, 'AbortError');
});

test('a path and the keys of the YAML as an object stand for a recipe', async (t) => {
  const space = await makeWorkspace();
  const file = await space.variant('linear.yaml', (text) =>
    text
      .replace('df_merge', 'linear')
      .replaceAll('models/', `${space.dir}/models/`)
      .replaceAll('data/', `${space.dir}/data/`),
  );
  const keys = parse(await readFile(file, 'utf8')) as RecipeInput;
  const options = { evaluate: false, threads: 1, cache: false } as const;
  const read = await library.merge(library.recipeForMerge(file), { ...options, out: space.path('read') });
  const path = await library.merge(file, { ...options, out: space.path('path') });
  const object = await library.merge(keys, { ...options, out: space.path('object') });
  t.deepEqual(path.coefficients, read.coefficients);
  t.deepEqual(object.coefficients, read.coefficients);
  const searching = library.recipeForSearch(space.recipe);
  await t.throwsAsync(call('merge', searching, { out: space.path('x') }), {
    code: 'INVALID_ARGUMENT',
    message: /was read for a search; expected one of recipeForMerge/,
  });
});
