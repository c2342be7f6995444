// Going on with a search that has finished, with one that another process runs, and with a damaged journal.
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, copyFile, cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import test from 'ava';
import { journalPath, search, type SearchOptions } from '../lib/commands/search.js';
import type { ProgressEvent } from '../lib/core/progress.js';
import { recipeForSearch } from '../lib/recipe/read.js';
import type { SearchRecipe } from '../lib/recipe/recipe.js';
import { runCommand, startCommand } from './support/command.js';
import { makeWorkspace, recordWithoutTiming, type Workspace } from './support/workspace.js';

const weights = (out: string) => readFile(`${out}/model.safetensors`);
const journalIn = (out: string) => `${out}/journal.jsonl`;

interface Work {
  /** What was evaluated: the number of the trial, or `-` outside of trials, and the task. */
  evaluated: string[];
  wrote: boolean;
}

/** Runs a search and notes what it works on. */
async function run(recipe: SearchRecipe, options: SearchOptions): Promise<Work> {
  const work: Work = { evaluated: [], wrote: false };
  const onProgress = (event: ProgressEvent) => {
    const { phase, done, trial, subject } = event;
    if (phase === 'evaluate' && done === 0) work.evaluated.push(`${trial ?? '-'} ${subject}`);
    if (phase === 'write') work.wrote = true;
    options.onProgress?.(event);
  };
  await search(recipe, { threads: 1, ...options, onProgress });
  return work;
}

async function finished(): Promise<{ space: Workspace; recipe: SearchRecipe; out: string }> {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(space.recipe);
  const out = space.path('out');
  await search(recipe, { out, threads: 1 });
  return { space, recipe, out };
}

const withSearch = (recipe: SearchRecipe, search: Partial<SearchRecipe['search']>): SearchRecipe => ({
  ...recipe,
  search: { ...recipe.search, ...search },
});

test('a finished search keeps its journal, and asked for the same again it works on nothing and changes nothing', async (t) => {
  const { recipe, out } = await finished();
  t.true(existsSync(journalIn(out)));
  t.false(existsSync(journalPath(out)));
  const before = await stat(`${out}/model.safetensors`);
  t.deepEqual(await run(recipe, { out, resume: true }), { evaluated: [], wrote: false });
  t.is((await stat(`${out}/model.safetensors`)).mtimeMs, before.mtimeMs);
  t.false(existsSync(journalPath(out)));
});

