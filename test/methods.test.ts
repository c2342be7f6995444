// The registry of merge methods: what the rest relies on, and the passes of every plan.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { COMPARED_METHODS, MERGEKIT_METHODS, methodNamed, METHOD_SPELLINGS, METHODS } from '../lib/methods/index.js';
import type { Pass, PlanRequest } from '../lib/methods/method.js';
import { defaultsOf } from '../lib/methods/parameter.js';
import { methodsTable } from '../lib/methods/reference.js';

test('names, aliases and comparisons are unambiguous, and methods refer to methods', (t) => {
  t.is(new Set(METHOD_SPELLINGS).size, METHOD_SPELLINGS.length);
  for (const spelling of METHOD_SPELLINGS) t.true(METHODS.includes(methodNamed(spelling)), spelling);
  t.is(methodNamed('no such method'), undefined);
  t.deepEqual(
    METHOD_SPELLINGS.filter((spelling) => MERGEKIT_METHODS.has(spelling)),
    [],
  );
  const compared = ['base', 'fine-tuned', 'none', ...COMPARED_METHODS.map(({ comparison }) => comparison.name)];
  t.is(new Set(compared).size, compared.length);
  for (const { name, withoutFisher, needs } of METHODS.filter((method) => method.withoutFisher)) {
    t.truthy(needs.fisher, name);
    t.false(methodNamed(withoutFisher?.name ?? '')?.needs.fisher !== undefined, name);
  }
  for (const { name, search, comparison } of METHODS)
    if (comparison?.coefficients === 'grid') t.is(search?.over, 'one coefficient', name);
});

test('a parameter is the same kind of value in every method that has it', (t) => {
  const kinds = new Map<string, string>();
  for (const { name: method, parameters } of METHODS) {
    t.is(new Set(parameters.map(({ name }) => name)).size, parameters.length, method);
    for (const { name, type, perModel } of parameters) {
      const kind = `${type === 'boolean' ? 'boolean' : 'number'}, ${perModel ? 'per model' : 'for all'}`;
      t.is(kinds.get(name) ?? kind, kind, `${name} of ${method}`);
      kinds.set(name, kind);
    }
  }
});

const passesOf = (name: string, request: Partial<PlanRequest> = {}): Pass[] | undefined => {
  const method = methodNamed(name);
  return method?.plan({
    coefficients: [0.25, 0.75],
    parameters: defaultsOf(method.parameters, 2),
    fisher: { at: method.needs.fisher?.at ?? 'candidate', fromFile: [false, false] },
    ...request,
  });
};

test('plans of sums fold every model unweighted', (t) => {
  for (const name of ['gta', 'task_arithmetic', 'linear']) {
    t.deepEqual(
      passesOf(name),
      [
        { pass: 'begin' },
        { pass: 'fold', model: 1, coefficient: 0.25, weighted: false },
        { pass: 'fold', model: 2, coefficient: 0.75, weighted: false },
        { pass: 'finish' },
      ],
      name,
    );
  }
});

test('plans with Fishers measure each where the method or the recipe says, or read it', (t) => {
  const measured = (first: (model: number, coefficient: number) => Pass): Pass[] => [
    { pass: 'begin' },
    ...[0.25, 0.75].flatMap((coefficient, i): Pass[] => [
      first(i + 1, coefficient),
      { pass: 'measure', model: i + 1, coefficient },
    ]),
    { pass: 'finish' },
  ];
  const atModel = measured((model) => ({ pass: 'load', model }));
  const atCandidate = measured((model, coefficient) => ({ pass: 'move', model, coefficient }));
  t.deepEqual(passesOf('df_merge'), atCandidate);
  t.deepEqual(passesOf('fisher'), atModel);
  t.deepEqual(passesOf('df_merge', { fisher: { at: 'model', fromFile: [false, false] } }), atModel);
  t.deepEqual(passesOf('fisher', { fisher: { at: 'model', fromFile: [false, true] } }), [
    ...atModel.slice(0, 3),
    { pass: 'read fisher', model: 2 },
    { pass: 'fold', model: 2, coefficient: 0.75, weighted: true },
    { pass: 'finish' },
  ]);
});

test('coefficients: weights, or their shares where the method or the recipe normalises', (t) => {
  const lambdas = (name: string, values: Parameters<(typeof METHODS)[number]['coefficients']>[0]) =>
    methodNamed(name)?.coefficients(values, 4);
  t.deepEqual(lambdas('gta', { weight: [3, 1], normalize: false }), [3, 1]);
  t.deepEqual(lambdas('gta', { weight: [3, 1], normalize: true }), [0.75, 0.25]);
  t.deepEqual(lambdas('fisher', defaultsOf(methodNamed('fisher').parameters, 4)), [0.25, 0.25, 0.25, 0.25]);
  t.deepEqual(lambdas('linear', defaultsOf(methodNamed('linear').parameters, 4)), [0.25, 0.25, 0.25, 0.25]);
});

test('docs/recipe.md shows the table of the registry (npm run docs:methods writes it)', (t) => {
  t.true(readFileSync(join(packageRoot(), 'docs/recipe.md'), 'utf8').includes(`\n${methodsTable()}\n`));
});
