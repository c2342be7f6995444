import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { recipeForMerge, recipeForSearch, type RecipeInput } from '../lib/recipe/read.js';
import { resolvedRecipe } from '../lib/recipe/resolved.js';
import { MERGE, recipePlace, SEARCH } from './support/recipes.js';

const { folder, file } = recipePlace();

function reading<T>(read: (path: string) => T, text: string): T {
  writeFileSync(file, text);
  return read(file);
}

test('a search recipe is filled with defaults and its paths are resolved against its folder', (t) => {
  t.deepEqual(reading(recipeForSearch, SEARCH), {
    file,
    folder,
    mergeMethod: 'df_merge',
    baseModel: { path: join(folder, 'models/base'), written: 'models/base' },
    models: [
      { path: join(folder, 'models/task_a'), written: 'models/task_a', task: 'a' },
      { path: '/elsewhere/task_b', written: '/elsewhere/task_b', task: 'b' },
    ],
    tasks: [
      { name: 'a', path: join(folder, 'data/a'), written: 'data/a' },
      { name: 'b', path: join(folder, 'data/b'), written: 'data/b' },
    ],
    fisher: { mode: 'exact', samples: 30, split: 'validation', at: 'candidate', epsilon: 1e-12, minWeight: 0 },
    search: {
      acquisition: 'ei',
      xi: 0.01,
      kappa: 2.576,
      init: 10,
      iterations: 50,
      validationRatio: 1,
      earlyStopping: false,
      earlyStoppingMargin: 0,
      seed: 1,
      optimizer: 'default',
      bounds: [0, 1],
    },
    parameters: { normalize: false },
    dtype: 'float32',
    computeDtype: 'float32',
  });
});

test('a task that is a plain path is short for its section, in a file and in an object', (t) => {
  const long = reading(recipeForSearch, SEARCH);
  const short = reading(recipeForSearch, SEARCH.replace('{ data: data/b }', 'data/b'));
  t.deepEqual(short, long);
  t.deepEqual(resolvedRecipe(short).tasks, { a: { data: 'data/a' }, b: { data: 'data/b' } });
  const object: RecipeInput = {
    merge_method: 'df_merge',
    base_model: 'models/base',
    models: [{ model: 'm', task: 'a' }],
    tasks: { a: 'data/a' },
  };
  t.deepEqual(recipeForSearch(object, { folder }).tasks, [
    { name: 'a', path: join(folder, 'data/a'), written: 'data/a' },
  ]);
  t.deepEqual(object.tasks, { a: 'data/a' });
});

test('every setting is read', (t) => {
  const recipe = reading(
    recipeForSearch,
    `${SEARCH}
fisher: { mode: choices, samples: all, split: train, at: model, epsilon: 1e-9, min_weight: 0.02 }
search: { acquisition: ucb, xi: 0, kappa: 1, init: 3, iterations: 4, validation_ratio: 0.05, early_stopping: true, early_stopping_margin: 0.5, seed: 7, optimizer: bayes_opt, bounds: [-0.5, 1.5] }
dtype: float16
compute_dtype: bfloat16`,
  );
  t.deepEqual(recipe.fisher, {
    mode: 'choices',
    samples: 'all',
    split: 'train',
    at: 'model',
    epsilon: 1e-9,
    minWeight: 0.02,
  });
  t.deepEqual(recipe.search, {
    acquisition: 'ucb',
    xi: 0,
    kappa: 1,
    init: 3,
    iterations: 4,
    validationRatio: 0.05,
    earlyStopping: true,
    earlyStoppingMargin: 0.5,
    seed: 7,
    optimizer: 'bayes_opt',
    bounds: [-0.5, 1.5],
  });
  t.is(recipe.dtype, 'float16');
  t.is(recipe.computeDtype, 'bfloat16');
});