test('a finished search is not another one: what differs in the trials is named, and the folder stays', async (t) => {
  const { space, recipe, out } = await finished();
  const before = await recordWithoutTiming(out);
  const refused = async (other: SearchRecipe, message: RegExp) => {
    await t.throwsAsync(search(other, { out, resume: true }), { code: 'MISMATCH', message });
    t.false(existsSync(journalPath(out)), 'no journal is left by a refusal');
  };
  await refused(withSearch(recipe, { seed: 5 }), /seed: 4 there, 5 now/);
  await refused(withSearch(recipe, { xi: 0.5 }), /recipe\.search\.xi: 0\.01 there, 0\.5 now/);
  await refused({ ...recipe, computeDtype: 'bfloat16' }, /compute_dtype: "float32" there, "bfloat16" now/);
  const { models } = recipe;
  await refused({ ...recipe, models: [...models].reverse() }, /recipe\.models/);

  const reads = [
    ['models/base/model.safetensors', /\n {2}base \(models\/base\): "/],
    ['models/b/model.safetensors', /\n {2}models\.1 \(models\/b\): "/],
    ['data/a/validation.jsonl', /\n {2}data\.a\.validation \(data\/a\): "/],
  ] as const;
  for (const [name, message] of reads) {
    const file = space.path(name);
    const content = await readFile(file);
    const changed = Buffer.from(content);
    // A weight's lowest bit, or a letter of a text.
    const at = name.endsWith('.jsonl') ? content.indexOf('"input":"') + 9 : content.length - 4;
    changed[at] ^= 1;
    await writeFile(file, changed);
    await refused(recipe, message);
    await writeFile(file, content);
  }
  const tokenizer = space.path('models/base/tokenizer.json');
  const text = await readFile(tokenizer, 'utf8');
  for (const model of ['base', 'a', 'b'])
    await writeFile(space.path('models', model, 'tokenizer.json'), text.replace('"version":"1.0"', '"version":"1.0" '));
  await refused(recipe, /\n {2}tokenizer: "/);
  for (const model of ['base', 'a', 'b']) await writeFile(space.path('models', model, 'tokenizer.json'), text);

  t.deepEqual(await run(recipe, { out, resume: true }), { evaluated: [], wrote: false }, 'all as it was');
  t.deepEqual(await recordWithoutTiming(out), before);
});

test('the same files under other names are the same search', async (t) => {
  const { space, recipe, out } = await finished();
  await cp(space.path('models'), space.path('moved'), { recursive: true });
  const moved = await space.variant('moved.yaml', (text) => text.replaceAll('models/', 'moved/'));
  const { evaluated } = await run(recipeForSearch(moved), { out, resume: true });
  t.deepEqual(evaluated, []);
  const record = (await recordWithoutTiming(out)) as { recipe: { base_model: string } };
  t.is(record.recipe.base_model, 'moved/base', 'the record says what was asked for last');
  t.deepEqual(await run(recipeForSearch(moved), { out, resume: true }), { evaluated: [], wrote: false });
  t.is(recipe.search.iterations, 5);
});

test('asked for more iterations, a finished search goes on to the bytes of one that had them from the start', async (t) => {
  const { space, recipe, out } = await finished();
  const longer = withSearch(recipe, { iterations: 9 });
  await search(longer, { out: space.path('whole'), threads: 1 });
  const controller = new AbortController();
  const onTrial = ({ trial }: { trial: number }) => trial === 10 && controller.abort();
  await t.throwsAsync(search(longer, { out, resume: true, threads: 1, onTrial, signal: controller.signal }), {
    any: true,
    name: 'AbortError',
  });
  t.true(existsSync(`${out}/model.safetensors`), 'until then the model of the shorter one stays');
  const { evaluated, wrote } = await run(longer, { out, resume: true });
  t.true(wrote);
  t.deepEqual(
    [...new Set(evaluated.map((what) => what.split(' ')[0]))].filter((trial) => trial !== '-'),
    ['11', '12'],
  );
  t.deepEqual(await weights(out), await weights(space.path('whole')));
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('whole')));
  t.false(existsSync(journalPath(out)));

  const warned: string[] = [];
  const onWarning = (message: string) => warned.push(message);
  t.deepEqual(await run(recipe, { out, resume: true, onWarning }), { evaluated: [], wrote: false });
  t.regex(warned.join('\n'), /has 9 iterations, and stays as it is where 5 are asked for/);
});

test('asked for another output, a finished search computes what is missing and no trial', async (t) => {
  const { space, recipe, out } = await finished();
  const compare = ['base', 'fine-tuned', 'average', 'task_arithmetic'];
  await search(recipe, { out: space.path('whole'), threads: 1, compare });
  const more = await run(recipe, { out, resume: true, compare });
  t.is(more.evaluated.length, 11 * 2 + 2, 'the grid of the one that is new');
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('whole')));
  t.deepEqual(
    await run(recipe, { out, resume: true }),
    { evaluated: [], wrote: false },
    'which need not be asked for again',
  );

  const half = { ...recipe, dtype: 'bfloat16' as const };
  t.deepEqual(await run(half, { out, resume: true }), { evaluated: [], wrote: true });
  await search(half, { out: space.path('half'), threads: 1, compare });
  t.deepEqual(await weights(out), await weights(space.path('half')));
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('half')));

  await appendFile(space.path('data/a/test.jsonl'), '{"input": "the cat", "choices": ["red", "a dog"], "label": 0}\n');
  const again = await run(half, { out, resume: true });
  t.true(again.evaluated.length > 0 && again.evaluated.every((what) => what.startsWith('- ')));
  const record = JSON.parse(await readFile(`${out}/dfmerge.json`, 'utf8')) as {
    tasks: { test: { examples: number } }[];
  };
  t.deepEqual(
    record.tasks.map(({ test: { examples } }) => examples),
    [25, 24],
  );
});

test('what is missing from a finished folder is written again', async (t) => {
  const { space, recipe, out } = await finished();
  await cp(out, space.path('copy'), { recursive: true });
  const losses: [string, () => Promise<void>][] = [
    ...['model.safetensors', 'dfmerge.json', 'report.html'].map((name): [string, () => Promise<void>] => [
      name,
      () => rm(`${out}/${name}`),
    ]),
    ['the end of the weights', () => truncate(`${out}/model.safetensors`, 3000)],
  ];
  for (const [name, lose] of losses) {
    await lose();
    const { evaluated } = await run(recipe, { out, resume: true });
    t.deepEqual(evaluated, [], name);
    t.deepEqual(await weights(out), await weights(space.path('copy')), name);
    t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('copy')), name);
  }
});

