// The engine's own state: whatever order its calls come in, each either does what its documentation says or is refused with INVALID_STATE. The
// rules stand here a second time, in plain words of TypeScript, and every sequence of two calls, and long random ones, are held against them.
import test, { type ExecutionContext } from 'ava';
import type { NativeEngine, TensorPlace } from '../bindings/index.js';
import { packRows } from '../lib/engine/batch.js';
import { RandomStream } from '../lib/core/random_stream.js';
import { Session } from '../lib/engine/session.js';
import { readHeader } from '../lib/checkpoint/safetensors.js';
import { writeSafetensorsFile } from '../lib/checkpoint/safetensors_file.js';
import { join } from 'node:path';
import { randomRows, randomWeights, V1_0, writeT5 } from './support/random_t5.js';
import { temporaryFolder } from './support/tiny_t5.js';

const BATCH = packRows(randomRows(V1_0, [[6, [2, 3]]]), [0]);
const BROKEN = { ...BATCH, inputIds: BATCH.inputIds.map(() => 10_000) };
const GENERATION = {
  maxNewTokens: 2,
  numBeams: 2,
  lengthPenalty: 1,
  earlyStopping: false,
  endTokens: Int32Array.of(1),
};
const STEP = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** What an engine holds, as its documentation says it. */
interface State {
  parameters: boolean;
  /** Inputs in the sum of a Fisher that is being measured. */
  sum?: number;
  fisher: boolean;
  /** Models folded into a merge that is going on. */
  merge?: number;
  training: boolean;
  gradient: boolean;
}

const replaced = (state: State): State => ({
  ...state,
  parameters: true,
  sum: undefined,
  training: false,
  gradient: false,
});
const untrained = (state: State): State => ({ ...state, training: false, gradient: false });

interface Call {
  make: (engine: NativeEngine) => unknown;
  /** The state behind the call; undefined where it is refused. */
  then: (state: State) => State | undefined;
}

let fisherFile: TensorPlace[] = [];
let outFile: TensorPlace[] = [];

const CALLS: Record<string, Call> = {
  load: { make: (e) => e.load(1), then: replaced },
  interpolate: { make: (e) => e.interpolate(1, 0.5), then: replaced },
  initialize: { make: (e) => e.initialize(3), then: replaced },
  score: { make: (e) => e.score(BATCH), then: (s) => (s.parameters ? s : undefined) },
  generate: { make: (e) => e.generate(BATCH, GENERATION), then: (s) => (s.parameters ? s : undefined) },
  'begin a Fisher': {
    make: (e) => e.beginFisher(),
    then: (s) => ({ ...untrained(s), sum: 0, fisher: false, merge: s.training ? undefined : s.merge }),
  },
  'add to a Fisher': {
    make: (e) => e.addFisher(BATCH, { mode: 'exact' }),
    then: (s) => (s.parameters && s.sum !== undefined ? { ...s, sum: s.sum + 1 } : undefined),
  },
  'finish a Fisher': {
    make: (e) => e.finishFisher({ epsilon: 1e-12 }),
    then: (s) => (s.sum ? { ...s, sum: undefined, fisher: true } : undefined),
  },
  'finish a Fisher and fold it': {
    make: (e) => e.finishFisher({ epsilon: 1e-12, fold: { model: 1, coefficient: 0.5 } }),
    then: (s) =>
      s.sum && s.merge !== undefined ? { ...s, sum: undefined, fisher: true, merge: s.merge + 1 } : undefined,
  },
  'load a Fisher': {
    make: (e) => e.loadFisher(fisherFile),
    then: (s) => ({ ...untrained(s), sum: undefined, fisher: true, merge: s.training ? undefined : s.merge }),
  },
  'write the Fisher': { make: (e) => e.write('fisher', outFile), then: (s) => (s.fisher ? s : undefined) },
  'write the parameters': { make: (e) => e.write('parameters', outFile), then: (s) => (s.parameters ? s : undefined) },
  'begin a merge': { make: (e) => e.beginMerge(), then: (s) => ({ ...untrained(s), merge: 0 }) },
  fold: {
    make: (e) => e.fold({ model: 1, coefficient: 0.5, withFisher: false }),
    then: (s) => (s.merge !== undefined ? { ...s, merge: s.merge + 1 } : undefined),
  },
  'fold with a Fisher': {
    make: (e) => e.fold({ model: 1, coefficient: 0.5, withFisher: true }),
    then: (s) => (s.merge !== undefined && s.fisher ? { ...s, merge: s.merge + 1 } : undefined),
  },
  'finish a merge': {
    make: (e) => e.finishMerge(),
    then: (s) => (s.merge ? { ...replaced(s), merge: undefined } : undefined),
  },
  'begin a training': {
    make: (e) => e.beginTraining(),
    then: (s) =>
      s.parameters
        ? { parameters: true, sum: undefined, fisher: false, merge: undefined, training: true, gradient: false }
        : undefined,
  },
  'add a gradient': {
    make: (e) => e.addGradient(BATCH, 1),
    then: (s) => (s.training ? { ...s, gradient: true } : undefined),
  },
  'make a step': {
    make: (e) => e.adamw(STEP),
    then: (s) => (s.training && s.gradient ? { ...s, gradient: false } : undefined),
  },
};
const NAMES = Object.keys(CALLS);

let models: Promise<string[]> | undefined;

/** An engine that holds nothing, of two models that are written once: there are about a thousand engines. */
async function newEngine(): Promise<NativeEngine> {
  models ??= Promise.all([1, 2].map((seed) => writeT5(V1_0, randomWeights(V1_0, seed))));
  const [base, child] = await models;
  const session = await Session.open(base, [child], { threads: 1 });
  return session.engine;
}

