// Every exported function and class is called with values of wrong types, and says which argument is wrong.
import { join } from 'node:path';
import test from 'ava';
import * as library from '../lib/index.js';
import { makeWorkspace } from './support/workspace.js';

/** A value of every type, and objects that look like nothing that is expected. */
const WRONG: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  'a number': 5,
  NaN: Number.NaN,
  'an empty text': '',
  true: true,
  'a symbol': Symbol('x'),
  'a big integer': 5n,
  'a function': () => 1,
  'an array': [{}],
  'an empty object': {},
  'an object without a prototype': Object.create(null) as object,
  'an object with an unknown key': { quite: 1 },
};

const OBJECTS = ['an empty object', 'an object without a prototype'];

interface Call {
  /** The function's name and the argument's, which the message has. */
  of: string;
  argument: string;
  call: (value: unknown) => unknown;
  /** The names of those values that are right, or for which another code is. */
  but?: readonly string[];
}

type Any = (...parameters: unknown[]) => unknown;
const exported = library as unknown as Record<string, Any>;
const Optimizer = library.BayesianOptimizer as unknown as new (options: unknown) => Record<'tell', Any>;
const optimizer = () => new Optimizer({ bounds: [[0, 1]] });

/** A call with the value as the argument at a place of a list that is right otherwise. */
function call(
  of: string,
  argument: string,
  { at, right, but }: { at: number; right: unknown[]; but?: string[] },
): Call {
  return { of, argument, but, call: (value) => exported[of](...right.with(at, value)) };
}

const OPTIONS = 'options';
const CALLS: Call[] = [
  ...['search', 'merge'].flatMap((of) => [
    call(of, 'recipe', {
      at: 0,
      right: ['r.yaml', { out: 'out' }],
      but: [...OBJECTS, 'an object with an unknown key'],
    }),
    call(of, OPTIONS, { at: 1, right: ['r.yaml', { out: 'out' }], but: [] }),
  ]),
  call('check', 'recipe', { at: 0, right: ['r.yaml'], but: [...OBJECTS, 'an object with an unknown key'] }),
  call('check', OPTIONS, { at: 1, right: ['r.yaml', {}], but: ['undefined', ...OBJECTS] }),
  ...[
    'evaluate',
    'fisher',
    'finetune',
    'demo',
    'checkEvaluate',
    'checkFisher',
    'checkFinetune',
    'report',
    'compareRuns',
  ].map((of) => call(of, OPTIONS, { at: 0, right: [{}] })),
  ...['recipeForMerge', 'recipeForSearch'].flatMap((of) => [
    call(of, 'recipe', { at: 0, right: ['r.yaml'], but: [...OBJECTS, 'an object with an unknown key'] }),
    call(of, OPTIONS, { at: 1, right: ['r.yaml', {}], but: ['undefined', ...OBJECTS] }),
  ]),
  call('recipeFromRecord', 'file', { at: 0, right: ['r.json'] }),
  call('recipeFromRecord', OPTIONS, { at: 1, right: ['r.json', {}], but: ['undefined', ...OBJECTS] }),
  call('journalPath', 'out', { at: 0, right: ['out'] }),
  call('openModel', 'dir', { at: 0, right: ['model'] }),
  call('openModel', OPTIONS, { at: 1, right: ['model', {}], but: ['undefined', ...OBJECTS] }),
  call('renderReport', 'record', { at: 0, right: [{}] }),
  call('demoTable', 'result|table', { at: 0, right: [{}] }),
  call('predict', 'nll', { at: 0, right: [[1], [1]] }),
  call('predict', 'tokens', { at: 1, right: [[1], [1]] }),
  { of: 'BayesianOptimizer', argument: 'options|bounds|is no option', call: (value) => new Optimizer(value) },
  { of: 'BayesianOptimizer', argument: 'bounds', call: (bounds) => new Optimizer({ bounds }) },
  { of: 'BayesianOptimizer', argument: 'bounds', call: (pair) => new Optimizer({ bounds: [pair] }) },
  {
    of: 'BayesianOptimizer',
    argument: 'bounds',
    call: (low) => new Optimizer({ bounds: [[low, 9]] }),
    but: ['a number'],
  },
  ...['seed', 'xi', 'kappa', 'init'].map((name): Call => ({
    of: 'BayesianOptimizer',
    argument: name,
    call: (value) => new Optimizer({ bounds: [[0, 1]], [name]: value }),
    but: ['undefined', 'a number'],
  })),
  ...['acquisition', 'mode'].map((name): Call => ({
    of: 'BayesianOptimizer',
    argument: name,
    call: (value) => new Optimizer({ bounds: [[0, 1]], [name]: value }),
    but: ['undefined'],
  })),
  { of: 'BayesianOptimizer', argument: 'point|Coordinate', call: (x) => optimizer().tell(x, 1) },
  { of: 'BayesianOptimizer', argument: 'Coordinate', call: (x) => optimizer().tell([x], 1) },
  { of: 'BayesianOptimizer', argument: 'value', call: (y) => optimizer().tell([0], y), but: ['a number'] },
  { of: 'BayesianOptimizer', argument: 'state', call: (state) => library.BayesianOptimizer.from(state as never) },
];

