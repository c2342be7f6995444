// How far results in bfloat16 are from those in float32: NLLs, Fishers of each tensor, and accuracies. Random models are compared everywhere,
// and the trained ones of ../shared/models/mini where they are at hand.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { COMPUTE_DTYPES, FISHER_MODES, type ComputeDtype } from '../bindings/index.js';
import { createModel } from '../lib/engine/create.js';
import type { TokenizedRows } from '../lib/engine/batch.js';
import { tokenizeRows, tokenizerOf } from '../lib/tasks/tokenize.js';
import { loadSplit } from '../lib/tasks/rows.js';
import type { Evaluation } from '../lib/engine/evaluate.js';
import type { FisherMode } from '../lib/engine/fisher.js';
import { Session } from '../lib/engine/session.js';
import { openT5, randomRows, randomWeights, V1_0, V1_1, type T5Shape } from './support/random_t5.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { relativeError } from './support/tensors.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { measure, score } from './support/passes.js';

/**
 * The bounds of ‖difference‖ / ‖float32‖, for all NLLs of a set of rows and for each tensor of a Fisher, and of percentage points of
 * accuracy.
 */
const BOUND = { nll: 5e-3, fisher: 3e-2, points: 0.3 };

/** A model that is open in both dtypes. */
type Pair = Record<ComputeDtype, Session>;

async function inBoth(open: (dtype: ComputeDtype) => Promise<Session>): Promise<Pair> {
  const [float32, bfloat16] = await Promise.all(COMPUTE_DTYPES.map(open));
  return { float32, bfloat16 };
}

const both = (pair: Pair) => COMPUTE_DTYPES.map((dtype) => pair[dtype]);

const nlls = ({ results }: Evaluation) => results.flatMap(({ nll }) => nll);

async function scores(
  t: ExecutionContext,
  pair: Pair,
  { rows, indices, what }: { rows: TokenizedRows; indices: number[]; what: string },
): Promise<void> {
  const [exact, rounded] = [
    await score(pair.float32, { rows, indices }),
    await score(pair.bfloat16, { rows, indices }),
  ];
  const error = relativeError(nlls(rounded), nlls(exact));
  t.log(`${what}: NLL off by ${error.toExponential(1)}`);
  t.true(error > 0, `${what}: nothing was rounded`);
  t.true(error <= BOUND.nll, `${what}: NLL off by ${error.toExponential(1)}`);
}

async function fishers(
  t: ExecutionContext,
  pair: Pair,
  { rows, indices, mode, what }: { rows: TokenizedRows; indices: number[]; mode: FisherMode; what: string },
): Promise<void> {
  const drawn = rows.labels.map((_, i) => i % rows.choices[i].length);
  for (const model of both(pair)) await measure(model, { rows, indices }, { mode, drawn });
  const errors = pair.float32.parameters.map(({ name }) => ({
    name,
    error: relativeError(pair.bfloat16.engine.parameter('fisher', name), pair.float32.engine.parameter('fisher', name)),
  }));
  errors.sort((a, b) => b.error - a.error);
  t.log(
    `${what}, ${mode}: Fisher off by ${errors[0].error.toExponential(1)} in ${errors[0].name}, ${errors[errors.length >> 1].error.toExponential(1)} in the median tensor`,
  );
  const beyond = errors.filter(({ error }) => !(error <= BOUND.fisher));
  t.deepEqual(
    beyond.map(({ name, error }) => `${name} ${error.toExponential(1)}`),
    [],
    `${what}, ${mode}`,
  );
}

const first = (n: number) => Array.from({ length: n }, (_, i) => i);

const LENGTHS: [number, number[]][] = [
  [60, [3, 1, 20]],
  [33, [2, 2]],
  [21, [5, 5]],
  [7, [1, 2, 3, 4]],
  [1, [16, 2]],
];

for (const [form, narrow] of [
  ['v1.0', V1_0],
  ['v1.1', V1_1],
] as const) {
  const shape: T5Shape = {
    ...narrow,
    d_model: 72,
    d_kv: 20,
    num_heads: 3,
    d_ff: 290,
    num_layers: 2,
    num_decoder_layers: 2,
    vocab_size: 700,
  };
  const rows = randomRows(shape, LENGTHS);

  test(`${form}: a small random shape, scores and Fishers in every mode`, async (t) => {
    const weights = randomWeights(shape, 31);
    const pair = await inBoth((dtype) => openT5(shape, [weights], { computeDtype: dtype }));
    for (const model of both(pair)) await model.load(0);
    await scores(t, pair, { rows, indices: first(LENGTHS.length), what: form });
    for (const mode of FISHER_MODES) await fishers(t, pair, { rows, indices: first(LENGTHS.length), mode, what: form });
    for (const model of both(pair)) model.close();
  });
}

