// What a Fisher file says of itself is compared with what a merge needs of it.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readHeader } from '../lib/checkpoint/safetensors.js';
import { check } from '../lib/commands/check.js';
import { fisher } from '../lib/commands/fisher.js';
import { merge } from '../lib/commands/merge.js';
import { search } from '../lib/commands/search.js';
import { DfMergeError } from '../lib/core/errors.js';
import type { ProgressEvent } from '../lib/core/progress.js';
import { recipeForMerge, recipeForSearch, type RecipeInput } from '../lib/recipe/read.js';
import { resolvedRecipe } from '../lib/recipe/resolved.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

const LAMBDA = 0.3;

interface Measured {
  model?: string;
  base?: string;
  coefficient?: number;
  data?: string;
  mode?: 'exact' | 'choices';
  epsilon?: number;
  computeDtype?: 'float32' | 'bfloat16';
}

/** Measures model a at θ0 + 0.3 τ on the task a, or elsewhere. */
async function measure(
  space: Workspace,
  { model = 'a', base = 'base', data = 'a', coefficient = LAMBDA, ...rest }: Measured = {},
): Promise<string> {
  const folder = (name: string) => space.path('models', name);
  const place = coefficient === 1 ? {} : { base: folder(base), coefficient };
  const out = space.path('f.safetensors');
  await rm(out, { force: true });
  await fisher({
    model: folder(model),
    ...place,
    data: space.path('data', data),
    samples: 3,
    seed: 4,
    threads: 1,
    out,
    cache: false,
    ...rest,
  });
  return out;
}

type FileOf = string | { path: string; force: boolean };

function recipeOf(space: Workspace, file: FileOf, over: Partial<RecipeInput> = {}) {
  const input: RecipeInput = {
    merge_method: 'df_merge',
    base_model: 'models/base',
    models: [
      { model: 'models/a', task: 'a', fisher: file, parameters: { weight: LAMBDA } },
      { model: 'models/b', task: 'b', parameters: { weight: 0.5 } },
    ],
    tasks: { a: { data: 'data/a' }, b: { data: 'data/b' } },
    fisher: { samples: 3 },
    ...over,
  };
  return recipeForMerge(input, { folder: space.dir });
}

let made = 0;

async function merged(space: Workspace, file: FileOf, over: Partial<RecipeInput> = {}) {
  const out = space.path(`out-${++made}`);
  const warnings: string[] = [];
  const record = await merge(recipeOf(space, file, over), {
    out,
    evaluate: false,
    threads: 1,
    cache: false,
    onWarning: (message) => warnings.push(message),
  });
  return { out, record, warnings };
}

