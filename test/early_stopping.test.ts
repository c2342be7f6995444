// Early stopping of candidates that can no longer come up to the best: where scoring ends, and what is told and recorded. A search without it is
// as it was.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { evaluate } from '../lib/commands/evaluate.js';
import { prepareSplit } from '../lib/tasks/prepared_split.js';
import { TaskAccuracy } from '../lib/objectives/task_accuracy.js';
import type { TrialScore } from '../lib/objectives/objective.js';
import { evaluateRows, scoringRows, type PartialEvaluation } from '../lib/engine/evaluate.js';
import { merge } from '../lib/commands/merge.js';
import { Session } from '../lib/engine/session.js';
import { recipeForMerge, recipeForSearch } from '../lib/recipe/read.js';
import type { RunRecord, TrialRecord } from '../lib/run/record.js';
import { journalPath, search } from '../lib/commands/search.js';
import type { PreparedTask } from '../lib/tasks/prepare.js';
import { tokenizerOf } from '../lib/tasks/tokenize.js';
import { makeWorkspace, recordWithoutTiming, type Workspace } from './support/workspace.js';

/** So few bytes that each batch holds one row. */
const ROW_BY_ROW = { threads: 1, batchMemory: 1 };

/** The base of a workspace, with the validation splits of its two tasks. */
async function scoring(space: Workspace): Promise<{ model: Session; tasks: PreparedTask[] }> {
  const model = await Session.open(space.path('models', 'base'), [], ROW_BY_ROW);
  await model.load(0);
  const tokenizer = await tokenizerOf(model);
  const tasks: PreparedTask[] = [];
  for (const name of ['a', 'b']) {
    const { digest, rows, all } = await prepareSplit(tokenizer, space.path('data', name), {
      split: 'validation',
      needLabels: true,
    });
    tasks.push({ name, subset: { digest, rows: await scoringRows(model, { rows, indices: all }) } });
  }
  return { model, tasks };
}

const early = (space: Workspace, settings = 'early_stopping: true', name = 'early.yaml') =>
  space.variant(name, (text) =>
    text.replace('validation_ratio: 0.5', `validation_ratio: 1, ${settings}`).replace('iterations: 5', 'iterations: 9'),
  );

const stoppedOf = ({ trials }: RunRecord) => trials.filter(({ stopped }) => stopped);

test('a scoring tells how far it is after each batch, and can be ended there', async (t) => {
  const { model, tasks } = await scoring(await makeWorkspace());
  try {
    const batched = tasks[0].subset!.rows;
    const { rows, indices: all } = batched;
    const seen: PartialEvaluation[] = [];
    const whole = await evaluateRows(model, batched, { onPartial: (partial) => void seen.push(partial) });
    t.deepEqual(
      seen.map(({ done, total }) => [done, total]),
      all.map((i) => [i + 1, all.length]),
    );
    t.is(seen.at(-1)?.correct, Math.round(whole.accuracy * whole.examples));
    t.false('stopped' in whole);

    const part = await evaluateRows(model, batched, { onPartial: ({ done }) => done === 15 });
    t.true(part.stopped);
    t.is(part.examples, 15);
    t.is(part.accuracy, seen[14].correct / 15);
    t.deepEqual(
      part.results,
      whole.results.filter(({ index }) => part.results.some((result) => result.index === index)),
    );
    const shortest = Math.min(...part.results.map(({ index }) => rows.inputIds[index].length));
    t.true(
      all.every((i) => rows.inputIds[i].length <= shortest || part.results.some(({ index }) => index === i)),
      'the longest first',
    );

    const atEnd = await evaluateRows(model, batched, { onPartial: ({ done, total }) => done === total });
    t.deepEqual(atEnd, whole, 'ended after the last batch, it is whole');
  } finally {
    model.close();
  }
});

