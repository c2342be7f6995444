// Products on AMX's tiles, by the emulation of its instructions that every build has (and by the instructions where the machine has them).
// ops_bfloat16.test.ts has both among all instruction sets; here is what tiles of 16 x 16 words add: their edges, segments that are no multiple
// of a tile's depth, the documented order of sums, and a whole engine.
import test from 'ava';
import { native } from '../bindings/index.js';
import { testing } from '../bindings/testing/index.js';
import { info } from '../lib/commands/info.js';
import { roundToBfloat16 } from './support/bfloat16.js';
import { INSTRUCTION_SETS, machines, onThreads, sameBits, withinBound } from './support/machines.js';
import { outerOperands, type OuterShape } from './support/outer_shapes.js';
import { EPSILON32, matmul, squaredOuter } from './support/plain_ops.js';
import { openT5, randomRows, randomWeights, V1_0, type T5Shape } from './support/random_t5.js';
import { RandomValues } from './support/random_values.js';
import { relativeError } from './support/tensors.js';
import { measure, score } from './support/passes.js';

const random = new RandomValues(8);
const { kernels } = testing();
const EMULATED = 'amx_emulated';
const TILED = machines('bfloat16').filter(({ isa }) => isa.startsWith('amx'));
const SIZES = [1, 7, 15, 16, 17, 31, 32, 33, 63, 65];
const TRANSPOSES = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

test('the emulation is in every build, passes its check, runs only where it is named, and is not shown as a choice', (t) => {
  t.true(INSTRUCTION_SETS.includes(EMULATED));
  t.is(INSTRUCTION_SETS.at(-1), EMULATED);
  t.not(native().info().isa, EMULATED);
  const { isa } = info();
  t.false([isa.chosen, ...isa.available, ...isa.built].includes(EMULATED));
});

const PRODUCTS = [
  ...SIZES.flatMap((m, i) =>
    SIZES.map((n, j) => ({ m, n, k: SIZES[(i + 3 * j) % SIZES.length], ...TRANSPOSES[(i + j) % 4] })),
  ),
  ...Array.from({ length: 65 }, (_, i) => ({ m: 17, n: 19, k: i + 1, ...TRANSPOSES[i % 4] })),
  ...[512, 513, 545, 1030].flatMap((k, i) =>
    [TRANSPOSES[i], TRANSPOSES[3 - i]].map((transposes) => ({ m: [33, 48][i % 2], n: 35, k, ...transposes })),
  ),
].map((shape) => ({ ...shape, a: random.normal(shape.m * shape.k), b: random.normal(shape.k * shape.n) }));

for (const machine of TILED) {
  test(`${machine.title}: matmul is the plain product of rounded operands at every edge of a tile, the same bits on 1 to 3 threads`, (t) => {
    for (const operands of PRODUCTS) {
      const rounded = { ...operands, a: operands.a.map(roundToBfloat16), b: operands.b.map(roundToBfloat16) };
      const sizes = matmul({ ...rounded, a: rounded.a.map(Math.abs), b: rounded.b.map(Math.abs) });
      const what = JSON.stringify({ ...operands, a: undefined, b: undefined });
      const [one, ...more] = onThreads(machine).map((options) => kernels.matmul(options, operands));
      withinBound(t, one, matmul(rounded), { bound: (i) => (operands.k + 1) * EPSILON32 * sizes[i], what });
      for (const other of more) sameBits(t, other, one, what);
    }
  });
}

/**
 * An element of C, summed in the order of TDPBF16PS: each 32 terms make a chain of those at even depths and a chain of those at odd depths, and
 * the sum of both chains is added.
 */
function inDocumentedOrder(a: Float32Array, b: Float32Array): number {
  let c = 0;
  for (let k0 = 0; k0 < a.length; k0 += 32) {
    const chains = [0, 0];
    for (let k = k0; k < Math.min(a.length, k0 + 32); k++) chains[k % 2] = Math.fround(chains[k % 2] + a[k] * b[k]);
    c = Math.fround(c + Math.fround(chains[0] + chains[1]));
  }
  return c;
}

test('the emulation sums in the order that is documented for the instruction, bit for bit, past the end of a block of depth too', (t) => {
  for (const k of [2, 31, 64, 75, 511, 600]) {
    const [m, n] = [18, 21];
    const [a, b] = [random.normal(m * k).map(roundToBfloat16), random.normal(n * k).map(roundToBfloat16)];
    const expected = Float32Array.from({ length: m * n }, (_, i) => {
      const [row, column] = [Math.floor(i / n), i % n];
      return inDocumentedOrder(a.subarray(row * k, (row + 1) * k), b.subarray(column * k, (column + 1) * k));
    });
    sameBits(
      t,
      kernels.matmul(
        { isa: EMULATED, threads: 1, dtype: 'bfloat16' },
        { m, n, k, a, b, transposeA: false, transposeB: true },
      ),
      expected,
      `depth ${k}`,
    );
  }
});

/** Segments of these lengths, one after another. */
function rowsOf(lengths: readonly number[]): [number, number][] {
  let first = 0;
  return lengths.map((rows) => [(first += rows) - rows, rows]);
}

