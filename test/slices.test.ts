import test from 'ava';
import { sha256 } from '../lib/core/digest.js';
import { Pace, SLICE_MS } from '../lib/core/pace.js';
import { batched, makeBatches } from '../lib/engine/batch.js';
import { parseSplit } from '../lib/tasks/rows.js';
import { tokenizeRows } from '../lib/tasks/tokenize.js';
import { loadTokenizer } from '../lib/tasks/text/tokenizer.js';
import { makeWorkspace } from './support/workspace.js';

/** A pace whose clock goes on by a quarter of a slice each time that it is asked, and a count of the event loop's turns meanwhile. */
function countedPace(signal?: AbortSignal): { pace: Pace; rests: () => number } {
  let time = 0;
  let rests = 0;
  class Counted extends Pace {
    override async rest(): Promise<void> {
      rests++;
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