test('evaluate sees the same, and writes the details of what was scored', async (t) => {
  const space = await makeWorkspace();
  const details = space.path('details.jsonl');
  const { examples, results } = await evaluate({
    ...ROW_BY_ROW,
    model: space.path('models', 'a'),
    data: space.path('data', 'a'),
    details,
    onPartial: ({ done }) => done >= 10,
  });
  t.is(examples, 10);
  t.deepEqual(
    (await readFile(details, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    results,
  );
});

test('a trial is scored until the rows left could not save it; tasks not seen count as they usually do', async (t) => {
  const { model, tasks } = await scoring(await makeWorkspace());
  try {
    const earlier = [0.25, 0.75, 0.8].map((b): TrialScore => ({ objective: 0, accuracy: { a: 0.5, b } }));
    /** Scores against earlier trials, the best of which had the objective `least`. */
    const scored = async (least: number) => {
      const objective = new TaskAccuracy(model, tasks, { margin: 0 });
      const recall = (score: TrialScore) => objective.recall({ trial: 1, coefficients: [], ...score });
      earlier.forEach((score, i) => recall(i === 0 ? { ...score, objective: least } : score));
      recall({ objective: 2, accuracy: {}, stopped: true }); // A stopped trial is nothing to be compared with.
      return objective.evaluate({ trial: 5, coefficients: [] });
    };
    const whole = await new TaskAccuracy(model, tasks).evaluate({ trial: 1, coefficients: [] });
    t.deepEqual(await new TaskAccuracy(model, tasks, { margin: 0 }).evaluate({ trial: 1, coefficients: [] }), whole);
    t.deepEqual(Object.keys(whole), ['objective', 'accuracy', 'correct']);
    const { a, b } = whole.accuracy;
    t.is(whole.objective, (a + b) / 2);
    t.deepEqual(await scored(whole.objective), whole, 'what could still draw level is scored on');

    // The bound is one that a wrong answer or two in the first task break.
    const first = await scored(1 - 1 / 80);
    t.true(first.stopped);
    const rows = first.rowsSeen!;
    t.true(rows.a > 0 && rows.a < 40, JSON.stringify(rows));
    t.is(rows.b, 0);
    t.deepEqual(Object.keys(first.accuracy), ['a']);
    t.is(rows.a - Math.round(first.accuracy.a * rows.a), 2, 'two wrong answers');
    t.is(first.objective, (first.accuracy.a + (0.25 + 0.75 + 0.8) / 3) / 2);
    t.deepEqual(first.correct, {});

    // Scoring ends in the second task, and the first one is whole.
    const second = await scored((a + 1) / 2 - 1 / 80);
    t.true(second.stopped);
    t.is(second.rowsSeen?.a, 40);
    t.is(second.accuracy.a, a);
    t.true(second.rowsSeen!.b > 0 && second.rowsSeen!.b < 40);
    t.is(second.objective, (a + second.accuracy.b) / 2);
    t.deepEqual(second.correct, { a: whole.correct?.a });

    for (let least = 0.3; least <= 1; least += 0.01) {
      const { objective, stopped } = await scored(least);
      if (stopped)
        t.true(objective < least && whole.objective < least, `neither the estimate nor the truth comes up to ${least}`);
      else t.is(objective, whole.objective);
    }
  } finally {
    model.close();
  }
});

test('a search with early stopping records what it stopped, and never takes it for the best', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('out');
  const record = await search(recipeForSearch(await early(space)), { out, ...ROW_BY_ROW });
  const stopped = stoppedOf(record);
  t.log(`${stopped.length} of ${record.trials.length} trials stopped`);
  t.true(stopped.length >= 2);
  t.deepEqual([record.recipe.search.early_stopping, record.recipe.search.early_stopping_margin], [true, 0]);
  t.deepEqual(
    (JSON.parse(await readFile(`${out}/dfmerge.json`, 'utf8')) as RunRecord).trials,
    JSON.parse(JSON.stringify(record.trials)),
  );
  t.regex(await readFile(`${out}/report.html`, 'utf8'), /Stopped early/);

  let best = -1;
  for (const { trial, objective, accuracy, stopped: ended, rowsSeen } of record.trials) {
    if (!ended) {
      t.is(objective, (accuracy.a + accuracy.b) / 2);
      best = Math.max(best, objective);
      continue;
    }
    t.true(objective < best, `trial ${trial}`);
    t.true(rowsSeen!.a + rowsSeen!.b < 80 && rowsSeen!.a > 0);
  }
  t.is(record.best?.objective, best);
  t.false(record.trials[record.best!.trial - 1].stopped ?? false);

  // A candidate that was stopped is worse than the best before it, as scoring it to the end shows.
  for (const { trial, coefficients } of stopped) {
    const weights = (text: string) =>
      coefficients.reduce(
        (all, weight, i) =>
          all.replace(`task: ${'ab'[i]}\n`, `task: ${'ab'[i]}\n    parameters: { weight: ${weight} }\n`),
        text,
      );
    const { tasks } = await merge(recipeForMerge(await space.variant(`merge-${trial}.yaml`, weights)), {
      out: space.path(`merged-${trial}`),
      threads: 1,
    });
    const before = Math.max(
      ...record.trials
        .slice(0, trial - 1)
        .filter((earlier) => !earlier.stopped)
        .map(({ objective }) => objective),
    );
    t.true((tasks[0].validation.accuracy + tasks[1].validation.accuracy) / 2 < before, `trial ${trial}`);
  }
});

test('a margin lets more trials be scored to their end', async (t) => {
  const space = await makeWorkspace();
  const run = async (margin: number) =>
    search(
      recipeForSearch(await early(space, `early_stopping: true, early_stopping_margin: ${margin}`, `${margin}.yaml`)),
      { out: space.path(`out-${margin}`), compare: [], ...ROW_BY_ROW },
    );
  t.deepEqual(stoppedOf(await run(100)), []);
  const record = await run(3);
  let best = -1;
  for (const { objective, stopped } of record.trials) {
    if (stopped) t.true(objective < best - 0.03);
    else best = Math.max(best, objective);
  }
  t.is(record.trials.length, 12);
  t.true(stoppedOf(record).length > 0);
});

test('interrupted after any trial, a search with early stopping resumes to the same bytes', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(await early(space));
  const whole = await search(recipe, { out: space.path('whole'), ...ROW_BY_ROW });
  const first = stoppedOf(whole)[0].trial;
  for (const at of [first - 1, first, 11]) {
    const out = space.path(`stopped-${at}`);
    const controller = new AbortController();
    const onTrial = ({ trial }: TrialRecord) => trial === at && controller.abort();
    await t.throwsAsync(search(recipe, { out, onTrial, signal: controller.signal, ...ROW_BY_ROW }), {
      any: true,
      name: 'AbortError',
    });
    await search(recipe, { out, resume: true, ...ROW_BY_ROW });
    t.deepEqual(
      await readFile(`${out}/model.safetensors`),
      await readFile(space.path('whole', 'model.safetensors')),
      `after trial ${at}`,
    );
    t.deepEqual(await recordWithoutTiming(out), await recordWithoutTiming(space.path('whole')), `after trial ${at}`);
  }
});

