// A search that is interrupted after its trials, in its comparisons or its final evaluation.
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { journalPath, search } from '../lib/commands/search.js';
import type { ProgressEvent } from '../lib/core/progress.js';
import { recipeForSearch } from '../lib/recipe/read.js';
import type { RunRecord } from '../lib/run/record.js';
import { runCommand, startCommand } from './support/command.js';
import { makeWorkspace, recordWithoutTiming } from './support/workspace.js';

const COMPARE = ['base', 'fine-tuned', 'task_arithmetic', 'fisher'];
const WEIGHTS = 'model.safetensors';

/** What of a search's end is in its journal, in order. */
function finished(out: string): string[] {
  const path = journalPath(out);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const events = lines.map((line) => JSON.parse(line) as { event: string; name?: string; split?: string });
  return events.flatMap(({ event, name, split }) =>
    event === 'compared' || event === 'final' ? [`${event} ${name ?? split}`] : [],
  );
}

test('interrupted after every comparison and final evaluation, a search repeats none of them and ends with the same bytes', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(space.recipe);
  const options = { compare: COMPARE, threads: 1 };
  await search(recipe, { ...options, out: space.path('whole') });

  const out = space.path('out');
  const evaluated: string[][] = [];
  const states: string[][] = [];
  for (let ended = false; !ended;) {
    const controller = new AbortController();
    const before = finished(out).length;
    const begun: string[] = [];
    const onProgress = ({ phase, trial, done, subject }: ProgressEvent) => {
      if (trial !== undefined || phase === 'search') return;
      if (finished(out).length > before) controller.abort();
      else if (phase === 'evaluate' && done === 0) begun.push(subject ?? '');
    };
    try {
      await search(recipe, { ...options, out, resume: true, onProgress, signal: controller.signal });
      ended = true;
    } catch (error) {
      if (error !== controller.signal.reason) throw error;
      states.push(finished(out));
    }
    evaluated.push(begun);
  }
  const all = [...COMPARE.map((name) => `compared ${name}`), 'final validation', 'final test'];
  t.deepEqual(
    states,
    all.map((_, i) => all.slice(0, i + 1)),
    'each interruption leaves one more',
  );
  t.deepEqual(
    evaluated.map((subjects) => subjects.length),
    [2, 2, 2 * 11 + 2, 2, 2, 2, 0],
    'two tasks each, and a grid of eleven before task arithmetic',
  );
  t.deepEqual(await readFile(`${out}/${WEIGHTS}`), await readFile(space.path('whole', WEIGHTS)));
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('whole')));
  t.false(existsSync(journalPath(out)));
});

test('a search that ends at other coefficients after more iterations evaluates them, and keeps its comparisons', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(space.recipe);
  const out = space.path('out');
  const controller = new AbortController();
  // The best of one trial cannot be that of nine, or else the test shows nothing: see the last assertion.
  const short = { ...recipe, search: { ...recipe.search, init: 3, iterations: 0 } };
  const onProgress = ({ phase }: ProgressEvent) => phase === 'write' && controller.abort();
  await t.throwsAsync(search(short, { out, onProgress, signal: controller.signal, threads: 1 }), {
    any: true,
    name: 'AbortError',
  });
  t.is(finished(out).length, 5);
  const longer = { ...recipe, search: { ...recipe.search, init: 3, iterations: 12 } };
  const begun: string[] = [];
  const record = await search(longer, {
    out,
    resume: true,
    threads: 1,
    onProgress: ({ phase, trial, done, subject }) =>
      phase === 'evaluate' && trial === undefined && done === 0 && begun.push(subject ?? ''),
  });
  const whole = await search(longer, { out: space.path('whole'), threads: 1 });
  t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('whole')));
  t.deepEqual(record.tasks, whole.tasks);
  t.true(record.best!.trial > 3);
  t.deepEqual(begun, ['a', 'b', 'a', 'b'], 'the final evaluation alone');
});

test('killed while it compares or evaluates, a search resumes to the same bytes', async (t) => {
  const space = await makeWorkspace();
  const command = (out: string, ...rest: string[]) =>
    ['search', space.recipe, '--out', out, '--threads', '1', '--compare', ...COMPARE, ...rest] as const;
  const whole = space.path('whole');
  t.is((await runCommand(command(whole))).code, 0);
  const marks = [
    '"told","trial":8',
    '"name":"base"',
    '"name":"task_arithmetic"',
    '"name":"fisher"',
    '"split":"validation"',
  ];
  for (const [i, mark] of marks.entries()) {
    const out = space.path(`killed-${i}`);
    const { child, finished: ended } = startCommand(command(out));
    const watch = setInterval(() => {
      if (existsSync(journalPath(out)) && readFileSync(journalPath(out), 'utf8').includes(mark)) child.kill('SIGKILL');
    }, 1);
    await ended;
    clearInterval(watch);
    const { code, stderr } = await runCommand(command(out, '--resume'));
    t.is(code, 0, `${mark}: ${stderr}`);
    t.deepEqual(await readFile(`${out}/${WEIGHTS}`), await readFile(`${whole}/${WEIGHTS}`), mark);
    t.deepEqual((await recordWithoutTiming(out)) as RunRecord, (await recordWithoutTiming(whole)) as RunRecord, mark);
    t.false(existsSync(journalPath(out)));
  }
});
