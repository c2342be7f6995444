// Every wrong argument at the native boundary is an error that names it, and none reaches memory.
import test from 'ava';
import {
  native,
  type AdamWOptions,
  type FisherMode,
  type FisherRequest,
  type NativeBatch,
  type NativeEngine,
} from '../bindings/index.js';
import { testing } from '../bindings/testing/index.js';
import { packRows } from '../lib/engine/batch.js';
import { GENERATION, newEngine } from './support/big_engine.js';
import { randomRows, V1_0 } from './support/random_t5.js';

const I32 = (...values: number[]) => Int32Array.of(...values);
const batch = packRows(
  randomRows(V1_0, [
    [4, [2, 3]],
    [2, [1]],
  ]),
  [0, 1],
);
const wrong = (value: unknown) => value as never;

async function ready(): Promise<NativeEngine> {
  const engine = newEngine(V1_0);
  await engine.initialize(1);
  await engine.beginTraining();
  return engine;
}

/** Begins a Fisher, which ends the training, and adds a batch to it. */
async function addFisher(engine: NativeEngine, to: NativeBatch, request: FisherRequest): Promise<unknown> {
  await engine.beginFisher();
  return engine.addFisher(to, request);
}

/** Calls a function and awaits its result, so that a thrown error and a rejected promise are met alike. */
const outcome = async (call: () => unknown) => call();

const BATCHES: [string, unknown, RegExp][] = [
  ['no batch', undefined, /batch: expected an object/],
  ['a number for a batch', 5, /batch: expected an object/],
  ['a missing field', { ...batch, inputIds: undefined }, /inputIds: expected a Int32Array/],
  ['ids as a plain array', { ...batch, inputIds: [...batch.inputIds] }, /inputIds: expected a Int32Array/],
  ['ids as floats', { ...batch, labelIds: Float32Array.from(batch.labelIds) }, /labelIds: expected a Int32Array/],
  [
    'ids as unsigned integers',
    { ...batch, labelIds: Uint32Array.from(batch.labelIds) },
    /labelIds: expected a Int32Array/,
  ],
  [
    'ids as a data view',
    { ...batch, inputIds: new DataView(batch.inputIds.buffer) },
    /inputIds: expected a Int32Array/,
  ],
  [
    'an input id past the vocabulary',
    { ...batch, inputIds: batch.inputIds.with(5, 17) },
    /inputIds: token id 17 at position 5.*vocabulary of 17/,
  ],
  ['a negative input id', { ...batch, inputIds: batch.inputIds.with(0, -1) }, /inputIds: token id -1 at position 0/],
  [
    'a label id past the vocabulary',
    { ...batch, labelIds: batch.labelIds.with(2, 2 ** 31 - 1) },
    /labelIds: token id 2147483647/,
  ],
  ['input offsets past the end', { ...batch, inputOffsets: I32(0, 4, 7) }, /inputOffsets must run from 0 to 6/],
  ['input offsets that stop short', { ...batch, inputOffsets: I32(0, 4, 5) }, /inputOffsets must run from 0 to 6/],
  ['input offsets that start late', { ...batch, inputOffsets: I32(1, 4, 6) }, /inputOffsets must run from 0/],
  ['input offsets that fall back', { ...batch, inputOffsets: I32(0, 7, 6) }, /inputOffsets: entry 1/],
  [
    'input offsets whose difference overflows',
    { ...batch, inputOffsets: I32(0, 2 ** 31 - 1, -(2 ** 31), 6) },
    /inputOffsets: entry 1/,
  ],
  ['no input offsets at all', { ...batch, inputOffsets: I32() }, /inputOffsets/],
  ['an empty input', { ...batch, inputOffsets: I32(0, 6, 6) }, /inputOffsets: entry 1 is empty/],
  ['label offsets past the end', { ...batch, labelOffsets: I32(0, 2, 5, 8) }, /labelOffsets must run from 0 to 6/],
  ['no label offsets at all', { ...batch, labelOffsets: I32() }, /labelOffsets/],
  ['an empty choice', { ...batch, labelOffsets: I32(0, 2, 2, 6) }, /labelOffsets: entry 1 is empty/],
  ['choice offsets past the choices', { ...batch, choiceOffsets: I32(0, 2, 4) }, /choiceOffsets must run from 0 to 3/],
  ['choice offsets that fall back', { ...batch, choiceOffsets: I32(0, 4, 3) }, /choiceOffsets: entry 1/],
  [
    'choice offsets for another number of inputs',
    { ...batch, choiceOffsets: I32(0, 1, 2, 3) },
    /choiceOffsets has 4 entries for 2 inputs/,
  ],
];

