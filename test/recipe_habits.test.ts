// Mistakes of recipes that people bring along from shells, from mergekit and from YAML itself.
import { homedir } from 'node:os';
import test from 'ava';
import { recipeForMerge, recipeForSearch } from '../lib/recipe/read.js';
import { complaintsIn, MERGE, recipePlace, SEARCH } from './support/recipes.js';

const { file } = recipePlace();
const complaints = (read: (path: string) => unknown, text: string) => complaintsIn(file, read, text);

const MISTAKES: [name: string, text: string, expected: string[]][] = [
  [
    'a seed beyond 32 bits',
    `${SEARCH}search: { seed: 4294967296 }\n`,
    ['11:17: search.seed is 4294967296; expected an integer from 0 to 4294967295'],
  ],
  [
    'a seed in quotes',
    `${SEARCH}search: { seed: "1" }\n`,
    ['11:17: search.seed is "1"; expected an integer from 0 to 4294967295'],
  ],
  [
    'a negative seed',
    `${SEARCH}search: { seed: -1 }\n`,
    ['11:17: search.seed is -1; expected an integer from 0 to 4294967295'],
  ],
  [
    'bounds whose width is infinite',
    `${SEARCH}search: { bounds: [-1e308, 1e308] }\n`,
    [
      '11:20: search.bounds[0] is -1e+308; expected a number that float32 holds, up to 3.4e38 in size',
      '11:28: search.bounds[1] is 1e+308; expected a number that float32 holds, up to 3.4e38 in size',
    ],
  ],
  [
    'the home folder of a shell',
    SEARCH.replace('models/task_a', '~/task_a'),
    [
      `4:12: models[0].model is "~/task_a"; expected the folder itself, since only a shell replaces ~: ${homedir()}/task_a`,
    ],
  ],
  [
    'the home folder of a shell, for data',
    SEARCH.replace('data/b', '~/b'),
    [`10:14: tasks.b.data is "~/b"; expected the folder itself, since only a shell replaces ~: ${homedir()}/b`],
  ],
  [
    'the home folder of a shell, for a task that is only a path',
    SEARCH.replace('{ data: data/b }', '~/b'),
    [`10:6: tasks.b.data is "~/b"; expected the folder itself, since only a shell replaces ~: ${homedir()}/b`],
  ],
  [
    'a task that is a number',
    SEARCH.replace('{ data: data/b }', '5'),
    ['10:6: tasks.b is 5; expected a section of keys and values'],
  ],
  [
    'a task that is an empty path',
    SEARCH.replace('{ data: data/b }', '""'),
    ['10:6: tasks.b.data is ""; expected a path or name'],
  ],
  [
    'tasks as a list',
    SEARCH.replace(/^tasks:[^]*/m, 'tasks: [a, b]\n'),
    ['8:8: tasks is a list of 2; expected a section of names and values (such as NAME: { data: FOLDER })'],
  ],
  [
    'no base',
    SEARCH.replace('base_model: models/base\n', ''),
    ['1:1: base_model is missing; expected text (the folder of the model that the others were fine-tuned from)'],
  ],
  [
    'a tab',
    SEARCH.replace('    task: b', '\ttask: b'),
    ['7:1: the line begins with a tab; expected spaces, since YAML takes no tabs as indentation'],
  ],
  ['two documents', `${SEARCH}---\n${SEARCH}`, ['11:1: a second document begins here; expected one recipe per file']],
];

for (const [name, text, expected] of MISTAKES) {
  test(`mistake in a search: ${name}`, (t) => {
    t.deepEqual(complaints(recipeForSearch, text), expected);
  });
}

const MERGE_MISTAKES: typeof MISTAKES = [
  [
    "mergekit's linear without a base",
    'merge_method: linear\nmodels:\n  - model: models/task_a\n  - model: models/task_b\n',
    [
      "1:1: base_model is missing; expected text (mergekit's linear has none; here it gives the output its config, tensor names and tokenizer, and may be one of the models, such as base_model: models/task_a)",
    ],
  ],
  [
    'models as a list of folders',
    'merge_method: linear\nbase_model: a\nmodels: [a, b]\n',
    [
      '3:10: models[0] is "a"; expected a section of keys and values (such as { model: a })',
      '3:13: models[1] is "b"; expected a section of keys and values (such as { model: b })',
    ],
  ],
  [
    'a weight that float32 does not hold',
    MERGE.replace('0.3', '1e300'),
    ['5:27: models[0].parameters.weight is 1e+300; expected a number that float32 holds, up to 3.4e38 in size'],
  ],
];

for (const [name, text, expected] of MERGE_MISTAKES) {
  test(`mistake in a merge: ${name}`, (t) => {
    t.deepEqual(complaints(recipeForMerge, text), expected);
  });
}

test("mergekit's linear with one of its models as the base is a recipe", (t) => {
  const text =
    'merge_method: linear\nbase_model: models/task_a\nmodels:\n  - model: models/task_a\n  - model: models/task_b\n';
  t.deepEqual(complaints(recipeForMerge, text), []);
});
