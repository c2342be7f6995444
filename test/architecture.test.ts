// A second architecture, a bag of tokens, goes the way of every model: made, opened, scored, its Fisher measured, merged, searched over and
// written. All that knows it lies in test/native/models/bag and test/support/bag.
import { join } from 'node:path';
import test from 'ava';
import { useAddon, type NativeEngine } from '../bindings/index.js';
import { testing } from '../bindings/testing/index.js';
import { architectureOf, architectures } from '../lib/architectures/index.js';
import { makeBatches, packRows, type TokenizedRows } from '../lib/engine/batch.js';
import { createModel } from '../lib/engine/create.js';
import { Session } from '../lib/engine/session.js';
import './support/bag/index.js';
import { plainFisher, plainNll, type PlainBag } from './support/bag/plain.js';
import { withinBound } from './support/machines.js';
import { RandomValues } from './support/random_values.js';
import { temporaryFolder } from './support/tiny_t5.js';

useAddon(testing());

const SIZES = { width: 7, feedForward: 0, layers: 0, heads: 1, vocabSize: 19 };
const EPSILON = 1e-12;

const random = new RandomValues(41);
const ids = (length: number): Int32Array => random.ids(length, SIZES.vocabSize);
const ROWS: TokenizedRows = {
  inputIds: [ids(5), ids(1), Int32Array.of(3, 3, 8, 3), ids(9)],
  choices: [[ids(2), ids(1)], [ids(3), ids(3), ids(1)], [ids(1)], [ids(4), ids(2)]],
  labels: Int32Array.of(0, 1, 0, 1),
};
const ALL = [0, 1, 2, 3];

async function open(models: number, threads = 2): Promise<Session> {
  const folder = await temporaryFolder();
  const bag = architectureOf({ model_type: 'bag' }, 'config.json');
  const dirs: string[] = [];
  for (let i = 0; i <= models; i++) {
    dirs.push(join(folder, `bag-${i}`));
    await createModel({ out: dirs[i], config: bag.newConfig(SIZES), seed: i + 1, threads: 1 });
  }
  return Session.open(dirs[0], dirs.slice(1), { threads });
}

function plainOf(engine: NativeEngine): PlainBag {
  return {
    ...SIZES,
    embedding: engine.parameter('parameters', 'embedding.weight'),
    linear: engine.parameter('parameters', 'linear.weight'),
  };
}

test('it is known beside T5, and its parameters are its own', async (t) => {
  t.deepEqual(
    architectures().map(({ name }) => name),
    ['t5', 'bag'],
  );
  const session = await open(0);
  t.is(session.set.architecture.title, 'bag of tokens');
  t.deepEqual(session.parameters, [
    { name: 'embedding.weight', shape: [19, 7] },
    { name: 'linear.weight', shape: [19, 7] },
  ]);
  session.close();
});

test('scores are those of plain loops, in batches as its own estimate cuts them', async (t) => {
  const session = await open(0);
  await session.load(0);
  const bag = plainOf(session.engine);
  const expected = ROWS.inputIds.map((input, row) => ROWS.choices[row].map((choice) => plainNll(bag, input, choice)));
  const cost = session.scoreBudget().cost;
  const batches = makeBatches(ROWS, ALL, { maxBytes: 4 * 7 * 15, cost });
  t.deepEqual(
    batches.map(({ indices }) => indices),
    [[3], [0, 2], [1]],
  );
  for (const { indices, batch } of batches) {
    const nll = await session.job((engine) => engine.score(batch));
    withinBound(
      t,
      nll,
      indices.flatMap((row) => expected[row]),
      { bound: () => 1e-5, what: `rows ${indices}` },
    );
  }
  session.close();
});

test('its Fisher is that of plain loops, and the same bits on every number of threads', async (t) => {
  const measured: Float32Array[] = [];
  for (const threads of [1, 2, 3]) {
    const session = await open(0, threads);
    await session.load(0);
    await session.job((engine) => engine.beginFisher());
    for (const { batch } of makeBatches(
      ROWS,
      ALL,
      session.gradientBudget((choices) => choices),
    ))
      await session.job((engine) => engine.addFisher(batch, { mode: 'exact' }));
    await session.job((engine) => engine.finishFisher({ epsilon: EPSILON }));
    const expected = plainFisher(plainOf(session.engine), ROWS, EPSILON);
    for (const part of ['embedding', 'linear'] as const) {
      const fisher = session.engine.parameter('fisher', `${part}.weight`);
      const largest = Math.max(...expected[part]);
      withinBound(t, fisher, expected[part], { bound: () => 1e-5 * largest, what: `Fisher of ${part}.weight` });
      measured.push(fisher);
    }
    session.close();
  }
  for (let i = 2; i < measured.length; i++) t.deepEqual(measured[i], measured[i % 2]);
});

test('a Fisher-weighted merge is searched over its coefficients, and the best one is written and read again', async (t) => {
  const session = await open(2);
  const merge = async (coefficients: number[]) => {
    await session.job((engine) => engine.beginMerge());
    for (const [i, coefficient] of coefficients.entries()) {
      await session.interpolate(i + 1, coefficient);
      await session.job((engine) => engine.beginFisher());
      await session.job((engine) => engine.addFisher(packRows(ROWS, ALL), { mode: 'exact' }));
      const fold = { model: i + 1, coefficient };
      await session.job((engine) => engine.finishFisher({ epsilon: EPSILON, fold }));
    }
    await session.job((engine) => engine.finishMerge());
    const nll = await session.job((engine) => engine.score(packRows(ROWS, ALL)));
    return nll.reduce((a, b) => a + b);
  };
  const trials: { coefficients: number[]; nll: number }[] = [];
  for (const coefficients of [
    [0, 0],
    [0.3, 0.3],
    [0.3, 0.8],
    [0.8, 0.3],
  ])
    trials.push({ coefficients, nll: await merge(coefficients) });
  await session.load(0);
  const base = await session.job((engine) => engine.score(packRows(ROWS, ALL)));
  t.is(
    trials[0].nll,
    base.reduce((a, b) => a + b),
    'at coefficients of 0 the merge is the base',
  );
  t.is(new Set(trials.map(({ nll }) => nll)).size, trials.length);

  const [best] = trials.sort((a, b) => a.nll - b.nll);
  t.is(await merge(best.coefficients), best.nll);
  const out = join(await temporaryFolder(), 'merged');
  await session.write(out, { dtype: 'float32' });
  const merged = session.engine.parameter('parameters', 'linear.weight');
  session.close();
  const again = await Session.open(out, [], { threads: 1 });
  await again.load(0);
  t.deepEqual(again.engine.parameter('parameters', 'linear.weight'), merged);
  again.close();
});