/** Those that take no argument, and errors, which are made by the library alone. */
const WITHOUT = ['info', 'DfMergeError', 'OptimizerError'];

test('every exported function and class has a place in the table', (t) => {
  const functions = Object.keys(exported).filter((name) => typeof exported[name] === 'function');
  const known = new Set([...CALLS.map(({ of }) => of), ...WITHOUT]);
  t.deepEqual(
    functions.filter((name) => !known.has(name)),
    [],
  );
});

for (const { of, argument, call: attempt, but = [] } of CALLS)
  test(`${of}: ${argument}: ${attempt.toString()}`, async (t) => {
    for (const [name, value] of Object.entries(WRONG)) {
      const outcome: unknown = await Promise.resolve()
        .then(() => attempt(value))
        .catch((error: unknown) => error);
      if (but.includes(name)) {
        if (outcome instanceof Error)
          t.true('code' in outcome && /^(DfMerge|Optimizer)Error$/.test(outcome.name), `${name}: ${String(outcome)}`);
        continue;
      }
      const { code, message } = outcome as library.DfMergeError;
      t.is(code, 'INVALID_ARGUMENT', `${name}: ${String(outcome)}`);
      const named =
        name === 'an object with an unknown key' || OBJECTS.includes(name) ? `${argument}|option` : argument;
      t.regex(message, new RegExp(named), name);
    }
  });

test('a recipe that holds functions, symbols or itself is told by key, like any other', (t) => {
  const base = { merge_method: 'linear', base_model: 'b', models: [{ model: 'm', parameters: { weight: 1 } }] };
  const itself: Record<string, unknown> = { ...base };
  itself.parameters = itself;
  for (const [recipe, message] of [
    [{ ...base, dtype: () => 1 }, /dtype is a function; expected/],
    [{ ...base, merge_method: Symbol('x') }, /merge_method is Symbol\(x\); expected/],
    [{ ...base, models: [{ model: () => 1, quite: 1 }] }, /models\[0\]\.model is a function/],
    [itself, /parameters/],
  ] as const)
    t.throws(() => exported.recipeForMerge(recipe), { name: 'DfMergeError', code: 'INVALID_RECIPE', message });
});

test('a record with a key that is wrong is refused by its name, and the record of a run is not', async (t) => {
  const space = await makeWorkspace();
  const out = join(space.dir, 'out');
  const options = { out, evaluate: true, threads: 1, cache: false } as const;
  const recipe = await space.variant('linear.yaml', (text) => text.replace('df_merge', 'linear'));
  const record = await library.merge(recipe, options);
  t.notThrows(() => library.renderReport(record));
  for (const key of ['models', 'trials', 'tasks', 'comparisons', 'timing', 'environment', 'recipe'])
    for (const value of [5, null, [5], undefined])
      t.throws(() => exported.renderReport({ ...record, [key]: value }), {
        name: 'DfMergeError',
        code: 'INVALID_ARGUMENT',
        message: new RegExp(`record\\.${key}`),
      });
});
