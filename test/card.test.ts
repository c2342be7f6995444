// The model card, README.md, of every folder that is made: what it tells, to people and to the Hub, and when it gives way.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { frontMatter } from '../lib/card/front_matter.js';
import { code, codeBlock, plain, table } from '../lib/card/markdown.js';
import { mergeCard, type MergedRun } from '../lib/card/merge_card.js';
import { hubIdInCache, licenseIn, originOf, publicPath } from '../lib/card/origin.js';
import { trainingCard } from '../lib/card/training_card.js';
import { finetune } from '../lib/commands/finetune.js';
import { merge } from '../lib/commands/merge.js';
import { search } from '../lib/commands/search.js';
import { readManifest } from '../lib/core/manifest.js';
import { METHODS } from '../lib/methods/index.js';
import { resolvedRecipe } from '../lib/recipe/resolved.js';
import { recipeForMerge } from '../lib/recipe/read.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace } from './support/workspace.js';

const ARCHITECTURE = { title: 'T5', transformersClass: 'AutoModelForSeq2SeqLM' };
const [DF_MERGE] = METHODS;

const cardIn = (folder: string) => readFile(join(folder, 'README.md'), 'utf8');

/** What the Hub reads of a card. */
function metadataOf(card: string): Record<string, unknown> {
  const [, yaml] = /^---\n([^]*?)\n---\n/.exec(card) ?? [];
  return parse(yaml ?? 'none: true') as Record<string, unknown>;
}

/** The cells of the table below a heading that is one of its columns. */
function cellsUnder(card: string, column: string): string[] {
  const lines = card.split('\n');
  const head = lines.findIndex((line) => line.startsWith('|') && cells(line).includes(column));
  const index = cells(lines[head] ?? '').indexOf(column);
  const rows = lines.slice(head + 2, lines.indexOf('', head));
  return rows.map((row) => cells(row)[index]);
}

const cells = (line: string) =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

function runOf(change: Partial<MergedRun> = {}): MergedRun {
  const given = {
    merge_method: 'df_merge' as const,
    base_model: 'models/base',
    models: [
      { model: 'models/a', task: 'a', parameters: { weight: 0.25 } },
      { model: '/disk/someone/models/b', task: 'b', parameters: { weight: 0.5 } },
    ],
    tasks: { a: { data: 'data/a' }, b: { data: '../../data/b' } },
  };
  const recipe = resolvedRecipe(recipeForMerge(given, { folder: '/recipes' }));
  return {
    dfmerge: '1.2.3',
    recipe,
    models: recipe.models.map(({ model, task }, i) => ({ model, task, coefficient: [0.25, 0.123456][i] })),
    trials: [],
    tasks: [
      { name: 'a', validation: { accuracy: 0.5, examples: 300 }, test: { accuracy: 0.45, examples: 784 } },
      { name: 'b', validation: { accuracy: 0.7, examples: 200 }, test: { accuracy: 0.6, examples: 100 } },
    ],
    comparisons: [],
    ...change,
  };
}

const FINE_TUNED = {
  label: 'fine-tuned (each on its own task)',
  mean: 0.7,
  accuracy: { a: 0.9, b: 0.5 },
  split: 'test',
} as const;
const from = { method: DF_MERGE, architecture: ARCHITECTURE, origins: [{}, {}, {}] };