const places = async (file: string): Promise<TensorPlace[]> =>
  [...(await readHeader(file)).tensors].map(([name, { begin }]) => ({ name, file, offset: begin, dtype: 'F32' }));

test.before(async () => {
  const folder = await temporaryFolder();
  const engine = await newEngine();
  const tensors = engine.parameters().map(({ name, shape }) => ({ name, shape, dtype: 'F32' as const }));
  await engine.load(1);
  for (const name of ['fisher', 'out'])
    await writeSafetensorsFile(join(folder, name), tensors, {
      writeTensors: async (file, all) => {
        await engine.initialize(9);
        await engine.beginFisher();
        await engine.addFisher(BATCH, { mode: 'exact' });
        await engine.finishFisher({ epsilon: 1e-6 });
        return engine.write(
          'fisher',
          all.map((tensor) => ({ file, ...tensor })),
        );
      },
    });
  [fisherFile, outFile] = [await places(join(folder, 'fisher')), await places(join(folder, 'out'))];
  engine.close();
});

/** Makes calls in a row on an engine that holds nothing yet, and holds each against the rules. */
async function sequence(t: ExecutionContext, names: readonly string[]): Promise<void> {
  const engine = await newEngine();
  let state: State = { parameters: false, fisher: false, training: false, gradient: false };
  for (const [i, name] of names.entries()) {
    const { make, then } = CALLS[name];
    const next = then(state);
    const title = `${names.slice(0, i).join(', ') || 'nothing'}; ${name}`;
    const refused = await Promise.resolve()
      .then(() => make(engine))
      .then(
        () => undefined,
        (error: Error & { code: string }) => error.code,
      );
    t.is(refused, next ? undefined : 'INVALID_STATE', title);
    state = next ?? state;
  }
  engine.close();
}

test('every pair of calls, on an engine that holds nothing and on one with parameters', async (t) => {
  for (const first of NAMES) for (const second of NAMES) await sequence(t, [first, second]);
  for (const first of NAMES) for (const second of NAMES) await sequence(t, ['load', first, second]);
});

test('every call after each whole piece of work, and in the midst of it', async (t) => {
  const works = [
    ['load', 'begin a Fisher', 'add to a Fisher', 'finish a Fisher', 'write the Fisher'],
    ['load', 'begin a merge', 'begin a Fisher', 'add to a Fisher', 'finish a Fisher and fold it', 'finish a merge'],
    ['begin a merge', 'load a Fisher', 'fold with a Fisher', 'fold', 'finish a merge', 'score'],
    ['load', 'begin a training', 'add a gradient', 'make a step', 'add a gradient'],
  ];
  for (const work of works)
    for (let length = 2; length <= work.length; length++)
      for (const call of NAMES) await sequence(t, [...work.slice(0, length), call, call]);
});

test('long sequences at random', async (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const random = new RandomStream(seed, 'calls', '');
    await sequence(
      t,
      Array.from({ length: 25 }, () => NAMES[random.below(NAMES.length)] ?? 'load'),
    );
  }
});

test('the count of inputs is the engine’s own: four of them make the mean of four', async (t) => {
  const engine = await newEngine();
  await engine.load(1);
  const fisher = async (batches: number) => {
    await engine.beginFisher();
    for (let i = 0; i < batches; i++) await engine.addFisher(BATCH, { mode: 'exact' });
    await engine.finishFisher({ epsilon: 0 });
    return engine.parameter('fisher', 'shared.weight');
  };
  const [one, four] = [await fisher(1), await fisher(4)];
  t.true(four.every((value, i) => Math.abs(value - one[i]) <= 1e-5 * Math.abs(one[i])));
  engine.close();
});

test('what fails before it changes anything leaves all as it was; what is stopped in its midst leaves it undefined', async (t) => {
  const engine = await newEngine();
  await engine.load(1);
  await engine.beginFisher();
  await engine.addFisher(BATCH, { mode: 'exact' });
  await t.throwsAsync(async () => engine.addFisher(BROKEN, { mode: 'exact' }), { code: 'INVALID_ARGUMENT' });
  await engine.finishFisher({ epsilon: 0 });
  const broken = engine.parameter('fisher', 'shared.weight');
  await engine.beginFisher();
  await engine.addFisher(BATCH, { mode: 'exact' });
  await engine.finishFisher({ epsilon: 0 });
  t.deepEqual(broken, engine.parameter('fisher', 'shared.weight'));
  engine.close();
});

test('after a stopped load there are no parameters, after a stopped fold there is no merge', async (t) => {
  const engine = await newEngine();
  const stopped = async (call: () => Promise<unknown>) => {
    const running = call();
    engine.stop();
    return running.then(
      () => false,
      (error: Error & { code: string }) => error.code === 'ABORTED',
    );
  };
  // A job may end before it sees the stop, or see it before it has begun to change anything; then all is as if it had not been stopped.
  for (let round = 0; round < 20; round++) {
    await engine.load(1);
    const scores = await engine.score(BATCH);
    if (await stopped(() => engine.load(1))) {
      const after = await engine.score(BATCH).catch((error: Error & { code: string }) => error.code);
      t.true(after === 'INVALID_STATE' || String(after) === String(scores));
    }
    await engine.beginMerge();
    await engine.fold({ model: 1, coefficient: 1, withFisher: false });
    if (await stopped(() => engine.fold({ model: 1, coefficient: 1, withFisher: false }))) {
      const after = await engine.finishMerge().catch((error: Error & { code: string }) => error.code);
      t.true(after === 'INVALID_STATE' || after === undefined);
    }
  }
  engine.close();
});