const JOBS: Record<string, (engine: NativeEngine, batch: NativeBatch) => Promise<unknown>> = {
  score: (engine, b) => engine.score(b),
  encode: (engine, b) => engine.encode(b),
  logits: (engine, b) => engine.logits(b),
  generate: (engine, b) => engine.generate(b, GENERATION),
  addFisher: async (engine, b) => addFisher(engine, b, { mode: 'exact' }),
  addGradient: (engine, b) => engine.addGradient(b, 1),
};

for (const [job, run] of Object.entries(JOBS)) {
  test(`${job} refuses broken batches, each with its reason, and takes a whole one afterwards`, async (t) => {
    const engine = await ready();
    for (const [title, broken, message] of BATCHES)
      await t.throwsAsync(
        outcome(() => run(engine, wrong(broken))),
        { code: 'INVALID_ARGUMENT', message },
        title,
      );
    await t.notThrowsAsync(run(engine, batch));
    engine.close();
  });
}

test('ids in a detached or shared buffer are refused or read, never touched after free', async (t) => {
  const engine = await ready();
  const detached = { ...batch, inputIds: Int32Array.from(batch.inputIds) };
  structuredClone(detached.inputIds, { transfer: [detached.inputIds.buffer] });
  await t.throwsAsync(
    outcome(() => engine.score(detached)),
    { code: 'INVALID_ARGUMENT', message: /inputOffsets must run from 0 to 0/ },
  );
  const shared = { ...batch, inputIds: new Int32Array(new SharedArrayBuffer(batch.inputIds.byteLength)) };
  shared.inputIds.set(batch.inputIds);
  t.deepEqual(await engine.score(shared), await engine.score(batch));
  engine.close();
});

const STEP: AdamWOptions = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
const NOT_NUMBERS: [string, unknown][] = [
  ['NaN', Number.NaN],
  ['infinity', Infinity],
  ['a string', '1'],
  ['nothing', undefined],
  ['null', null],
  ['a bigint', 1n],
  ['an object', {}],
];

const NUMBERS: [string, (engine: NativeEngine, value: never) => unknown][] = [
  ['load(model)', (e, v) => e.load(v)],
  ['interpolate(model)', (e, v) => e.interpolate(v, 1)],
  ['interpolate(, coefficient)', (e, v) => e.interpolate(0, v)],
  ['initialize(seed)', (e, v) => e.initialize(v)],
  [
    'addFisher(, minWeight)',
    (e, v) => e.addFisher(batch, { mode: 'exact', minWeight: v === undefined ? wrong(null) : v }),
  ],
  ['finishFisher(, epsilon)', (e, v) => e.finishFisher({ epsilon: v })],
  ['finishFisher(,, fold.model)', (e, v) => e.finishFisher({ epsilon: 0, fold: { model: v, coefficient: 1 } })],
  ['finishFisher(,, fold.coefficient)', (e, v) => e.finishFisher({ epsilon: 0, fold: { model: 0, coefficient: v } })],
  ['fold(model)', (e, v) => e.fold({ model: v, coefficient: 1, withFisher: false })],
  ['fold(, coefficient)', (e, v) => e.fold({ model: 0, coefficient: v, withFisher: false })],
  ['addGradient(, scale)', (e, v) => e.addGradient(batch, v)],
  ...Object.keys(STEP).map((key): [string, (engine: NativeEngine, value: never) => unknown] => [
    `adamw(${key})`,
    (e, v) => e.adamw({ ...STEP, [key]: v }),
  ]),
];

for (const [title, call] of NUMBERS) {
  test(`${title} takes numbers only`, async (t) => {
    const engine = await ready();
    for (const [what, value] of NOT_NUMBERS)
      await t.throwsAsync(
        outcome(() => call(engine, wrong(value))),
        { code: 'INVALID_ARGUMENT' },
        what,
      );
    t.true(engine.parameter('parameters', 'shared.weight').every(Number.isFinite));
    engine.close();
  });
}

