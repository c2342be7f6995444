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

/** The events of a search's end in its journal, in order: `PART TRIAL`, `PART TASK` or `PART`. */
function finished(out: string): string[] {
  const path = journalPath(out);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.flatMap((line) => {
    const { event, part, trial, split, task } = JSON.parse(line) as Record<string, string | undefined>;
    if (part === undefined || event === 'asked') return [];
    return [[part, trial, split, task].filter((word) => word !== undefined).join(' ')];
  });
}

test('interrupted after every task of a comparison or final evaluation, a search repeats none of them and ends with the same bytes', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(space.recipe);
  const options = { compare: COMPARE, threads: 1 };
  await search(recipe, { ...options, out: space.path('whole') });

  const out = space.path('out');
  const evaluated: number[] = [];
  let seen: string[] = [];
  const steps: string[] = [];
  for (let ended = false; !ended;) {
    const controller = new AbortController();
    const before = finished(out).length;
    let begun = 0;
    const onProgress = ({ phase, trial, done }: ProgressEvent) => {
      if (trial !== undefined || phase === 'search') return;
      if (finished(out).length > before) controller.abort();
      else if (phase === 'evaluate' && done === 0) begun++;
    };
    try {
      await search(recipe, { ...options, out, resume: true, onProgress, signal: controller.signal });
      ended = true;
    } catch (error) {
      if (error !== controller.signal.reason) throw error;
      const now = finished(out);
      t.deepEqual(now.slice(0, before), seen, 'nothing is taken back');
      steps.push(...now.slice(before));
      seen = now;
    }
    evaluated.push(begun);
  }
  const tasks = ['a', 'b'];
  const scored = (part: string, split = 'test') => tasks.map((task) => `${part} ${split} ${task}`);
  const trials = Array.from({ length: 11 }, (_, i) => `task_arithmetic ${i + 1}`);
  t.deepEqual(steps, [
    ...[...scored('base'), 'base', ...scored('fine-tuned'), 'fine-tuned'],
    ...[...trials, ...scored('task_arithmetic'), 'task_arithmetic', ...scored('fisher'), 'fisher'],
    ...[...scored('final', 'validation'), ...scored('final')],
  ]);
  t.is(
    evaluated.reduce((sum, count) => sum + count),
    4 * 2 + 2 * 11 + 2 * 2,
    'each task of each model once',
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
  t.is(finished(out).length, 3 * 3 + 2 * 2);
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
    '"scored","split":"test","task":"a"',
    '"part":"base"',
    '"told","trial":5,"part":"task_arithmetic"',
    '"part":"fisher"',
    '"split":"validation","task":"a"',
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
