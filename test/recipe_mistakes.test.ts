import test from 'ava';
import { recipeForMerge, recipeForSearch } from '../lib/recipe/read.js';
import { complaintsIn, MERGE, recipePlace, SEARCH } from './support/recipes.js';

const { file } = recipePlace();
const complaints = (read: (path: string) => unknown, text: string) => complaintsIn(file, read, text);

const MISTAKES: [name: string, text: string, expected: string[]][] = [
  [
    'unknown key',
    SEARCH.replace('tasks:', 'task:'),
    [
      '8:1: task is not a key of a recipe; expected one of: merge_method, base_model, models, parameters, tasks, fisher, search, dtype, out_dtype, compute_dtype (did you mean tasks?)',
    ],
  ],
  [
    'unknown key in a section',
    `${SEARCH}search:\n  seed: 1\n  iteration: 5\n`,
    [
      '13:3: iteration is not a key of search; expected one of: acquisition, xi, kappa, init, iterations, validation_ratio, early_stopping, early_stopping_margin, seed, optimizer, bounds (did you mean iterations?)',
    ],
  ],
  [
    'unknown key of a task',
    SEARCH.replace('data: data/b', 'data: x, dta: y'),
    ['10:17: dta is not a key of tasks.b; expected one of: data (did you mean data?)'],
  ],
  [
    "mergekit's key",
    `${SEARCH}tokenizer_source: base\n`,
    [
      '11:1: tokenizer_source is not supported by dfmerge (it is a key of mergekit); expected only: merge_method, base_model, models, parameters, tasks, fisher, search, dtype, out_dtype, compute_dtype',
    ],
  ],
  [
    "mergekit's method",
    SEARCH.replace('df_merge', 'dare_ties'),
    [
      '1:15: merge_method dare_ties is not supported yet; expected one of: df_merge, gta, fisher, task_arithmetic, linear',
    ],
  ],
  [
    'misspelt method',
    SEARCH.replace('df_merge', 'dfmerge'),
    [
      '1:15: merge_method is "dfmerge"; expected one of: df_merge, gta, fisher, task_arithmetic, linear (did you mean df_merge?)',
    ],
  ],
  ['duplicate key', `${SEARCH}base_model: other\n`, ['11:1: the key base_model appears twice; expected each key once']],
  ['wrong type', SEARCH.replace('models/base', '5'), ['2:13: base_model is 5; expected text']],
  [
    'no models',
    'merge_method: gta\nbase_model: b\nmodels: []\n',
    ['3:9: models is an empty list; expected at least 1 in the list'],
  ],
  [
    'models of another shape',
    'merge_method: gta\nbase_model: b\nmodels: { a: b }\n',
    ['3:9: models is a section; expected a list'],
  ],
  [
    'range',
    `${SEARCH}search: { validation_ratio: 1.5, init: 0 }\n`,
    [
      '11:29: search.validation_ratio is 1.5; expected a number of at most 1',
      '11:40: search.init is 0; expected an integer of at least 1',
    ],
  ],
  [
    'a margin without early stopping',
    `${SEARCH}search: { early_stopping_margin: 2 }\n`,
    ['11:34: search.early_stopping_margin is 2 without early_stopping; expected early_stopping: true beside it'],
  ],
  [
    'not an integer',
    `${SEARCH}search: { seed: 1.5 }\n`,
    ['11:17: search.seed is 1.5; expected an integer from 0 to 4294967295'],
  ],
  [
    'samples',
    `${SEARCH}fisher: { samples: some }\n`,
    ['11:20: fisher.samples is "some"; expected an integer of at least 1, or all'],
  ],
  [
    'samples 0',
    `${SEARCH}fisher: { samples: 0 }\n`,
    ['11:20: fisher.samples is 0; expected an integer of at least 1, or all'],
  ],
  ['fisher of another kind', `${SEARCH}fisher: 5\n`, ['11:9: fisher is 5; expected a section of settings, or none']],
  [
    'epsilon',
    `${SEARCH}fisher: { epsilon: 0 }\n`,
    [
      '11:20: fisher.epsilon is 0; expected a number of at least 1e-30, by which a merge divides wherever a Fisher is 0',
    ],
  ],
  [
    'an epsilon that float32 rounds to 0',
    `${SEARCH}fisher: { epsilon: 1e-60 }\n`,
    [
      '11:20: fisher.epsilon is 1e-60; expected a number of at least 1e-30, by which a merge divides wherever a Fisher is 0',
    ],
  ],
  [
    'negative min_weight',
    `${SEARCH}fisher: { min_weight: -0.1 }\n`,
    ['11:23: fisher.min_weight is -0.1; expected a number from 0 to 1'],
  ],
  [
    'min_weight above 1',
    `${SEARCH}fisher: { min_weight: 1.5 }\n`,
    ['11:23: fisher.min_weight is 1.5; expected a number from 0 to 1'],
  ],
  [
    'min_weight that is no number',
    `${SEARCH}fisher: { min_weight: .nan }\n`,
    ['11:23: fisher.min_weight is NaN; expected a number from 0 to 1'],
  ],
  [
    'min_weight of a word',
    `${SEARCH}fisher: { min_weight: low }\n`,
    ['11:23: fisher.min_weight is "low"; expected a number from 0 to 1'],
  ],
  [
    'min_weight with sampled',
    `${SEARCH}fisher: { mode: sampled, min_weight: 0.01 }\n`,
    [
      '11:38: fisher.min_weight is 0.01 with mode sampled, which draws from all choices and skips none; expected 0, or another mode',
    ],
  ],
  [
    'unknown key of fisher',
    `${SEARCH}fisher: { sample: 3 }\n`,
    [
      '11:11: sample is not a key of fisher; expected one of: mode, samples, split, at, epsilon, min_weight (did you mean samples?)',
    ],
  ],
  [
    'bounds',
    `${SEARCH}search: { bounds: [1, 0] }\n`,
    ['11:19: search.bounds is a list of 2; expected two numbers, the lower limit first: [lower, upper]'],
  ],
  [
    'bounds of one',
    `${SEARCH}search: { bounds: [1] }\n`,
    ['11:19: search.bounds is a list of 1; expected two numbers: [lower, upper]'],
  ],
  [
    'task name',
    SEARCH.replace('df_merge', 'gta').replace('    task: b\n', '').replace('b: {', '-b: {'),
    [
      '9:3: tasks.-b is a section; expected a name of letters, digits, spaces and ._:/- that starts with a letter or digit',
    ],
  ],
  [
    'not in tasks',
    SEARCH.replace('task: b', 'task: bb'),
    ['7:11: models[1].task is bb, which is not in tasks; expected one of: a, b (did you mean b?)'],
  ],
  [
    'shared task',
    SEARCH.replace('task: b', 'task: a'),
    ['7:11: models[1].task is a, like models[0].task; expected a task of its own for each model'],
  ],
  [
    'weights in a search',
    SEARCH.replace('task: b', 'task: b\n    parameters: { weight: 1 }'),
    ['8:27: models[1].parameters.weight is what a search looks for; expected none (or use merge)'],
  ],
  [
    'tasks missing',
    SEARCH.replace(/^tasks:[^]*/m, '').replace(/ {4}task.*\n/g, ''),
    ['1:1: tasks is missing; expected at least one, whose validation accuracy the search can raise'],
  ],
  [
    'model without task',
    SEARCH.replace('    task: b\n', ''),
    ['6:5: models[1].task is missing; expected a task, whose inputs its Fisher is measured on: one of: a, b'],
  ],
  [
    'nothing to search',
    SEARCH.replace('df_merge', 'linear'),
    [
      '1:15: merge_method linear has no coefficients to search; expected one of: df_merge, gta, task_arithmetic (or use merge)',
    ],
  ],
  [
    'the base as a model',
    SEARCH.replace('models/task_a', 'models/base'),
    [
      '4:12: models[0].model is the base model, which adds nothing to a merge of task vectors; expected a model fine-tuned from it',
    ],
  ],
  [
    'logei',
    `${SEARCH}search: { optimizer: bayes_opt, acquisition: logei }\n`,
    ['11:46: search.acquisition is logei, which optimizer bayes_opt does not have; expected one of: ei, ucb'],
  ],
  ['empty', '', ['1:1: the recipe is empty; expected a section of keys and values']],
  ['empty section', `${SEARCH}search:\n`, ['11:1: search is empty; expected a section of keys and values']],
];