test('scoring and Fisher passes that take turns at one θ: each the same bits as alone', async (t) => {
  const rows = randomRows(V1_1, LENGTHS);
  const weights = randomWeights(V1_1, 32);
  const indices = first(LENGTHS.length);
  for (const dtype of COMPUTE_DTYPES) {
    const alone = await openT5(V1_1, [weights], { computeDtype: dtype }),
      turns = await openT5(V1_1, [weights], { computeDtype: dtype });
    for (const model of [alone, turns]) await model.load(0);
    const scored = nlls(await score(alone, { rows, indices }));
    const fisherOf = (model: Session) => model.parameters.map(({ name }) => model.engine.parameter('fisher', name));
    await measure(turns, { rows, indices }, { mode: 'exact' });
    const measured = fisherOf(turns);
    for (let turn = 0; turn < 2; turn++) {
      t.deepEqual(nlls(await score(turns, { rows, indices })), scored, `${dtype}: NLLs`);
      await measure(turns, { rows, indices }, { mode: 'exact' });
      t.deepEqual(fisherOf(turns), measured, `${dtype}: Fisher`);
    }
    for (const model of [alone, turns]) model.close();
  }
});

test('the widths of T5-base, two layers each way: scores and Fisher', async (t) => {
  const out = join(await temporaryFolder(), 'base');
  const shape: T5Shape = {
    ...V1_0,
    d_model: 768,
    d_kv: 64,
    d_ff: 3072,
    num_layers: 2,
    num_decoder_layers: 2,
    num_heads: 12,
    vocab_size: 32128,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
  };
  await createModel({
    out,
    config: { model_type: 't5', pad_token_id: 0, eos_token_id: 1, decoder_start_token_id: 0, ...shape },
    seed: 1,
    threads: 2,
  });
  const rows = randomRows(shape, [
    [70, [2, 3]],
    [45, [3, 2]],
  ]);
  const pair = await inBoth((dtype) => Session.open(out, [], { threads: 2, computeDtype: dtype }));
  for (const model of both(pair)) await model.load(0);
  await scores(t, pair, { rows, indices: [0, 1], what: 'base' });
  await fishers(t, pair, { rows, indices: [0, 1], mode: 'exact', what: 'base' });
  for (const model of both(pair)) model.close();
});

const withShared = sharedTest(test);

async function suite(): Promise<{ tasks: string[]; pair: Pair; rowsOf: (task: string) => Promise<TokenizedRows> }> {
  const { tasks } = JSON.parse(await readFile(sharedPath('golden', 'suite.json'), 'utf8')) as { tasks: string[] };
  const folder = (name: string) => sharedPath('models', 'mini', name);
  const pair = await inBoth((dtype) =>
    Session.open(folder('base'), tasks.map(folder), { threads: 2, computeDtype: dtype }),
  );
  const rowsOf = async (task: string) =>
    tokenizeRows(
      await tokenizerOf(pair.float32),
      (await loadSplit(sharedPath('data', 'suite', task), 'validation', { needLabels: true })).rows,
    );
  return { tasks, pair, rowsOf };
}

withShared('trained models: NLLs of base and children on the first 100 rows of every task', async (t) => {
  const { tasks, pair, rowsOf } = await suite();
  for (const [i, task] of tasks.entries()) {
    const rows = await rowsOf(task);
    for (const [name, index] of [
      ['base', 0],
      ['child', i + 1],
    ] as const) {
      for (const model of both(pair)) await model.load(index);
      await scores(t, pair, { rows, indices: first(100), what: `${name} on ${task}` });
    }
  }
  for (const model of both(pair)) model.close();
});

withShared('trained models: Fishers of 30 rows of every task, half way to its child', async (t) => {
  const { tasks, pair, rowsOf } = await suite();
  for (const [i, task] of tasks.entries()) {
    for (const model of both(pair)) await model.interpolate(i + 1, 0.5);
    await fishers(t, pair, { rows: await rowsOf(task), indices: first(30), mode: 'exact', what: task });
  }
  for (const model of both(pair)) model.close();
});

withShared('trained models: accuracy of every child on its validation split, and their mean', async (t) => {
  const { tasks, pair, rowsOf } = await suite();
  const means = { float32: 0, bfloat16: 0 };
  for (const [i, task] of tasks.entries()) {
    const rows = await rowsOf(task);
    const points: Partial<typeof means> = {};
    for (const dtype of COMPUTE_DTYPES) {
      await pair[dtype].load(i + 1);
      points[dtype] = 100 * (await score(pair[dtype], { rows, indices: first(rows.labels.length) })).accuracy;
      means[dtype] += points[dtype] / tasks.length;
    }
    const difference = points.bfloat16! - points.float32!;
    t.log(`${task}: ${difference.toFixed(2)} points of ${rows.labels.length} rows`);
    t.true(Math.abs(difference) <= BOUND.points, `${task}: ${difference.toFixed(2)} points`);
  }
  t.true(Math.abs(means.bfloat16 - means.float32) <= BOUND.points, 'mean');
  for (const model of both(pair)) model.close();
});