test("mergekit's forms: a weight for all models, out_dtype, YAML merge keys", (t) => {
  const recipe = reading(
    recipeForMerge,
    `x: &x { model: m }
merge_method: task_arithmetic
base_model: base
models:
  - { model: a }
  - { model: b, parameters: { weight: 2 } }
parameters: { weight: 0.5 }
dtype: float32
out_dtype: float16`.replace(/^x.*\n/, ''),
  );
  t.deepEqual(
    recipe.models.map(({ coefficient }) => coefficient),
    [0.5, 2],
  );
  t.is(recipe.dtype, 'float16');
  const shared = reading(
    recipeForMerge,
    `merge_method: linear\nbase_model: base\nmodels:\n  - &m { model: a, parameters: { weight: 3 } }\n  - { <<: *m, model: b }\n`,
  );
  t.deepEqual(
    shared.models.map(({ parameters }) => parameters?.weight),
    [3, 3],
  );
});

test('coefficients of each method', (t) => {
  const lambdas = (text: string) => reading(recipeForMerge, text).models.map(({ coefficient }) => coefficient);
  t.deepEqual(lambdas(MERGE), [0.3, -0.1]);
  t.deepEqual(lambdas(SEARCH.replace('df_merge', 'fisher')), [0.5, 0.5]);
  t.deepEqual(
    lambdas(MERGE.replace('gta', 'fisher').replace(/(model: models\/task_.)/g, '$1\n    fisher: f')),
    [0.3, -0.1],
  );
  t.deepEqual(lambdas(SEARCH.replace('df_merge', 'linear')), [0.5, 0.5]);
  const weighted = SEARCH.replace('df_merge', 'linear').replace('task: a', 'task: a\n    parameters: { weight: 3 }');
  t.deepEqual(lambdas(weighted), [0.75, 0.25]);
});

test('df_merge without a Fisher is general task arithmetic', (t) => {
  t.is(reading(recipeForSearch, `${SEARCH}fisher: none\n`).mergeMethod, 'gta');
});

test('a Fisher file stands instead of a task', (t) => {
  const recipe = reading(
    recipeForMerge,
    'merge_method: fisher\nbase_model: base\nmodels:\n  - { model: a, fisher: a/fisher.safetensors }\n',
  );
  t.deepEqual(recipe.models[0].fisher, { path: join(folder, 'a/fisher.safetensors'), written: 'a/fisher.safetensors' });
});

test('an object is read as the YAML is, and its complaints name key paths', (t) => {
  const object: RecipeInput = {
    merge_method: 'gta',
    base_model: 'base',
    models: [{ model: 'a', parameters: { weight: 0.3 } }],
  };
  const recipe = recipeForMerge(object, { folder });
  t.is(recipe.models[0].path, join(folder, 'a'));
  const error = t.throws(() => recipeForMerge({ ...object, models: [{ model: 'a' }] }), { instanceOf: DfMergeError });
  t.regex(error.message, /^models\[0\]\.parameters\.weight is missing; expected a number/);
});

test('the resolved recipe reads back as the same recipe and holds no path of the machine', (t) => {
  for (const [read, text] of [
    [recipeForSearch, SEARCH.replace('/elsewhere/', '')],
    [recipeForMerge, MERGE],
    [recipeForMerge, SEARCH.replace('df_merge', 'linear')],
  ] as const) {
    const recipe = reading<ReturnType<typeof recipeForSearch> | ReturnType<typeof recipeForMerge>>(read, text);
    const resolved = resolvedRecipe(recipe);
    const again = read(resolved as RecipeInput, { folder });
    t.deepEqual({ ...again, file: recipe.file }, recipe);
    t.false(JSON.stringify(resolved).includes(folder) && text !== SEARCH);
  }
});

test('a missing file is NOT_FOUND', (t) => {
  t.throws(() => recipeForMerge(join(folder, 'none.yaml')), {
    instanceOf: DfMergeError,
    code: 'NOT_FOUND',
    message: /there is no recipe/,
  });
});
