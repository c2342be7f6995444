// Native work as JavaScript sees it: one job at a time, on other threads, stoppable, and with memory that V8 knows of. The tests run one after
// another, because several of them measure memory or count work.
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { NativeEngine } from '../bindings/index.js';
import type { NativeBatch } from '../bindings/index.js';
import { BIG, bigBatch, bigEngine, newEngine } from './support/big_engine.js';
import { openT5, randomWeights, V1_0 } from './support/random_t5.js';
import { runChild, workerOf } from './support/run_child.js';

/** So many inputs take about a second on one thread, so that a job can be caught half-way on faster machines too. */
const LONG = 300;

test.serial('a second job is BUSY, and the first one still finishes with its result', async (t) => {
  const engine = await bigEngine();
  const batch = bigBatch(20);
  const expected = await engine.score(batch);
  t.false(engine.busy());
  const first = engine.score(batch);
  t.true(engine.busy());
  t.throws(() => engine.score(batch), { code: 'BUSY' });
  t.throws(() => engine.beginFisher(), { code: 'BUSY' });
  t.throws(() => engine.parameter('parameters', 'shared.weight'), { code: 'BUSY' });
  t.throws(() => engine.parameters(), { code: 'BUSY' });
  t.throws(() => engine.addModel([]), { code: 'BUSY' });
  t.true(engine.bytes() > 0);
  t.deepEqual(await first, expected);
  t.false(engine.busy());
  engine.close();
});

test.serial('two engines work at the same time', async (t) => {
  const [a, b] = await Promise.all([bigEngine(), bigEngine()]);
  const batch = bigBatch(10);
  const [one, two] = await Promise.all([a.score(batch), b.score(batch)]);
  t.deepEqual(one, two);
  a.close();
  b.close();
});

test.serial('a job keeps to the batch it was given, whatever becomes of the arrays meanwhile', async (t) => {
  const engine = await bigEngine();
  const batch = bigBatch(20);
  const expected = await engine.score(batch);
  const running = engine.score(batch);
  for (const array of Object.values(batch) as Int32Array[]) array.fill(-1);
  t.deepEqual(await running, expected);
  engine.close();
});

test.serial('JavaScript goes on while a job runs: timers tick', async (t) => {
  const engine = await bigEngine();
  let ended = false;
  const running = engine.score(bigBatch(LONG)).finally(() => (ended = true));
  for (let turn = 0; turn < 3; turn++) {
    await sleep(1);
    t.false(ended, `turn ${turn}`);
  }
  t.true(engine.busy());
  await running;
  engine.close();
});

for (const [title, run] of [
  ['scoring', (engine: NativeEngine, batch: NativeBatch) => engine.score(batch)],
  ['a Fisher', (engine: NativeEngine, batch: NativeBatch) => engine.addFisher(batch, { mode: 'exact' })],
] as const) {
  test.serial(
    `an AbortSignal ends ${title} where it looks next, with its reason, and the engine works on afterwards`,
    async (t) => {
      const model = await openT5(BIG, [randomWeights(BIG, 71)], { threads: 1 });
      await model.load(0);
      const { engine } = model;
      const [long, short] = [bigBatch(title === 'scoring' ? LONG : 60), bigBatch(2)];
      const before = await model.job((native) => native.score(short));
      const begin = () => model.job((native) => native.beginFisher()); // A batch that was stopped ends the Fisher.
      await begin();
      const idle = engine.polls();
      await model.job((native) => run(native, long));
      const whole = engine.polls() - idle;
      t.true(whole >= BIG.num_layers + BIG.num_decoder_layers, `it looks in every layer: ${whole} times`);
      for (const share of [0.1, 0.5]) {
        await begin();
        const controller = new AbortController();
        const from = engine.polls();
        const running = t.throwsAsync(
          model.job((native) => run(native, long), controller.signal),
          { any: true, name: 'AbortError' },
        );
        while (engine.busy() && engine.polls() - from < whole * share) await immediate();
        controller.abort();
        const aborted = engine.polls();
        await running;
        t.true(engine.polls() - aborted <= 1, `${engine.polls() - aborted} times after the abort`);
        t.true(engine.polls() - from < whole, `${engine.polls() - from} of ${whole} times`);
        t.deepEqual(await model.job((native) => native.score(short)), before);
      }
      model.close();
    },
  );
}

test.serial('a signal that has fired before keeps the job from starting', async (t) => {
  const model = await openT5(V1_0, [randomWeights(V1_0, 72)]);
  await t.throwsAsync(model.load(0, AbortSignal.abort()), { any: true, name: 'AbortError' });
  await t.throwsAsync(
    model.job((engine) => engine.beginTraining()),
    { code: 'INVALID_STATE' },
  ); // Nothing was loaded.
  model.close();
});

test.serial('stop without a job is nothing, and does not stop the next one', async (t) => {
  const engine = await bigEngine();
  engine.stop();
  t.is((await engine.score(bigBatch(1))).length, 2);
  engine.close();
});

test.serial('close during a job ends it with ABORTED and frees the memory behind it', async (t) => {
  const engine = await bigEngine();
  const running = engine.score(bigBatch(LONG));
  await sleep(20);
  engine.close();
  t.throws(() => engine.score(bigBatch(1)), { code: 'CLOSED' });
  await t.throwsAsync(running, { code: 'ABORTED' });
  t.is(engine.bytes(), 0);
  t.false(engine.busy());
});

