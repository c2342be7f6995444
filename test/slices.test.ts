import test from 'ava';
import { BayesianOptimizer } from '../lib/bayes/index.js';
import { sha256 } from '../lib/core/digest.js';
import { atOnce, Pace, SLICE_MS } from '../lib/core/pace.js';
import { sorting } from '../lib/core/sort.js';
import { makeData, taskFiles } from '../lib/demo/data.js';
import { batched, makeBatches } from '../lib/engine/batch.js';
import { checkChoices, checkFisherRows, checkLabels, checkSearchable } from '../lib/tasks/degenerate.js';
import { decodeRows, encodedBytes, encodeRows } from '../lib/tasks/row_file.js';
import { recipeForSearch } from '../lib/recipe/read.js';
import { BayesianProposals } from '../lib/search/proposals.js';
import { parseSplit } from '../lib/tasks/rows.js';
import { drawFisherRows, subsetRows } from '../lib/tasks/subset.js';
import { tokenizeRows } from '../lib/tasks/tokenize.js';
import { loadTokenizer } from '../lib/tasks/text/tokenizer.js';
import { TINY } from './support/tiny_plan.js';
import { makeWorkspace } from './support/workspace.js';

/** A pace whose clock goes on by a quarter of a slice each time that it is asked, and a count of the event loop's turns meanwhile. */
function countedPace(
  signal?: AbortSignal,
  onRest: (rest: number) => void = () => undefined,
): { pace: Pace; rests: () => number } {
  let time = 0;
  let rests = 0;
  class Counted extends Pace {
    override async rest(): Promise<void> {
      onRest(++rests);
      await super.rest();
    }
  }
  return { pace: new Counted(signal, () => (time += SLICE_MS / 4)), rests: () => rests };
}

function* work(steps: number, done: { count: number }): Generator<void, number> {
  for (let i = 0; i < steps; i++) {
    done.count++;
    yield;
  }
  return steps;
}

test('work rests whenever a slice is over, and the event loop has its turn', async (t) => {
  const { pace, rests } = countedPace();
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  t.is(await pace.finish(work(400, { count: 0 })), 400);
  counting = false;
  t.is(rests(), 100);
  t.true(turns >= 100, `${turns} turns`);
});

test('an abort ends work at its next rest', async (t) => {
  const controller = new AbortController();
  const { pace } = countedPace(controller.signal);
  const done = { count: 0 };
  setImmediate(() => controller.abort());
  await t.throwsAsync(pace.finish(work(1_000_000, done)), { any: true, name: 'AbortError' });
  t.true(done.count < 20, `${done.count} steps`);
});

test('rows, lines, bytes and a single long text are worked off in slices', async (t) => {
  const space = await makeWorkspace();
  const tokenizer = await loadTokenizer(space.path('models', 'base'));
  const rows = Array.from({ length: 300 }, () => ({ input: 'the cat sings', choices: ['a', 'red'] }));
  const many = countedPace();
  await tokenizeRows(tokenizer, rows, { pace: many.pace });
  t.true(many.rests() >= 150, `${many.rests()} rests in ${rows.length} rows`);
  const one = countedPace();
  await tokenizeRows(tokenizer, [{ input: 'x', choices: ['the cat '.repeat(100_000)] }], { pace: one.pace });
  t.true(one.rests() >= 40, `${one.rests()} rests in one text`);
  const lines = countedPace();
  const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  await parseSplit({ file: 'f', bytes }, { pace: lines.pace });
  t.true(lines.rests() >= 70, `${lines.rests()} rests in ${rows.length} lines`);
  const digest = countedPace();
  await sha256([Buffer.alloc(2 ** 26)], digest.pace);
  t.true(digest.rests() >= 3, `${digest.rests()} rests in 64 MiB`);
});

test('rows are cut into batches in slices, into the batches that makeBatches cuts', async (t) => {
  const rows = {
    inputIds: Array.from({ length: 400 }, (_, i) => new Int32Array(1 + (i % 7)).fill(i)),
    choices: Array.from({ length: 400 }, (_, i) => [Int32Array.of(i), Int32Array.of(i, 1)]),
    labels: new Int32Array(400),
  };
  const split = { rows, indices: rows.inputIds.map((_, i) => i) };
  const budget = { maxBytes: 20 };
  const expected = makeBatches(rows, split.indices, budget);
  const counted = countedPace();
  t.deepEqual((await batched(split, budget, counted.pace)).batches, expected);
  t.true(counted.rests() >= expected.length / 5, `${counted.rests()} rests in ${expected.length} batches`);
  const reason = new Error('enough');
  const { pace } = countedPace(AbortSignal.abort(reason));
  t.is(await t.throwsAsync(batched(split, budget, pace)), reason);
});

const MANY = 20_000;
const MANY_ROWS = {
  inputIds: Array.from({ length: MANY }, (_, i) => new Int32Array(1 + (i % 40)).fill(5)),
  choices: Array.from({ length: MANY }, (_, i) => [Int32Array.of(7), Int32Array.of(8, i)]),
  labels: new Int32Array(MANY),
};

const LOOKED = { task: 'mood', file: 'v.jsonl', rows: MANY_ROWS };
const EVERY = MANY_ROWS.inputIds.map((_, row) => row);
const SINGLE = { ...MANY_ROWS, choices: MANY_ROWS.choices.map(([first]) => [first]) };
const KEY = '0'.repeat(64);

