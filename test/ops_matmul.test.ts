// Matrix products and the squared outer product against plain float64 loops, on every instruction set. Bounds are those of a float32
// sum of K terms, K ε Σ|terms|: a dropped or doubled term, an element of a wrong row or a missed edge is orders of magnitude beyond.
import test from 'ava';
import { testing } from '../bindings/testing/index.js';
import { machines, onThreads, sameBits, withinBound } from './support/machines.js';
import { SEVERAL_TASKS, SPARSE_ROWS, outerOperands, type OuterShape } from './support/outer_shapes.js';
import { EPSILON32, matmul, squaredOuter } from './support/plain_ops.js';
import { RandomValues } from './support/random_values.js';

const random = new RandomValues(1);
const SIZES = [1, 7, 15, 17, 63, 65];

interface Product {
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
}

/**
 * There is every pair of odd sizes. Depths go past one and two blocks of 256, and there are several blocks of rows (96), of columns (256) and of
 * packed columns (4,096).
 */
const PRODUCTS: Product[] = [
  ...SIZES.flatMap((m) =>
    SIZES.map((n, i) => ({
      m,
      n,
      k: SIZES[(i + m) % SIZES.length],
      transposeA: (m + n) % 4 === 0,
      transposeB: i % 2 === 1,
    })),
  ),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({ m: 17, n: 33, k: 65, transposeA, transposeB })),
  ),
  ...[256, 257, 600].map((k) => ({ m: 15, n: 65, k, transposeA: false, transposeB: true })),
  { m: 205, n: 31, k: 9, transposeA: false, transposeB: false },
  { m: 3, n: 530, k: 300, transposeA: true, transposeB: true },
  { m: 2, n: 4 * 1024 + 67, k: 3, transposeA: false, transposeB: true },
];

const products = PRODUCTS.map((shape) => {
  const operands = { ...shape, a: random.normal(shape.m * shape.k), b: random.normal(shape.k * shape.n) };
  const sizes = matmul({ ...operands, a: operands.a.map(Math.abs), b: operands.b.map(Math.abs) });
  return { operands, expected: matmul(operands), sizes, what: JSON.stringify(shape) };
});

for (const machine of machines('float32')) {
  test(`${machine.title}: matmul is the plain product at odd shapes, transposes and depths, the same bits on 1 to 3 threads`, (t) => {
    for (const { operands, expected, sizes, what } of products) {
      const [one, ...more] = onThreads(machine).map((options) => testing().kernels.matmul(options, operands));
      withinBound(t, one, expected, { bound: (i) => (operands.k + 1) * EPSILON32 * sizes[i], what });
      for (const other of more) sameBits(t, other, one, what);
    }
  });
}

const OUTERS: OuterShape[] = [
  ...SIZES.flatMap((out) =>
    [1, 15, 65].map((inner): OuterShape => ({
      out,
      in: inner,
      forwardRows: 9,
      segments: [
        [0, 4],
        [4, 5],
      ],
    })),
  ),
  ...SIZES.map((inner): OuterShape => ({ out: 17, in: inner, forwardRows: 7, segments: [[0, 7]] })),
  { out: 13, in: 21, forwardRows: 1, segments: [[0, 1]] }, // This is a single token.
  {
    out: 7,
    in: 17,
    forwardRows: 700,
    segments: [
      [0, 600],
      [600, 100],
    ],
  }, // The segments are long.
  {
    out: 15,
    in: 33,
    forwardRows: 6,
    segments: [
      [0, 0],
      [0, 6],
      [6, 0],
      [2, 0],
    ],
  }, // Some segments are empty.
  {
    out: 25,
    in: 19,
    forwardRows: 12,
    segments: [
      [0, 5],
      [0, 5],
      [0, 5],
      [5, 7],
      [3, 6],
    ],
  }, // Choices share forward rows.
  SEVERAL_TASKS,
  {
    out: 64 * 1024 + 50,
    in: 3,
    forwardRows: 3,
    segments: [
      [0, 1],
      [1, 2],
    ],
    extra: [
      [0, 1],
      [65_535, 0],
      [65_536, 0],
      [65_537, 1],
      [65_585, 1],
    ],
  }, // There are several chunks of packed rows.
  SPARSE_ROWS,
];

for (const squared of [true, false]) {
  const outers = OUTERS.map((shape) => {
    const operands = outerOperands(random, shape, squared);
    return { operands, ...squaredOuter(operands), what: JSON.stringify(shape) };
  });
  for (const machine of machines('float32')) {
    test(`${machine.title}: ${squared ? 'the weighted squares of segments' : 'the weighted sum of segments'} is the plain one: empty, shared and long segments, sparse rows, 1 to 3 threads`, (t) => {
      for (const { operands, target, bound, what } of outers) {
        const [one, ...more] = onThreads(machine).map((options) =>
          testing().kernels.squaredOuter(options, { ...operands }),
        );
        withinBound(t, one, target, { bound: (i) => bound[i], what });
        for (const other of more) sameBits(t, other, one, what);
      }
    });
  }
}

test('squares are taken per segment: one over all rows gives another Fisher', (t) => {
  const shape: OuterShape = {
    out: 5,
    in: 4,
    forwardRows: 6,
    segments: [
      [0, 3],
      [3, 3],
    ],
  };
  const operands = { ...outerOperands(random, shape, true), weight: Float32Array.of(1, 1) };
  const together = {
    ...operands,
    gradient: Int32Array.of(0, 6),
    forward: Int32Array.of(0),
    weight: Float32Array.of(1),
  };
  const apart = testing().kernels.squaredOuter({ isa: '', threads: 1 }, operands);
  const summed = testing().kernels.squaredOuter({ isa: '', threads: 1 }, together);
  t.true(apart.some((value, i) => Math.abs(value - summed[i]) > 0.1));
});

test('the unsquared outer product is the gradient of y = x Wᵀ', (t) => {
  const [rows, out, inner] = [6, 5, 7];
  const operands = outerOperands(random, { out, in: inner, forwardRows: rows, segments: [[0, rows]] }, false);
  operands.weight[0] = 1;
  const w = Float64Array.from(random.normal(out * inner));
  const loss = () => {
    const y = matmul({ m: rows, n: out, k: inner, a: operands.x, b: w, transposeB: true });
    return y.reduce((sum, value, i) => sum + value * operands.dy[i], 0);
  };
  const expected = w.map((value, i) => {
    const shifted = (by: number) => ((w[i] = value + by), loss());
    const slope = shifted(0.5) - shifted(-0.5); // This is exact, because the loss is linear in W.
    w[i] = value;
    return slope;
  });
  const actual = testing().kernels.squaredOuter({ isa: '', threads: 2 }, { ...operands });
  const { bound } = squaredOuter(operands);
  withinBound(t, actual, expected, { bound: (i) => bound[i], what: 'dW' });
});