for (const [name, text, expected] of MISTAKES) {
  test(`mistake in a search: ${name}`, (t) => {
    t.deepEqual(complaints(recipeForSearch, text), expected);
  });
}

const MERGE_MISTAKES: [name: string, text: string, expected: string[]][] = [
  [
    'weight missing',
    MERGE.replace('    parameters: { weight: 0.3 }\n', ''),
    [
      '4:5: models[0].parameters.weight is missing; expected a number, the coefficient of this model (search finds good ones)',
    ],
  ],
  [
    'weight per layer',
    MERGE.replace('0.3', '[0.3, 0.4]'),
    [
      '5:27: models[0].parameters.weight is a list of 2; expected one number for the whole model (weights per layer or by filter are not supported)',
    ],
  ],
  ['weight not finite', MERGE.replace('0.3', '.nan'), ['5:27: models[0].parameters.weight is NaN; expected a number']],
  [
    'unsupported parameter',
    MERGE.replace('{ weight: 0.3 }', '{ weight: 0.3, density: 0.5 }'),
    ['5:32: models[0].parameters.density is not supported by dfmerge (it is a key of mergekit); expected only: weight'],
  ],
  [
    'weights with fisher, not for all',
    SEARCH.replace('df_merge', 'fisher').replace('task: a', 'task: a\n    parameters: { weight: 0.5 }'),
    [
      '7:5: models[1].parameters.weight is missing; expected a number, the coefficient of this model (search finds good ones)',
    ],
  ],
  [
    'tasks for the Fisher',
    MERGE.replace('gta', 'df_merge'),
    [
      '1:1: tasks is missing; expected { NAME: { data: FOLDER } } for each model, to measure its Fisher on (or models[].fisher: a fisher.safetensors)',
      ...[0, 1].map(
        (index) =>
          `${4 + 2 * index}:5: models[${index}].task is missing; expected the name of the task its Fisher is measured on (or fisher: a fisher.safetensors)`,
      ),
    ],
  ],
  [
    'fisher of none',
    SEARCH.replace('df_merge', 'fisher') + 'fisher: none\n',
    ['11:9: fisher is none; expected a section of settings with merge_method fisher (without Fisher it is linear)'],
  ],
  [
    'weights that cancel',
    MERGE.replace('gta', 'linear').replace('-0.1', '-0.3'),
    ['3:1: the weights add up to 0; expected a sum other than 0 to divide them by'],
  ],
  [
    'not normalised',
    `${MERGE.replace('gta', 'linear')}parameters: { normalize: false }\n`,
    [
      '8:26: parameters.normalize is false and the weights add up to 0.19999999999999998; expected a sum of 1 with linear (task_arithmetic takes any weights)',
    ],
  ],
  [
    'two dtypes',
    `${MERGE}dtype: bfloat16\nout_dtype: float16\n`,
    [
      '8:8: dtype is bfloat16 beside an out_dtype; expected float32, or only one of the two (both are of the output; how the engine computes is compute_dtype)',
    ],
  ],
  [
    'computing in float16',
    `${MERGE}compute_dtype: float16\n`,
    ['8:16: compute_dtype is "float16"; expected float32 or bfloat16 (a model overflows in float16)'],
  ],
  [
    'computing in a type there is not',
    `${MERGE}compute_dtype: float23\n`,
    ['8:16: compute_dtype is "float23"; expected one of: float32, bfloat16 (did you mean float32?)'],
  ],
];

