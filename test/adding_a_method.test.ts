// docs/adding-a-merge-method.md, followed to the letter in a copy of the sources: what the page says is what a new method takes.
import { execFile } from 'node:child_process';
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { packageRoot } from '../bindings/index.js';
import type { RunRecord } from '../lib/run/record.js';
import { readTensors, relativeError } from './support/tensors.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

const run = promisify(execFile);
const root = packageRoot();

/** A block of the page, and the file that its heading names. */
interface Block {
  file: string;
  language: string;
  text: string;
}

/** A copy of the package that has the page's method. */
interface House {
  folder: string;
  /** Runs its command line and returns what it printed; rejects with what it complained about. */
  dfmerge: (...args: string[]) => Promise<string>;
}

function blocksOf(page: string): Block[] {
  const headed = /^#### (\S+)\n\n```(\w+)\n([^]*?)^```$/gm;
  return [...page.matchAll(headed)].map(([, file, language, text]) => ({ file, language, text }));
}

/** A text with the lines of a `diff` block exchanged; they must stand in it once. */
function patched(text: string, diff: string): string {
  const lines = diff.trimEnd().split('\n');
  const side = (mark: string) =>
    lines.flatMap((line) => (line.startsWith(mark) || line.startsWith(' ') ? [line.slice(1)] : []));
  const parts = text.split(`${side('-').join('\n')}\n`);
  if (parts.length !== 2) throw new Error(`these lines stand ${parts.length - 1} times in the file:\n${diff}`);
  return parts.join(`${side('+').join('\n')}\n`);
}

/**
 * The package as it is compiled, with the page's blocks in its sources. Only the room of the methods is compiled anew, since everything else
 * stays as it is: that is what the page promises.
 */
async function houseWithMethod(added: readonly Block[]): Promise<House> {
  const house = await temporaryFolder();
  for (const part of [
    'lib/methods',
    'lib/core',
    'dist/lib',
    'dist/bindings',
    'package.json',
    'docs/recipe.md',
    'test/docs_methods.mjs',
  ])
    await cp(join(root, part), join(house, part), { recursive: true });
  for (const part of ['node_modules', 'build']) await symlink(join(root, part), join(house, part));
  for (const { file, language, text } of added.filter((block) => block.file.startsWith('lib/methods/'))) {
    const path = join(house, file);
    await writeFile(path, language === 'diff' ? patched(await readFile(path, 'utf8'), text) : text);
  }
  const { compilerOptions } = JSON.parse(await readFile(join(root, 'tsconfig.json'), 'utf8')) as Record<string, object>;
  await writeFile(join(house, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['lib/methods/*.ts'] }));
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', house]).catch(
    (error: { stdout: string }) => {
      throw new Error(error.stdout);
    },
  );
  const main = join(house, 'dist/lib/cli/main.js');
  return { folder: house, dfmerge: async (...args) => (await run(process.execPath, [main, ...args])).stdout };
}

const page = await readFile(join(root, 'docs/adding-a-merge-method.md'), 'utf8');
const blocks = blocksOf(page);
const recipeText = blocks.find(({ file }) => file === 'recipe.yaml')?.text ?? '';

let house: House;
let space: Workspace;
test.before(async () => {
  [house, space] = await Promise.all([houseWithMethod(blocks), makeWorkspace()]);
});

/** Runs the page's recipe, changed, and returns what went wrong. */
async function complaint(t: ExecutionContext, change: (text: string) => string, command = 'merge'): Promise<string> {
  const recipe = space.path('changed.yaml');
  await writeFile(recipe, change(recipeText));
  const failure = await t.throwsAsync(house.dfmerge(command, recipe, '--out', space.path('none')));
  return failure?.message ?? '';
}

