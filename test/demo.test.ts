import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { RandomStream } from '../lib/core/random_stream.js';
import { loadSplit } from '../lib/tasks/rows.js';
import { Pace } from '../lib/core/pace.js';
import { makeData, type MadeTask } from '../lib/demo/data.js';
import { demo, demoTable } from '../lib/demo/demo.js';
import { FULL_PLAN, type Plan } from '../lib/demo/plan.js';
import { corruptSpans, pretrainingRow } from '../lib/demo/pretraining_rows.js';
import { CAPITALS } from '../lib/demo/words.js';
import { DfMergeError } from '../lib/core/errors.js';
import type { ProgressEvent } from '../lib/core/progress.js';
import { recipeForSearch } from '../lib/recipe/read.js';
import type { RunRecord } from '../lib/run/record.js';
import { loadTokenizer } from '../lib/tasks/text/tokenizer.js';
import { TINY } from './support/tiny_plan.js';

const full = await makeData(1, FULL_PLAN, new Pace());
const textsOf = ({ splits }: MadeTask): string[] =>
  Object.values(splits)
    .flat()
    .flatMap(({ input, choices }) => [input, ...choices]);
const plain = full.stories.map(({ text }) => text);

let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfmerge-demo-'));
  process.env.DFMERGE_CACHE = join(folder, 'cache');
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

test('data: the same for the same seed, other for another', async (t) => {
  const made = (seed: number) => makeData(seed, TINY, new Pace());
  t.deepEqual(await made(5), await made(5));
  t.notDeepEqual((await made(5)).tasks, (await made(6)).tasks);
});

test('data: splits of the planned sizes, labels balanced, choices different', (t) => {
  for (const { skill, splits } of full.tasks) {
    for (const [split, rows] of Object.entries(splits)) {
      t.is(rows.length, FULL_PLAN.rows[split as keyof Plan['rows']]);
      const counts = rows[0].choices.map((_, label) => rows.filter((row) => row.label === label).length);
      t.true(Math.max(...counts) - Math.min(...counts) <= 1, `${skill.name} ${split}: ${counts.join(' ')}`);
      t.true(rows.every(({ choices }) => new Set(choices).size === choices.length));
    }
  }
});

test('data: no input is in two splits, or twice in one', (t) => {
  for (const { skill, splits } of full.tasks) {
    const inputs = Object.values(splits)
      .flat()
      .map(({ input }) => input);
    t.is(new Set(inputs).size, inputs.length, skill.name);
  }
});

test('data: plain text asks no question of a task and has no country beside its capital', (t) => {
  const asked = new Set(full.stories.flatMap((story) => story.asked.map(([question]) => question)));
  for (const { skill, splits } of full.tasks) {
    const question = splits.test[0].input.slice(splits.test[0].input.lastIndexOf(' . ') + 3);
    t.true(question.endsWith('?') && !asked.has(question), skill.name);
    t.false(
      plain.some((text) => text.includes(question)),
      skill.name,
    );
  }
  const told = plain.filter((text) =>
    Object.entries(CAPITALS).some(([country, capital]) => text.includes(country) && text.includes(capital)),
  );
  t.deepEqual(told, []);
});

test('data: a story answers what is asked about it in its own words', (t) => {
  const wrong = full.stories.filter(({ text, asked }) => asked.some(([, answer]) => !text.split(' ').includes(answer)));
  t.deepEqual(wrong, []);
});

test('tokenizer: every word of the stories and tasks is a token', async (t) => {
  const dir = join(folder, 'tokenizer');
  await mkdir(dir);
  await writeFile(join(dir, 'tokenizer.json'), full.tokenizer.json);
  const tokenizer = await loadTokenizer(dir);
  t.is(tokenizer.eosTokenId, 1);
  t.deepEqual(tokenizer.encode('unheard'), [2, 1]);
  const stream = new RandomStream(1, 'test');
  const rows = full.stories.slice(0, 2000).map((story) => pretrainingRow(stream, story));
  const texts = [...rows.flatMap(({ input, choices }) => [input, ...choices]), ...full.tasks.flatMap(textsOf)];
  for (const text of texts) {
    const ids = tokenizer.encodeInput(text);
    const words = text.split(' ').length;
    if (ids.includes(2) || ids.length !== words + 1 || ids.at(-1) !== 1) t.fail(`${text} → ${ids.join(' ')}`);
  }
  t.pass();
});