for (const [name, text, expected] of MERGE_MISTAKES) {
  test(`mistake in a merge: ${name}`, (t) => {
    t.deepEqual(complaints(recipeForMerge, text), expected);
  });
}

test('YAML that cannot be parsed is reported where it breaks', (t) => {
  const [first] = complaints(recipeForMerge, 'merge_method: gta\nmodels: [a, b\nbase_model: c\n');
  t.regex(first, /^\d+:\d+: /);
});

test('mistakes within misspelt sections are found where they stand, each once', (t) => {
  const text = SEARCH.replace('tasks:', 'task:')
    .replace('data: data/b', 'daa: 5')
    .replace('base_model', 'base_modle')
    .replace('task: b', 'tsk: c');
  t.deepEqual(
    complaints(recipeForSearch, text).map((line) => line.replace(/expected one of: .* \(/, '(')),
    [
      '2:1: base_modle is not a key of a recipe; (did you mean base_model?)',
      '7:5: tsk is not a key of models[1]; (did you mean task?)',
      '8:1: task is not a key of a recipe; (did you mean tasks?)',
      '10:8: daa is not a key of tasks.b; (did you mean data?)',
      '10:13: tasks.b.data is 5; expected text',
    ],
  );
});

test('many mistakes are reported together, ten at most', (t) => {
  const keys = Array.from({ length: 14 }, (_, index) => `zz${index}: 1\n`).join('');
  const lines = complaints(recipeForSearch, `${SEARCH}${keys}`);
  t.is(lines.length, 11);
  t.is(lines[10], '… and 4 more');
});