const OTHERS: [string, (engine: NativeEngine) => unknown, RegExp][] = [
  ['a model that is not there', (e) => e.load(0), /no model 0/],
  [
    'a negative model',
    async (e) => {
      await e.beginMerge();
      await e.fold({ model: -1, coefficient: 1, withFisher: false });
    },
    /no model -1/,
  ],
  ['half a model', (e) => e.load(0.5), /model: expected an integer/],
  ['a model past 32 bits', (e) => e.load(2 ** 40), /model: 1099511627776 is out of range/],
  [
    'a Fisher folded for no model',
    async (e) => {
      await addFisher(e, batch, { mode: 'exact' });
      await e.beginMerge();
      await e.finishFisher({ epsilon: 0, fold: { model: 0, coefficient: 1 } });
    },
    /no model 0/,
  ],
  ['a fold that is no object', (e) => e.finishFisher({ epsilon: 0, fold: wrong(1) }), /fold: expected an object/],
  [
    'an unknown mode',
    (e) => addFisher(e, batch, { mode: 'approximate' as FisherMode }),
    /unknown Fisher mode "approximate"/,
  ],
  ['no mode', (e) => addFisher(e, batch, { mode: wrong(undefined) }), /mode: expected a string/],
  ['sampled without draws', (e) => addFisher(e, batch, { mode: 'sampled' }), /one draw per input/],
  ['too few draws', (e) => addFisher(e, batch, { mode: 'sampled', draws: Float64Array.of(0.5) }), /one draw per input/],
  [
    'a draw of one',
    (e) => addFisher(e, batch, { mode: 'sampled', draws: Float64Array.of(0.5, 1) }),
    /a draw is 1: expected a number in \[0, 1\)/,
  ],
  [
    'a draw that is not a number',
    (e) => addFisher(e, batch, { mode: 'sampled', draws: Float64Array.of(Number.NaN, 0) }),
    /a draw is/,
  ],
  [
    'draws in single precision',
    (e) => addFisher(e, batch, { mode: 'sampled', draws: wrong(Float32Array.of(0, 0)) }),
    /draws: expected a Float64Array/,
  ],
  [
    'a drawn choice that the input lacks',
    (e) => addFisher(e, batch, { mode: 'sampled', drawn: I32(1, 1) }),
    /draw 1 is 1: the input has 1 choices/,
  ],
  ['a negative drawn choice', (e) => addFisher(e, batch, { mode: 'sampled', drawn: I32(-1, 0) }), /draw 0 is -1/],
  [
    'a negative minWeight',
    (e) => addFisher(e, batch, { mode: 'exact', minWeight: -0.5 }),
    /minWeight is -0\.5: expected a number from 0 to 1/,
  ],
  [
    'a minWeight above 1',
    (e) => addFisher(e, batch, { mode: 'choices', minWeight: 1.5 }),
    /minWeight is 1\.5: expected a number from 0 to 1/,
  ],
  [
    'a minWeight for the sampled mode',
    (e) => addFisher(e, batch, { mode: 'sampled', draws: Float64Array.of(0, 0), minWeight: 0.5 }),
    /sampled Fisher draws from all choices/,
  ],
  [
    'an input without choices',
    (e) => addFisher(e, { ...batch, choiceOffsets: I32(0, 0, 3) }, { mode: 'exact' }),
    /input 0 has no choices/,
  ],
  [
    'a gradient of an input without label',
    (e) => e.addGradient({ ...batch, choiceOffsets: I32(0, 3, 3) }, 1),
    /input 1 has no label/,
  ],
  [
    'fold without saying whether with Fisher',
    (e) => e.fold({ model: 0, coefficient: 1, withFisher: wrong(1) }),
    /withFisher: expected true or false/,
  ],
  ['a beta of one', (e) => e.adamw({ ...STEP, beta1: 1 }), /a beta is 1/],
  ['a negative beta', (e) => e.adamw({ ...STEP, beta2: -0.1 }), /a beta is -0.1/],
  ['a negative epsilon', (e) => e.adamw({ ...STEP, epsilon: -1 }), /epsilon is -1/],
  [
    'an unknown vector',
    (e) => e.parameter('moments' as 'fisher', 'shared.weight'),
    /expected parameters or fisher, got moments/,
  ],
  ['an unknown parameter', (e) => e.parameter('fisher', 'lm_head.weight'), /no parameter lm_head\.weight/],
  ['places that are no array', (e) => e.addModel(wrong({})), /sources: expected an array/],
  ['a place that is no object', (e) => e.addModel(wrong([3])), /sources: expected an object/],
  [
    'a place without a file',
    (e) => e.write('parameters', wrong([{ name: 'shared.weight', offset: 0, dtype: 'F32' }])),
    /file: expected a string/,
  ],
];