test('a merge with the method on the page agrees with a plain loop', async (t) => {
  const recipe = space.path('halfway.yaml');
  await writeFile(recipe, recipeText);
  const out = space.path('halfway');
  await house.dfmerge('merge', recipe, '--out', out);
  const read = (...parts: string[]) => readTensors(space.path(...parts, 'model.safetensors'));
  const [base, a, b, merged] = await Promise.all(
    [['models', 'base'], ['models', 'a'], ['models', 'b'], ['halfway']].map((parts) => read(...parts)),
  );
  let furthest = 0;
  for (const name of base.names()) {
    const [x, y, z] = [base.get(name), a.get(name), b.get(name)];
    const expected = x.map((value, i) => value + 0.25 * ((y[i] - value) / 2 + (z[i] - value) / 2));
    t.true(relativeError(merged.get(name), expected) < 1e-6, name);
    furthest = Math.max(furthest, relativeError(x, expected));
  }
  t.true(furthest > 0.1, 'the merged model is not the base');
  const record = JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as RunRecord;
  t.is(record.method, 'halfway');
  t.deepEqual(record.coefficients, [0.5, 0.5]);
  t.deepEqual(record.recipe.parameters, { scale: 0.25 });
  t.regex(await readFile(join(out, 'report.html'), 'utf8'), /<h1>Halfway of 2 models<\/h1>/);
});

test('an alias is the method, and other recipes are compared with it at its defaults', async (t) => {
  const recipe = space.path('alias.yaml');
  await writeFile(recipe, recipeText.replace('merge_method: halfway', 'merge_method: half_way').replace('0.25', '0.5'));
  await house.dfmerge('merge', recipe, '--out', space.path('alias'));
  const compared = await space.variant('compared.yaml', (text) => text.replace('df_merge', 'linear'));
  const printed = await house.dfmerge(
    'merge',
    compared,
    '--out',
    space.path('compared'),
    '--compare',
    'halfway',
    '--json',
  );
  const { comparisons } = JSON.parse(printed) as RunRecord;
  const scored = await space.variant('scored.yaml', (text) =>
    text.replace('df_merge', 'halfway').replace(/fisher:.*\n/, ''),
  );
  const { tasks, method } = JSON.parse(
    await house.dfmerge('merge', scored, '--out', space.path('scored'), '--json'),
  ) as RunRecord;
  t.is(method, 'halfway');
  t.like(comparisons[0], { label: 'halfway', coefficients: [0.5, 0.5] });
  t.deepEqual(
    comparisons[0].accuracy,
    Object.fromEntries(tasks.map(({ name, test: score }) => [name, score?.accuracy])),
  );
  const bytes = (name: string) => readFile(space.path(name, 'model.safetensors'));
  t.deepEqual(await bytes('alias'), await bytes('scored'));
});

test('help, complaints and the table of methods know the method', async (t) => {
  t.regex(
    await house.dfmerge('merge', '--help'),
    /halfway +Halfway: θ0 \+ scale \(1\/M\) Σ τ_i\n +scale \(default 0\.5\)/,
  );
  t.notRegex(await house.dfmerge('search', '--help'), / {2}halfway /);
  const failed = (change: (text: string) => string, command?: string) => complaint(t, change, command);
  t.regex(await failed((text) => text.replace(': halfway', ': halfwy')), /1:15: .*did you mean halfway\?/);
  t.regex(
    await failed((text) => text.replace('0.25', '2')),
    /6:22: parameters\.scale is 2; expected a number from 0 to 1/,
  );
  t.regex(
    await failed((text) => text.replace('  - model: models/b\n', '')),
    /3:1: models is a list of 1; expected at least 2 in the list with merge_method halfway/,
  );
  t.regex(
    await failed((text) => text.replace(': halfway', ': linear')),
    /6:22: parameters\.scale is not a parameter of linear; expected only: weight, normalize/,
  );
  t.regex(await failed((text) => text, 'search'), /1:15: merge_method halfway has no coefficients to search/);
  await run(process.execPath, [join(house.folder, 'test/docs_methods.mjs')]);
  t.regex(await readFile(join(house.folder, 'docs/recipe.md'), 'utf8'), /^\| `halfway`, `half_way` \| Halfway/m);
});