test.serial('a closed engine refuses every job with CLOSED; closing and stopping it again are nothing', async (t) => {
  const engine = await bigEngine();
  const batch = bigBatch(1);
  engine.close();
  engine.close();
  engine.stop();
  t.is(engine.bytes(), 0);
  const calls: (() => unknown)[] = [
    () => engine.parameters(),
    () => engine.addModel([]),
    () => engine.parameter('fisher', 'shared.weight'),
    () => engine.load(0),
    () => engine.interpolate(0, 1),
    () => engine.initialize(1),
    () => engine.beginFisher(),
    () => engine.addFisher(batch, { mode: 'exact' }),
    () => engine.finishFisher({ epsilon: 0 }),
    () => engine.loadFisher([]),
    () => engine.beginMerge(),
    () => engine.fold({ model: 0, coefficient: 1, withFisher: false }),
    () => engine.finishMerge(),
    () => engine.score(batch),
    () => engine.encode(batch),
    () => engine.logits(batch),
    () => engine.beginTraining(),
    () => engine.addGradient(batch, 1),
    () => engine.write('parameters', []),
    () => engine.adamw({ learningRate: 1, beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0 }),
  ];
  for (const call of calls) t.throws(call, { code: 'CLOSED' }, String(call));
});

test.serial(
  'arguments whose getters call back into the engine cannot start two jobs or use a freed engine',
  async (t) => {
    const engine = await bigEngine();
    const batch = bigBatch(1);
    let inner: Promise<unknown> | undefined;
    const reentrant = {
      ...batch,
      get labelIds() {
        return ((inner = engine.score(batch)), batch.labelIds);
      },
    };
    t.throws(() => engine.score(reentrant), { code: 'BUSY' });
    t.is(((await inner) as Float64Array).length, 2);
    const closing = {
      ...batch,
      get choiceOffsets() {
        return (engine.close(), batch.choiceOffsets);
      },
    };
    t.throws(() => engine.score(closing), { code: 'CLOSED' });
    const failing = {
      ...batch,
      get inputIds(): Int32Array {
        throw new RangeError('mine');
      },
    };
    const other = newEngine(V1_0);
    t.throws(() => other.score(failing), { instanceOf: RangeError, message: 'mine' });
    other.close();
  },
);

test.serial('an error of a job carries the stack of the call that made it', async (t) => {
  const model = await openT5(V1_0, [randomWeights(V1_0, 72)]);
  async function theCallersName(): Promise<void> {
    await model.load(17);
  }
  const error = await t.throwsAsync(theCallersName(), { code: 'INVALID_ARGUMENT', message: /no model 17/ });
  t.regex(error.stack!, /theCallersName/);
  model.close();
});

test.serial('bytes() counts the four vectors, then a batch, and nothing after close', async (t) => {
  const engine = newEngine();
  const vectors = engine.bytes();
  t.true(vectors >= 4 * 4 * BIG.vocab_size * BIG.d_model);
  await engine.initialize(1);
  await engine.score(bigBatch(5));
  t.true(engine.bytes() > vectors);
  engine.close();
  t.is(engine.bytes(), 0);
});

// No number of process.memoryUsage() of Node 20 shows what V8 was told; only what V8 does about it can be seen.
test.serial(
  'V8 is told of native memory: it collects large engines that were dropped without close, and has no reason to for small ones',
  async (t) => {
    const collected = async (size: string) =>
      (JSON.parse((await runChild(['pressure', size])).stdout) as { collected: number }).collected;
    t.true((await collected('big')) >= 10);
    t.is(await collected('small'), 0);
  },
);

test.serial(
  'in the steady state nothing is allocated: a batch no larger than an earlier one leaves the memory as it is',
  async (t) => {
    const engine = await bigEngine();
    await engine.beginFisher();
    await engine.addFisher(bigBatch(12), { mode: 'exact' });
    await engine.addFisher(bigBatch(12), { mode: 'exact' });
    const steady = engine.bytes();
    for (const inputs of [12, 3, 12, 1]) {
      await engine.addFisher(bigBatch(inputs), { mode: 'exact' });
      t.is(engine.bytes(), steady);
    }
    engine.close();
  },
);

test.serial('a process may leave while a job runs', async (t) => {
  const end = await runChild(['exit']);
  t.deepEqual([end.code, end.signal, end.stderr], [0, null, '']);
});

test.serial('engines work in several worker threads at once, to the same bits', async (t) => {
  const outputs = await Promise.all(
    ['1', '2', '3'].map(async (threads) => {
      const worker = workerOf(['threads', threads]);
      const output = await text(worker.stdout);
      return JSON.parse(output) as { threads: number; nll: number[] };
    }),
  );
  t.deepEqual(
    outputs.map(({ threads }) => threads),
    [1, 2, 3],
  );
  for (const { nll } of outputs) t.deepEqual(nll, outputs[0].nll);
});

test.serial('a worker thread may be terminated, or exit, in the midst of a job; other engines go on', async (t) => {
  const engine = await bigEngine();
  const expected = await engine.score(bigBatch(3));
  for (let round = 0; round < 3; round++) {
    const worker = workerOf(['forever']);
    await once(worker.stdout, 'data');
    await sleep(10 * round);
    await worker.terminate();
  }
  const [code] = (await once(workerOf(['exit']), 'exit')) as [number];
  t.is(code, 0);
  t.deepEqual(await engine.score(bigBatch(3)), expected);
  engine.close();
});

test.serial('an engine that nothing refers to any more lives until its job has ended', async (t) => {
  const end = await runChild(['collect'], { flags: ['--expose-gc'] });
  t.deepEqual([end.code, end.signal, end.stdout], [0, null, '{"scores":120}\n'], end.stderr);
});