for (const [title, call, message] of OTHERS) {
  test(`refused: ${title}`, async (t) => {
    const engine = await ready();
    await t.throwsAsync(
      outcome(() => call(engine)),
      { code: 'INVALID_ARGUMENT', message },
    );
    engine.close();
  });
}

test('an engine without parameters refuses to compute', async (t) => {
  const engine = newEngine(V1_0);
  const calls = [
    () => engine.score(batch),
    () => engine.addFisher(batch, { mode: 'exact' }),
    () => engine.beginTraining(),
    () => engine.adamw(STEP),
    () => engine.write('parameters', []),
  ];
  for (const call of calls)
    await t.throwsAsync(outcome(call), { code: 'INVALID_STATE', message: /holds no parameters/ });
  engine.close();
});

test('methods called on another object, or Engine without new, throw instead of crashing', (t) => {
  const engine = newEngine(V1_0);
  t.throws(() => engine.bytes.call(wrong({})), { any: true } as never);
  t.throws(() => (native().Engine as unknown as () => void)(), { any: true } as never);
  engine.close();
});

test('the single ops check their operands, too', (t) => {
  const { kernels } = testing();
  const options = { isa: '', threads: 1 };
  const outer = {
    out: 2,
    in: 2,
    x: new Float32Array(4),
    dy: new Float32Array(4),
    gradient: I32(0, 2),
    forward: I32(0),
    weight: Float32Array.of(1),
    squared: true,
    extraRows: I32(),
    extraSegments: I32(),
    extra: new Float32Array(0),
  };
  const attention = {
    heads: 1,
    dKv: 1,
    causal: false,
    queryOffsets: I32(0, 1),
    keyOffsets: I32(0, 1),
    q: new Float32Array(1),
    k: new Float32Array(1),
    v: new Float32Array(1),
  };
  const bias = { bias: new Float32Array(8), buckets: 8, maxDistance: 16 };
  t.notThrows(() => [
    kernels.squaredOuter(options, outer),
    kernels.attention(options, attention),
    kernels.attention(options, { ...attention, ...bias }),
  ]);
  const calls: (() => unknown)[] = [
    () =>
      kernels.matmul(options, {
        m: 2,
        n: 2,
        k: 2,
        a: new Float32Array(3),
        b: new Float32Array(4),
        transposeA: false,
        transposeB: false,
      }),
    () => kernels.matmul({ isa: '', threads: 0 }, {}),
    () => kernels.squaredOuter(options, { ...outer, gradient: I32(0, 3) }),
    () => kernels.squaredOuter(options, { ...outer, forward: I32(1) }),
    () => kernels.squaredOuter(options, { ...outer, extraRows: I32(0), extra: new Float32Array(2) }),
    () => kernels.attention(options, { ...attention, queryOffsets: I32(-1, 1) }),
    () => kernels.attention(options, { ...attention, queryOffsets: I32(), keyOffsets: I32() }),
    () => kernels.attention(options, { ...attention, ...bias, buckets: 1, bias: new Float32Array(1) }),
    () =>
      kernels.crossEntropy(options, {
        rows: 1,
        vocabulary: 2,
        d: 1,
        h: new Float32Array(1),
        weight: new Float32Array(2),
        labels: I32(2),
      }),
    () =>
      kernels.merge(options, {
        base: new Float32Array(2),
        models: [new Float32Array(1)],
        fishers: [],
        coefficients: Float64Array.of(1),
      }),
    () => kernels.positionBucket(1, 1, true, 5),
    () => kernels.positionBucket(8, 4, false, -5),
  ];
  for (const call of calls) t.throws(call, { code: 'INVALID_ARGUMENT' }, String(call));
  t.throws(() => kernels.convert({ isa: 'mmx', threads: 1 }, 'F16', new Float32Array(1)), { code: 'UNSUPPORTED' });
});