const oneToForty = rowsOf(Array.from({ length: 40 }, (_, i) => i + 1));
const OUTERS: OuterShape[] = [
  ...SIZES.flatMap((out, i) =>
    [SIZES[(i + 4) % SIZES.length], SIZES[(i + 7) % SIZES.length]].map((inner) => ({
      out,
      in: inner,
      segments: rowsOf([40, 1, 17]),
    })),
  ),
  { out: 35, in: 50, segments: oneToForty },
  { out: 33, in: 31, segments: rowsOf([300, 0, 1, 0, 129, 127, 0]) }, // Some segments are empty, and some are packed in several parts.
  {
    out: 20,
    in: 40,
    segments: [
      [0, 33],
      [0, 40],
      [0, 3],
      [0, 0],
      [0, 32],
      [0, 1],
      [40, 15],
      [40, 17],
      [57, 30],
    ],
  }, // Segments of different lengths share forward rows.
  {
    out: 70,
    in: 37,
    segments: [...rowsOf([20, 3, 0]), [20, 31]],
    extra: [
      [0, 0],
      [0, 2],
      [15, 1],
      [16, 0],
      [16, 3],
      [31, 0],
      [32, 2],
      [33, 3],
      [69, 0],
      [69, 1],
    ],
  },
];

for (const machine of TILED) {
  test(`${machine.title}: segments of 1 to 40 and of many rows, empty, shared, with sparse rows, are the plain ones, the same bits on 1 to 3 threads`, (t) => {
    for (const shape of OUTERS) {
      for (const squared of [true, false]) {
        const operands = outerOperands(random, shape, squared);
        const { target, bound } = squaredOuter({
          ...operands,
          x: operands.x.map(roundToBfloat16),
          dy: operands.dy.map(roundToBfloat16),
        });
        const [one, ...more] = onThreads(machine).map((options) => kernels.squaredOuter(options, { ...operands }));
        withinBound(t, one, target, { bound: (i) => bound[i], what: JSON.stringify(shape) });
        for (const other of more) sameBits(t, other, one, JSON.stringify(shape));
      }
    }
  });
}

test('segments of a few rows take the kernels without tiles, longer ones do not', (t) => {
  const both = (lengths: number[]) => {
    const operands = outerOperands(random, { out: 19, in: 23, segments: rowsOf(lengths) }, true);
    return [EMULATED, 'generic'].map((isa) =>
      kernels.squaredOuter({ isa, threads: 1, dtype: 'bfloat16' }, { ...operands }),
    );
  };
  const [short, generic] = both([1, 3, 6, 2]);
  sameBits(t, short, generic, 'short');
  const [long, other] = both([40, 60]);
  t.true(
    long.some((value, i) => value !== other[i]),
    'sums in another order have other bits somewhere',
  );
});

const SHAPE: T5Shape = {
  ...V1_0,
  d_model: 40,
  d_kv: 9,
  num_heads: 3,
  d_ff: 70,
  num_layers: 2,
  num_decoder_layers: 1,
  vocab_size: 90,
};
const LENGTHS: [number, number[]][] = [
  [45, [3, 1, 20]],
  [33, [18, 2]],
  [7, [1, 40]],
  [1, [16, 2]],
];

/** NLLs and the Fisher of every parameter, on a set of kernels that the environment names, as users' runs do. */
async function scoresAndFisher(isa: string, threads: number) {
  const before = process.env.DFMERGE_ISA;
  process.env.DFMERGE_ISA = isa;
  try {
    const model = await openT5(SHAPE, [randomWeights(SHAPE, 11)], { computeDtype: 'bfloat16', threads });
    const rows = randomRows(SHAPE, LENGTHS);
    const indices = rows.choices.map((_, i) => i);
    await model.load(0);
    const nll = Float32Array.from((await score(model, { rows, indices })).results.flatMap((result) => result.nll));
    await measure(model, { rows, indices }, { mode: 'exact' });
    const fisher = model.parameters.map(({ name }) => ({ name, values: model.engine.parameter('fisher', name) }));
    model.close();
    return { nll, fisher };
  } finally {
    if (before === undefined) delete process.env.DFMERGE_ISA;
    else process.env.DFMERGE_ISA = before;
  }
}

for (const machine of TILED) {
  test.serial(
    `${machine.title}: a small T5's scores and Fisher are those of rounded operands multiplied as float32, the same bits on 1 to 3 threads`,
    async (t) => {
      const rounded = await scoresAndFisher('generic', 1);
      const tiled = await scoresAndFisher(machine.isa, 1);
      t.true(relativeError(tiled.nll, rounded.nll) < 1e-3);
      t.notDeepEqual(tiled.nll, rounded.nll);
      const errors = tiled.fisher.map(({ name, values }, i) => ({
        name,
        error: relativeError(values, rounded.fisher[i].values),
      }));
      t.log(
        `scores off by ${relativeError(tiled.nll, rounded.nll).toExponential(1)}, Fishers by ${Math.max(...errors.map(({ error }) => error)).toExponential(1)} at most`,
      );
      t.deepEqual(
        errors.filter(({ error }) => !(error < 1e-2)),
        [],
      );
      for (const threads of [2, 3]) {
        const other = await scoresAndFisher(machine.isa, threads);
        sameBits(t, other.nll, tiled.nll, 'scores');
        other.fisher.forEach(({ name, values }, i) => sameBits(t, values, tiled.fisher[i].values, name));
      }
    },
  );
}