test('a merge: models with coefficients, accuracies with sizes, the part kept of each fine-tuned model, means', (t) => {
  const base = { label: 'base', mean: 0.25, accuracy: { a: 0.2, b: 0.3 }, split: 'test' } as const;
  const card = mergeCard(runOf({ comparisons: [base, FINE_TUNED] }), { ...from, fineTuned: FINE_TUNED });
  t.deepEqual(cellsUnder(card, 'Model'), ['`models/a`', '`b`']);
  t.deepEqual(cellsUnder(card, 'Coefficient λ'), ['0.25', '0.1235']);
  t.deepEqual(cellsUnder(card, 'Validation'), ['50.0 % of 300', '70.0 % of 200']);
  t.deepEqual(cellsUnder(card, 'Test'), ['45.0 % of 784', '60.0 % of 100']);
  t.deepEqual(cellsUnder(card, 'Fine-tuned alone'), ['90.0 %', '50.0 %']);
  t.deepEqual(cellsUnder(card, 'Kept'), ['50.0 %', '120.0 %']);
  t.deepEqual(cellsUnder(card, 'Mean'), ['25.0 %', '70.0 %', '**52.5 %**']);
  t.regex(card, /AutoModelForSeq2SeqLM\.from_pretrained\(folder\)/);
  t.regex(card, /@inproceedings\{lee-etal-2025-dynamic,/);
  t.regex(card, /The coefficients were given\./);
  t.regex(card, /by dfmerge 1\.2\.3|dfmerge 1\.2\.3 merged/);
});

test('a search says how many merges it chose from, and by what', (t) => {
  const run = runOf({ trials: [1, 2, 3] });
  run.recipe.search.validation_ratio = 0.2;
  t.regex(mergeCard(run, from), /best of 3 that Bayesian optimisation tried, by .* on 20\.0 % of the validation rows/);
  const grid = METHODS.find(({ search: how }) => how?.over === 'one coefficient');
  t.truthy(grid);
  if (grid)
    t.regex(mergeCard(runOf({ trials: [1, 2] }), { ...from, method: grid }), /The coefficient is the best of 2, /);
});

test('no home folder and no name of a machine is published', (t) => {
  const card = mergeCard(runOf(), from);
  t.notRegex(card, /someone|\/disk|\.\.\/|\/recipes/);
  const [, yaml] = /```yaml\n([^]*?)```/.exec(card) ?? [];
  t.like(parse(yaml ?? ''), {
    merge_method: 'df_merge',
    base_model: 'models/base',
    models: [
      { model: 'models/a', parameters: { weight: 0.25 } },
      { model: 'b', parameters: { weight: 0.5 } },
    ],
    tasks: { a: { data: 'data/a' }, b: { data: 'b' } },
    fisher: { samples: 30 },
  });
});

test('paths: those below the recipe stand, of others the last part, and the Hub’s cache gives an identifier', (t) => {
  const cases = [
    ['models/a', 'models/a'],
    ['a', 'a'],
    ['./models/a/', './models/a/'],
    ['/disk/me/models/a', 'a'],
    ['/disk/me/models/a/', 'a'],
    ['../models/a', 'a'],
    ['x/../../models/a', 'a'],
    ['~/models/a', 'a'],
    ['C:\\Users\\me\\a', 'a'],
    ['C:/disk/me/a', 'a'],
    ['/disk/me/.cache/huggingface/hub/models--google--flan-t5-small/snapshots/0fc9ddf/', 'google/flan-t5-small'],
    ['hub/models--some-base/snapshots/0fc9ddf', 'some-base'],
  ];
  for (const [path, shown] of cases) t.is(publicPath(path), shown, path);
  t.is(hubIdInCache('models--a--b/blobs/1'), undefined);
});

test('every method has a summary that is a sentence, and a paper that its card cites', (t) => {
  for (const method of METHODS) {
    t.regex(method.summary, /^[A-Z][^\n]{30,}\.$/, method.name);
    t.regex(method.citation ?? '', /^@\w+\{[\w-]+,\n( {2}\w+ = (\{.*\}|\w+),?\n)+\}$/, method.name);
    const card = mergeCard(runOf(), { ...from, method });
    t.true(card.includes(method.citation ?? ''), method.name);
    t.true(card.includes(plain(method.summary)), method.name);
    t.deepEqual(metadataOf(card).tags, ['merge', 'dfmerge', method.name]);
  }
  t.notRegex(mergeCard(runOf(), { ...from, method: { ...DF_MERGE, citation: undefined } }), /Citation|bibtex/);
});

const ODD = [
  'no: yes',
  '"quoted" \'too\'',
  'Ωμέγα – 東京',
  '# not a heading',
  '*bold* `code` [link](x) <b>',
  'a|b',
  '- item',
  '---',
  'two\nlines',
  'x: {y: [z',
  '```',
  '&amp; $$x$$',
  ' ',
];

test('odd names: the front matter and the recipe are YAML, tables keep their columns, and nothing becomes markup', (t) => {
  for (const name of ODD) {
    const run = runOf();
    run.models.forEach((model, i) => Object.assign(model, { task: i === 0 ? name : 'b', model: name }));
    Object.assign(run.recipe.models[0], { model: name, task: name });
    Object.assign(run.recipe, { tasks: { [name]: { data: name } } });
    Object.assign(run.tasks[0], { name });
    const fineTuned = { ...FINE_TUNED, accuracy: { [name]: 0.9, b: 0.5 } };
    const card = mergeCard(run, { ...from, fineTuned });
    t.is(metadataOf(card).library_name, 'transformers', name);
    t.deepEqual(cellsUnder(card, 'Kept'), ['50.0 %', '120.0 %'], name);
    t.deepEqual(cellsUnder(card, 'Coefficient λ'), ['0.25', '0.1235'], name);
    const fenced = /(`{3,})yaml\n([^]*?)\n\1\n/.exec(card)?.[2] ?? '';
    t.like(parse(fenced), { tasks: { [name]: { data: publicPath(name) } } }, name);
    t.is(headingsOf(card).length, 6, `${name}: ${headingsOf(card).join(' / ')}`);
    t.is(headingsOf(trainingCard({ ...TRAINED, task: name, model: name })).length, 4, name);
  }
});

const headingsOf = (card: string) =>
  card
    .replace(/^---\n[^]*?\n---\n/, '')
    .split('\n')
    .filter((line) => line.startsWith('#'));

const TRAINED = {
  dfmerge: '1.2.3',
  architecture: ARCHITECTURE,
  model: '/disk/someone/base',
  origin: {},
  task: 'reviews',
  settings: { steps: 100, learningRate: 1e-4 },
  best: { step: 50, validationLoss: 0.123456, accuracy: 0.875, examples: 40 },
};

test('Markdown: escapes, code with backticks, blocks with fences, cells with bars', (t) => {
  t.is(plain('a|b *c* _d_ `e` <f> [g] \\ h#\n\u0007i'), 'a\\|b \\*c\\* \\_d\\_ \\`e\\` \\<f\\> \\[g\\] \\\\ h\\# i');
  t.is(code('a`b'), '``a`b``');
  t.is(code('`'), '`` ` ``');
  t.is(code('a|b'), '`a\\|b`');
  t.is(codeBlock('yaml', 'a: |\n  ```\n'), '````yaml\na: |\n  ```\n````');
  t.is(table(['A', 'B'], [['1', '2']], 1), '| A | B |\n| --- | ---: |\n| 1 | 2 |');
});

test('the Hub’s metadata: identifiers of base and models, relation, licence where all agree', (t) => {
  const apache = { license: 'apache-2.0' };
  const metadata = (origins: Parameters<typeof frontMatter>[0]['origins']) =>
    metadataOf(frontMatter({ relation: 'merge', origins, tags: ['merge'] }));
  t.deepEqual(metadata([{ hubId: 'google/flan-t5-small', license: apache }, {}]), {
    base_model: 'google/flan-t5-small',
    base_model_relation: 'merge',
    library_name: 'transformers',
    license: 'apache-2.0',
    tags: ['merge'],
  });
  t.deepEqual(metadata([{ hubId: 'o/base' }, { hubId: 'o/a' }, { hubId: 'o/base' }]).base_model, ['o/base', 'o/a']);
  t.false('base_model' in metadata([{}, { hubId: 'o/a' }]));
  t.is(metadata([{ license: apache }, { license: apache }]).license, 'apache-2.0');
  t.false('license' in metadata([{ license: apache }, { license: { license: 'cc-by-nc-4.0' } }]));
  t.false('license' in metadata([{}, { license: apache }]));
  t.deepEqual(metadataOf(frontMatter({ origins: [], tags: ['x'] })), { library_name: 'transformers', tags: ['x'] });
});

test('where a model comes from: the Hub’s cache, _name_or_path that is no folder, the licence of its own card', async (t) => {
  const dir = await temporaryFolder();
  const named = async (name: unknown) => (await originOf(dir, { _name_or_path: name })).hubId;
  t.is(await named('google/flan-t5-small'), 'google/flan-t5-small');
  for (const folder of [
    'models/base',
    './base',
    '/disk/me/base',
    'base',
    'me/checkpoint-500',
    'a/b/c',
    'outputs/x',
    'a--b/c',
    7,
    '',
  ])
    t.is(await named(folder), undefined, String(folder));
  const cached = join(dir, 'models--google--flan-t5-small', 'snapshots', '0fc9ddf');
  await mkdir(cached, { recursive: true });
  await writeFile(join(cached, 'README.md'), '---\nlicense: apache-2.0\nlanguage: en\n---\n\n# FLAN-T5\n');
  t.deepEqual(await originOf(cached), { hubId: 'google/flan-t5-small', license: { license: 'apache-2.0' } });
});

test('licences are read of a front matter alone, and what is none says nothing', (t) => {
  t.deepEqual(licenseIn('---\r\nlicense: other\r\nlicense_name: mine\r\nlicense_link: LICENSE\r\n---\r\n'), {
    license: 'other',
    license_name: 'mine',
    license_link: 'LICENSE',
  });
  for (const card of [
    '',
    'license: mit',
    '# T\n\n---\nlicense: mit\n---\n',
    '---\nlicense: [\n---\n',
    '---\nlicense: 3\n---\n',
    '---\n- a\n---\n',
  ])
    t.is(licenseIn(card), undefined, card);
  const bomb = `---\na: &a [x, x]\nb: &b [*a, *a]\nlicense: mit\n---\n`;
  t.notThrows(() => licenseIn(bomb));
});

test('search, merge and finetune write a card that dfmerge.json lists, the same bytes in any folder', async (t) => {
  const space = await makeWorkspace();
  await writeFile(space.path('models', 'base', 'README.md'), '---\nlicense: mit\n---\n# The base\n');
  const options = { threads: 1 };
  const record = await search(space.recipe, { ...options, out: space.path('searched') });
  await search(space.recipe, { ...options, out: space.path('again') });
  const card = await cardIn(space.path('searched'));
  t.is(card, await cardIn(space.path('again')));
  t.notRegex(card, /^# The base/m);
  t.is(metadataOf(card).license, 'mit');
  t.deepEqual(
    cellsUnder(card, 'Coefficient λ'),
    record.coefficients.map((value) => String(Number(value.toFixed(4)))),
  );
  t.is(cellsUnder(card, 'Kept').length, 2);
  t.is(cellsUnder(card, 'Mean').length, 4);
  t.false(card.includes(space.dir));
  t.like(await readManifest(space.path('searched')), { 'README.md': { bytes: Buffer.byteLength(card) } });

  await merge(
    { merge_method: 'linear', base_model: space.path('models/base'), models: [{ model: space.path('models/a') }] },
    { ...options, out: space.path('merged') },
  );
  const merged = await cardIn(space.path('merged'));
  t.false(merged.includes(space.dir));
  t.notRegex(merged, /Accuracy|Kept/);

  const trained = {
    model: space.path('models/base'),
    data: space.path('data/a'),
    out: space.path('trained'),
    steps: 2,
  };
  const { best } = await finetune({ ...options, ...trained });
  const child = await cardIn(trained.out);
  t.like(metadataOf(child), { base_model_relation: 'finetune', license: 'mit', tags: ['dfmerge'] });
  t.true(child.includes(`Of 40 validation rows it answers ${(100 * best.accuracy).toFixed(1)} % rightly`));
  t.regex(child, /\| `batchSize` \| 64 \|/);
  t.false(child.includes(space.dir));
  t.like(await readManifest(trained.out), { 'README.md': { bytes: Buffer.byteLength(child) } });
});

test('a README.md of the user’s own stays, with a warning; a card that was edited is kept beside the new one', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('merged');
  const recipe = { merge_method: 'linear', base_model: 'models/base', models: [{ model: 'models/a' }] } as const;
  const given = { ...recipe, base_model: space.path('models/base'), models: [{ model: space.path('models/a') }] };
  const warnings: string[] = [];
  const again = () =>
    merge(given, { out, threads: 1, overwrite: true, onWarning: (message) => void warnings.push(message) });
  await again();
  const card = await cardIn(out);

  await writeFile(join(out, 'README.md'), `${card}edited`);
  await again();
  t.is(await cardIn(out), card);
  t.is(await readFile(join(out, 'README.md.kept'), 'utf8'), `${card}edited`);

  // As in a folder of a version that wrote no cards.
  const manifest = JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as { files: Record<string, unknown> };
  delete manifest.files['README.md'];
  await writeFile(join(out, 'dfmerge.json'), JSON.stringify(manifest));
  await writeFile(join(out, 'README.md'), 'mine');
  warnings.length = 0;
  await again();
  t.is(await cardIn(out), 'mine');
  t.false('README.md' in ((await readManifest(out)) as object));
  t.is(warnings.filter((message) => /README\.md is your own and stays/.test(message)).length, 1);
  await again();
  t.is(await cardIn(out), 'mine');

  await rename(join(out, 'README.md'), join(out, 'notes.md'));
  await again();
  t.is(await cardIn(out), card);
  t.is(await readFile(join(out, 'notes.md'), 'utf8'), 'mine');
  await rm(out, { recursive: true });
});