const mistakes: [what: string, measured: Measured, complaint: RegExp][] = [
  ['another model', { model: 'b' }, /its model has the digest [0-9a-f]{12}, and models\/a has [0-9a-f]{12}/],
  ['another coefficient', { coefficient: 0.4 }, /its coefficient is 0\.4, and DF-Merge takes it at λ, 0\.3/],
  ['the model itself', { coefficient: 1 }, /its coefficient is 1, and DF-Merge takes it at λ, 0\.3/],
  ['another base', { base: 'b' }, /its base has the digest [0-9a-f]{12}, and the recipe's has [0-9a-f]{12}/],
  ['another mode', { mode: 'choices' }, /its mode is choices, and fisher\.mode is exact/],
];

for (const [what, measured, complaint] of mistakes) {
  test(`a Fisher of ${what} is refused, and used with a warning in the record where it is forced`, async (t) => {
    const space = await makeWorkspace();
    const file = await measure(space, measured);
    const error = await t.throwsAsync(merged(space, 'f.safetensors'), {
      instanceOf: DfMergeError,
      code: 'MISMATCH',
      message: complaint,
    });
    t.regex(
      error.message,
      /^f\.safetensors: not the Fisher that DF-Merge needs: .*fisher: \{ path: f\.safetensors, force: true \}/,
    );
    const { record, warnings, out } = await merged(space, { path: file, force: true });
    t.is(warnings.length, 1, warnings.join('\n'));
    t.regex(warnings[0], complaint);
    t.regex(warnings[0], /used as it is \(force: true\)$/);
    t.deepEqual(record.warnings, warnings);
    const written = JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as { recipe: { models: unknown[] } };
    t.like(written.recipe.models[0], { fisher: { path: file, force: true } });
  });
}

test('the Fisher that a merge needs is taken without a word, and is what would have been measured', async (t) => {
  const space = await makeWorkspace();
  await measure(space);
  const file = await merged(space, 'f.safetensors');
  t.deepEqual(file.warnings, []);
  t.like((await readHeader(space.path('f.safetensors'))).metadata, { digests: 'sha256 of all bytes', mode: 'exact' });
  // At the model itself a coefficient of 1 is what is needed, whatever the base.
  await measure(space, { coefficient: 1 });
  const atModel = { fisher: { samples: 3, at: 'model' } } as const;
  t.deepEqual((await merged(space, 'f.safetensors', atModel)).warnings, []);
  await measure(space);
  await t.throwsAsync(merged(space, 'f.safetensors', atModel), {
    message: /its coefficient is 0\.3, and DF-Merge takes it at the model, 1/,
  });
});

test('a change of one weight is another model', async (t) => {
  const space = await makeWorkspace();
  await measure(space);
  const weights = space.path('models', 'a', 'model.safetensors');
  const bytes = await readFile(weights);
  bytes[bytes.length - 1] ^= 1;
  await writeFile(weights, bytes);
  await t.throwsAsync(merged(space, 'f.safetensors'), { code: 'MISMATCH', message: /its model has the digest/ });
});

test('other data, epsilon and dtype are warned of', async (t) => {
  const space = await makeWorkspace();
  await measure(space, { data: 'b', epsilon: 1e-9, computeDtype: 'bfloat16' });
  const { warnings } = await merged(space, 'f.safetensors');
  t.is(warnings.length, 1);
  t.regex(
    warnings[0],
    /epsilon 1e-9, and fisher\.epsilon is 1e-12; with compute_dtype bfloat16, and the run's is float32; with data \w{12}, and the validation split of a is \w{12}/,
  );
});

test('files that say nothing of their model are warned of', async (t) => {
  const space = await makeWorkspace();
  const file = await measure(space, { model: 'b' });
  const bytes = await readFile(file);
  const change = async (from: string, to: string) => {
    t.is(from.length, to.length);
    await writeFile(file, Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1'));
  };
  await change('"kind"', '"more"');
  t.regex(
    (await merged(space, 'f.safetensors')).warnings.join('\n'),
    /^f\.safetensors: does not say which model .*; taken for that of models\/a$/,
  );
  await change('sha256 of all bytes', 'sha256 of some byte');
  t.regex((await merged(space, 'f.safetensors')).warnings.join('\n'), /^f\.safetensors: an earlier version wrote it/);
});

test('a file with other tensors is refused by its header before any work, even where it is forced', async (t) => {
  const space = await makeWorkspace();
  const file = await measure(space);
  const bytes = await readFile(file);
  const change = async (from: string, to: string) => {
    t.is(from.length, to.length);
    const changed = bytes.toString('latin1').replace(from, to);
    t.not(changed, bytes.toString('latin1'));
    await writeFile(file, Buffer.from(changed, 'latin1'));
  };
  const complaints = {
    'shared.weight is missing; shared.height is not in the model': ['"shared.weight"', '"shared.height"'],
    "shared.weight is [16, 19], the model's is [19, 16]": ['"shape":[19,16]', '"shape":[16,19]'],
  } as const;
  for (const [complaint, [from, to]] of Object.entries(complaints)) {
    await change(from, to);
    const message = `${file} is not a Fisher of this model: ${complaint}`;
    const recipe = recipeOf(space, { path: 'f.safetensors', force: true });
    const options = { out: space.path('out'), threads: 1, cache: false } as const;
    const onProgress = ({ phase }: ProgressEvent) => void (phase === 'load' || t.fail(`began with ${phase}`));
    await t.throwsAsync(merge(recipe, { ...options, onProgress }), { code: 'MISMATCH', message });
    const { problems } = await check(recipe, { ...options, purpose: 'merge', time: false });
    t.deepEqual(problems, [{ code: 'MISMATCH', message }]);
  }
});

test('a comparison with Fishers needs the file too', async (t) => {
  const space = await makeWorkspace();
  await measure(space);
  const out = space.path('out');
  await t.throwsAsync(merge(recipeOf(space, 'f.safetensors'), { out, compare: ['fisher'], threads: 1, cache: false }), {
    code: 'MISMATCH',
    message: /the comparison fisher needs: its coefficient is 0\.3, and the comparison fisher takes it at the model, 1/,
  });
});

test('a search compares its files before its first trial', async (t) => {
  const space = await makeWorkspace();
  await measure(space, { coefficient: 1, model: 'b' });
  const run = (file: FileOf) => {
    const input: RecipeInput = {
      merge_method: 'gta',
      base_model: 'models/base',
      models: [{ model: 'models/a', task: 'a', fisher: file }],
      tasks: { a: { data: 'data/a' } },
      search: { init: 1, iterations: 0 },
    };
    const out = space.path('found');
    const settings = { out, threads: 1, cache: false, compare: ['fisher'], onTrial: () => void trials++ } as const;
    return search(recipeForSearch(input, { folder: space.dir }), settings);
  };
  let trials = 0;
  await t.throwsAsync(run('f.safetensors'), {
    instanceOf: DfMergeError,
    code: 'MISMATCH',
    message: /its model has the digest \w{12}, and models\/a has/,
  });
  t.is(trials, 0);
  const { warnings = [] } = await run({ path: 'f.safetensors', force: true });
  t.is(trials, 1);
  t.regex(warnings.join('\n'), /used as it is \(force: true\)/);
});

test('a recipe writes a Fisher file in two ways', async (t) => {
  const space = await makeWorkspace();
  const plain = recipeOf(space, 'f.safetensors').models[0].fisher;
  t.deepEqual(plain, { path: space.path('f.safetensors'), written: 'f.safetensors' });
  t.deepEqual(recipeOf(space, { path: 'f.safetensors', force: false }).models[0].fisher, plain);
  const forced = recipeOf(space, { path: 'f.safetensors', force: true });
  t.deepEqual(forced.models[0].fisher, { ...plain, force: true });
  t.deepEqual(resolvedRecipe(forced).models[0].fisher, { path: 'f.safetensors', force: true });
  t.is(resolvedRecipe(recipeOf(space, 'f.safetensors')).models[0].fisher, 'f.safetensors');
  for (const [wrong, complaint] of [
    [3, /models\[0\]\.fisher is 3; expected the path of a file of dfmerge fisher, or \{ path: FILE, force: true \}/],
    [
      { path: 'f', forced: true },
      /forced is not a key of models\[0\]\.fisher; expected one of: path, force \(did you mean force\?\)/,
    ],
    [{ force: true }, /models\[0\]\.fisher\.path is missing/],
    ['~/f', /expected the file itself, since only a shell replaces ~/],
  ] as const)
    t.throws(() => recipeOf(space, wrong as FileOf), { code: 'INVALID_RECIPE', message: complaint });
});