test('killed between finishing the folder and removing the journal beside it, a search is finished', async (t) => {
  const { recipe, out } = await finished();
  await copyFile(journalIn(out), journalPath(out));
  t.deepEqual(await run(recipe, { out, resume: true }), { evaluated: [], wrote: false });
  t.false(existsSync(journalPath(out)));
});

test('a journal in which no trial has ended holds up no new search', async (t) => {
  const { recipe, space } = await finished();
  const out = space.path('new');
  const controller = new AbortController();
  const onProgress = ({ trial }: ProgressEvent) => trial === 1 && controller.abort();
  await t.throwsAsync(search(recipe, { out, onProgress, signal: controller.signal }), {
    any: true,
    name: 'AbortError',
  });
  t.regex(readFileSync(journalPath(out), 'utf8'), /"asked"/);
  await search(withSearch(recipe, { seed: 5 }), { out, threads: 1 });
  t.true(existsSync(journalIn(out)));
});

test('a second process on the same output is told who holds it and since when; after kill -9 the next one goes on at once', async (t) => {
  const { space, out: whole } = await finished();
  const out = space.path('shared');
  const command = ['search', space.recipe, '--out', out, '--threads', '1'];
  const first = startCommand(command);
  const began = new Promise<void>((resolve) =>
    first.child.stderr?.on('data', (data: Buffer) => data.toString().includes('trial 2/8') && resolve()),
  );
  await began;
  first.child.kill('SIGSTOP');
  const lines = readFileSync(journalPath(out), 'utf8');
  for (const more of [[], ['--resume'], ['--overwrite']]) {
    const { code, stderr } = await runCommand([...command, ...more]);
    t.is(code, 1);
    t.regex(stderr, new RegExp(`another run is writing ${out}.* by process ${first.child.pid} on host .* since 20`));
  }
  t.is(readFileSync(journalPath(out), 'utf8'), lines);
  first.child.kill('SIGKILL');
  await first.finished;
  const { code, stderr } = await runCommand([...command, '--resume']);
  t.is(code, 0, stderr);
  t.deepEqual(await weights(out), await weights(whole));
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(whole));
});

test('where no journal lies, --resume begins a new search, and where something else does, it is not replaced', async (t) => {
  const { space, recipe } = await finished();
  const out = space.path('new');
  await search(recipe, { out, resume: true, threads: 1 });
  await rm(journalIn(out));
  await t.throwsAsync(search(recipe, { out, resume: true }), { code: 'EXISTS' });
});

test('with repair a damaged journal goes on from its last good line, to the same bytes, and a copy is kept', async (t) => {
  const { space, recipe, out: whole } = await finished();
  const lines = readFileSync(journalIn(whole), 'utf8').split('\n').slice(0, -1);
  for (const [index, line] of [0, 1, 4, 7, lines.length - 2].entries()) {
    const out = space.path(`damaged-${index}`);
    const damaged = lines.with(line, lines[line].slice(0, 20)).join('\n') + '\n';
    await writeFile(journalPath(out), damaged);
    const told = line === 0 ? 'No line of this journal is good' : `Lines 1 to ${line} of this journal are good`;
    await t.throwsAsync(search(recipe, { out, resume: true }), {
      code: 'INVALID_DATA',
      message: new RegExp(`${journalPath(out)}:${line + 1}: .*${told}.*--repair`),
    });
    await t.throwsAsync(search(recipe, { out }), { code: 'INVALID_DATA' });
    t.is(readFileSync(journalPath(out), 'utf8'), damaged, 'it is not touched');
    await search(recipe, { out, repair: true, threads: 1 });
    t.is(readFileSync(`${journalPath(out)}.damaged-1`, 'utf8'), damaged);
    t.deepEqual(await weights(out), await weights(whole));
    t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(whole));
  }
  const copies = (await readdir(space.dir)).filter((name) => name.includes('damaged-1.journal'));
  await writeFile(journalIn(space.path('damaged-1')), 'not a journal\n');
  await search(recipe, { out: space.path('damaged-1'), repair: true, threads: 1 });
  t.is(readFileSync(space.path('damaged-1.journal.jsonl.damaged-2'), 'utf8'), 'not a journal\n');
  t.deepEqual(copies, ['damaged-1.journal.jsonl.damaged-1'], 'an earlier copy stays');
});