test("a journal's header names early stopping, and a search with it does not go on from one without it", async (t) => {
  const space = await makeWorkspace();
  const started = async (recipe: string, out: string) => {
    const controller = new AbortController();
    const onTrial = ({ trial }: TrialRecord) => trial === 2 && controller.abort();
    await t.throwsAsync(
      search(recipeForSearch(recipe), { out: space.path(out), signal: controller.signal, onTrial, ...ROW_BY_ROW }),
      { any: true, name: 'AbortError' },
    );
    const [header] = (await readFile(journalPath(space.path(out)), 'utf8')).split('\n');
    return (JSON.parse(header) as { recipe: { search: Record<string, unknown> } }).recipe.search;
  };
  const on = await early(space);
  const off = await early(space, 'early_stopping: false', 'off.yaml');
  t.deepEqual(await started(off, 'off'), {
    acquisition: 'ei',
    xi: 0.01,
    kappa: 2.576,
    init: 3,
    validation_ratio: 1,
    early_stopping: false,
    early_stopping_margin: 0,
    seed: 4,
    optimizer: 'default',
    bounds: [0, 1],
  });
  t.like(await started(on, 'on'), { early_stopping: true, early_stopping_margin: 0 });
  await t.throwsAsync(search(recipeForSearch(on), { out: space.path('off'), resume: true, ...ROW_BY_ROW }), {
    code: 'MISMATCH',
    message: /early_stopping: false there, true now/,
  });
  await t.throwsAsync(search(recipeForSearch(off), { out: space.path('on'), resume: true, ...ROW_BY_ROW }), {
    code: 'MISMATCH',
    message: /early_stopping: true there, false now/,
  });
  const record = await search(recipeForSearch(off), {
    out: space.path('off'),
    resume: true,
    compare: [],
    ...ROW_BY_ROW,
  });
  t.is(record.trials.length, 12);
  t.true(record.trials.every((trial) => !('stopped' in trial) && !('rowsSeen' in trial)));
  t.false(existsSync(journalPath(space.path('off'))));
});