test('corrupted spans: the answer fills the gaps of the input', (t) => {
  const stream = new RandomStream(2, 'test');
  for (const text of plain.slice(0, 1000)) {
    const { input, choices } = corruptSpans(stream, text);
    const spans = choices[0].split(/ ?<extra_id_\d+> ?/).slice(1, -1);
    t.true(spans.length > 0 && spans.every((span) => span !== ''));
    t.is(
      input.replace(/<extra_id_(\d+)>/g, (_, i: string) => spans[Number(i)]),
      text,
    );
  }
});

test.serial('demo: writes tasks, models, recipe, merged model and report, and returns the table', async (t) => {
  const out = join(folder, 'out');
  const lines: string[] = [];
  const events: ProgressEvent[] = [];
  const result = await demo({
    out,
    plan: TINY,
    threads: 2,
    log: (line) => lines.push(line),
    onProgress: (event) => events.push(event),
  });
  const tasks = ['mood', 'topic', 'capital', 'weight'];
  for (const model of ['models/base', ...tasks.map((task) => `models/${task}`), 'merged']) {
    for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'])
      t.true(existsSync(join(out, model, file)), `${model}/${file}`);
  }
  for (const task of tasks)
    t.is((await loadSplit(join(out, 'data', task), 'test', { needLabels: true })).rows.length, TINY.rows.test);
  t.is(recipeForSearch(join(out, 'recipe.yaml')).mergeMethod, 'df_merge');
  t.deepEqual(JSON.parse(await readFile(join(out, 'merged/dfmerge.json'), 'utf8')) as RunRecord, result.record);
  t.is(result.report, join(out, 'merged/report.html'));
  t.true(existsSync(result.report));
  t.is(result.record.trials.length, 4);
  t.false(existsSync(join(folder, 'cache')), 'nothing is left outside of the folder');

  const { rows } = result.table;
  t.deepEqual(result.table.tasks, tasks);
  t.deepEqual(
    rows.map(({ model }) => model.replace(/λ = .*/, 'λ')),
    ['base', ...tasks.map((task) => `child: ${task}`), 'average', 'task arithmetic, λ', 'Fisher merging', 'DF-Merge'],
  );
  t.true(
    rows.every(
      ({ accuracy, mean }) =>
        tasks.every((task) => accuracy[task] >= 0 && accuracy[task] <= 1) && mean >= 0 && mean <= 1,
    ),
  );
  t.is(demoTable(result).split('\n').length, 2 + rows.length);
  t.deepEqual(JSON.parse(JSON.stringify(result)), result);
  t.true(lines.some((line) => line.startsWith('Pre-trained')) && lines.some((line) => line.startsWith('Searched')));
  t.true(events.some(({ phase, subject }) => phase === 'train' && subject === 'the children'));
});

test.serial(
  'demo: the same numbers whatever the threads; an earlier demo is replaced when asked, nothing else is',
  async (t) => {
    const out = join(folder, 'again');
    const first = await demo({ out, plan: TINY, seed: 3, threads: 1 });
    await t.throwsAsync(demo({ out, plan: TINY }), { instanceOf: DfMergeError, code: 'EXISTS' });
    await writeFile(join(out, 'mine.txt'), 'mine');
    const second = await demo({ out, plan: TINY, seed: 3, threads: 4, overwrite: true });
    t.deepEqual(second.table, first.table);
    t.deepEqual(second.record.trials, first.record.trials);
    t.is(await readFile(join(out, 'mine.txt'), 'utf8'), 'mine');

    const other = join(folder, 'other');
    await mkdir(other);
    await writeFile(join(other, 'recipe.yaml'), 'merge_method: linear\n');
    await t.throwsAsync(demo({ out: other, plan: TINY, overwrite: true }), {
      instanceOf: DfMergeError,
      code: 'INVALID_ARGUMENT',
    });
  },
);

test.serial('demo: stops when it is told to, at any stage', async (t) => {
  for (const at of ['base', 'the children', 'mood']) {
    const controller = new AbortController();
    const onProgress = ({ subject }: ProgressEvent) => {
      if (subject === at) controller.abort();
    };
    await t.throwsAsync(
      demo({ out: join(folder, 'stopped'), overwrite: true, plan: TINY, signal: controller.signal, onProgress }),
      { any: true, name: 'AbortError' },
    );
  }
});