/** Everything that goes over many rows outside of reading and tokenizing. */
const OVER_ROWS: Record<string, (pace: Pace) => Promise<unknown>> = {
  'a subset': (pace) => subsetRows(MANY, 0.5, { seed: 1, task: 'a', pace }),
  'rows of a Fisher': (pace) => drawFisherRows(MANY, MANY - 1, { seed: 1, task: 'a', pace }),
  'the check of choices': (pace) => checkChoices(LOOKED, { empty: new Set([1]), pace }),
  'the check of labels': (pace) => checkLabels(LOOKED, { empty: new Set([1]), pace }),
  'the check of rows of a Fisher': (pace) => checkFisherRows(LOOKED, 'choices', { empty: new Set([1]), pace }),
  'the check for something to search': (pace) =>
    checkSearchable([{ rows: SINGLE }, { rows: MANY_ROWS, indices: [1] }], pace),
  'batches of one row': (pace) => batched({ rows: MANY_ROWS, indices: EVERY }, { maxBytes: 1 }, pace),
  'one batch': (pace) => batched({ rows: MANY_ROWS, indices: EVERY }, { maxBytes: Infinity }, pace),
  'the size of a file of ids': (pace) => encodedBytes(MANY_ROWS, pace),
  'a file of ids': (pace) => encodeRows(MANY_ROWS, KEY, pace),
  "a demo's data": (pace) => makeData(1, { ...TINY, stories: 2000 }, pace),
};

for (const [name, work] of Object.entries(OVER_ROWS)) {
  test(`${name}: worked off in slices, each of which polls the signal`, async (t) => {
    const counted = countedPace();
    await work(counted.pace);
    const rests = counted.rests();
    t.true(rests >= 10, `${rests} rests`);
    const controller = new AbortController();
    const ended = countedPace(controller.signal, (rest) => {
      if (rest === 5) controller.abort();
    });
    await t.throwsAsync(work(ended.pace), { any: true, name: 'AbortError' });
    t.is(ended.rests(), 5);
  });
}

test('a file of ids is read back in slices', async (t) => {
  const counted = countedPace();
  t.deepEqual(await decodeRows(await encodeRows(MANY_ROWS, KEY), KEY, counted.pace), MANY_ROWS);
  t.true(counted.rests() >= 100, `${counted.rests()} rests`);
});

test("the texts of a demo's files are made in slices", async (t) => {
  const { tasks } = await makeData(1, { ...TINY, rows: { train: 800, validation: 10, test: 10 } }, new Pace());
  const counted = countedPace();
  const files = await taskFiles(tasks[0], counted.pace);
  t.is(files.length, 3);
  t.true(counted.rests() >= 10, `${counted.rests()} rests`);
});

test('sorting in steps gives what sort gives, equal items in their order', (t) => {
  for (const length of [0, 1, 4095, 4096, 4097, 30_000]) {
    const items = Array.from({ length }, (_, i) => ({ key: (i * 7919) % 101, i }));
    const compare = (a: { key: number }, b: { key: number }) => a.key - b.key;
    t.deepEqual(atOnce(sorting(items, compare)), [...items].sort(compare));
    t.deepEqual(
      items.map(({ i }) => i),
      Array.from({ length }, (_, i) => i),
    );
  }
  t.true(
    [
      ...sorting(
        Array.from({ length: 30_000 }, (_, i) => i % 7),
        (a, b) => a - b,
      ),
    ].length >= 20,
  );
});

for (const mode of ['default', 'bayes_opt'] as const) {
  test(`${mode}: a point is found in steps, the same as in one go, and with many trials in many slices`, async (t) => {
    const told = (trials: number) => {
      const optimizer = new BayesianOptimizer({
        bounds: [
          [0, 1],
          [0, 1],
          [0, 1],
        ],
        init: 2,
        mode,
      });
      for (let i = 0; i < trials; i++)
        optimizer.tell([((i * 37) % 101) / 101, ((i * 59) % 103) / 103, 0.5], (i * 7) % 11);
      return optimizer;
    };
    t.deepEqual(atOnce(told(20).askInSteps()), told(20).ask());
    // A matrix of 120 trials takes several steps by itself.
    const [few, many] = [told(20), told(120)].map((optimizer) => {
      let steps = 0;
      for (const work = optimizer.askInSteps(); !work.next().done;) if (++steps === 20_000) break;
      return steps;
    });
    t.true(few >= 500 && many > few, `${few} and ${many} steps`);
  });
}

test('a search asks for a candidate in slices, each of which polls the signal', async (t) => {
  const settings = { ...recipeForSearch((await makeWorkspace()).recipe).search, init: 2 };
  const proposals = () => {
    const made = new BayesianProposals(2, settings);
    for (let trial = 1; trial <= 3; trial++) {
      made.asked({ trial, coefficients: [trial / 4, 0.5] });
      made.tell({ trial, coefficients: [trial / 4, 0.5] }, trial);
    }
    return made;
  };
  const counted = countedPace();
  t.deepEqual(await proposals().ask(counted.pace), await proposals().ask());
  t.true(counted.rests() >= 100, `${counted.rests()} rests`);
  const reason = new Error('enough');
  const { pace } = countedPace(AbortSignal.abort(reason));
  t.is(await t.throwsAsync(proposals().ask(pace)), reason);
});
