// Products of bfloat16 operands against plain float64 loops over operands rounded to bfloat16, on every instruction set. Sums are float32:
// bounds are those of ops_matmul.test.ts, and a smallest normal number per term where the instructions take less for zero.
import test, { type ExecutionContext } from 'ava';
import { testing } from '../bindings/testing/index.js';
import { roundToBfloat16, SMALLEST_NORMAL } from './support/bfloat16.js';
import { machines, on, onThreads, sameBits, withinBound } from './support/machines.js';
import { SEVERAL_TASKS, SPARSE_ROWS, outerOperands, type OuterShape } from './support/outer_shapes.js';
import { EPSILON32, matmul, squaredOuter } from './support/plain_ops.js';
import { RandomValues } from './support/random_values.js';

const random = new RandomValues(5);
const { kernels } = testing();
const DEPTHS = [1, 7, 15, 17, 63, 65, 257, 513, 600];
const TRANSPOSES = [false, true].flatMap((transposeA) =>
  [false, true].map((transposeB) => ({ transposeA, transposeB })),
);

test('rounding to bfloat16, by hand: ties go to the even significand, the largest float32 to infinity', (t) => {
  const cases: [number, number][] = [
    [1, 1],
    [1 + 2 ** -8, 1],
    [1 + 2 ** -8 + 2 ** -23, 1 + 2 ** -7],
    [1 + 3 * 2 ** -8, 1 + 2 ** -6],
    [-1 - 2 ** -8, -1],
    [-1 - 3 * 2 ** -8, -1 - 2 ** -6],
    [2 - 2 ** -8, 2],
    [2 ** 128 - 2 ** 104, Infinity],
    [2 ** 128 - 2 ** 120, 2 ** 128 - 2 ** 120],
    [2 ** -133, 2 ** -133],
    [2 ** -134, 0],
    [3 * 2 ** -134, 2 ** -132],
    [Infinity, Infinity],
    [-Infinity, -Infinity],
    [NaN, NaN],
    [0, 0],
    [-0, -0],
  ];
  for (const [value, expected] of cases) t.is(roundToBfloat16(value), expected, String(value));
});

const PRODUCTS = [
  ...DEPTHS.flatMap((k) =>
    TRANSPOSES.map((transposes, i) => ({ m: [1, 17, 65, 7][i], n: [33, 7, 15, 63][i], k, ...transposes })),
  ),
  ...[1, 7, 15, 17, 63, 65].flatMap((m) =>
    [1, 31, 65].map((n) => ({ m, n, k: 9, transposeA: m % 4 === 1, transposeB: n % 4 === 3 })),
  ),
  { m: 205, n: 31, k: 9, transposeA: false, transposeB: true },
  { m: 3, n: 530, k: 515, transposeA: true, transposeB: true },
  { m: 2, n: 4 * 1024 + 67, k: 33, transposeA: false, transposeB: true },
].map((shape) => {
  const [a, b] = [random.normal(shape.m * shape.k), random.normal(shape.k * shape.n)];
  const rounded = { ...shape, a: a.map(roundToBfloat16), b: b.map(roundToBfloat16) };
  const sizes = matmul({ ...rounded, a: rounded.a.map(Math.abs), b: rounded.b.map(Math.abs) });
  return { operands: { ...shape, a, b }, expected: matmul(rounded), sizes, what: JSON.stringify(shape) };
});

for (const machine of machines('bfloat16')) {
  test(`${machine.title}: matmul is the plain product of rounded operands at odd shapes, transposes and depths, the same bits on 1 to 3 threads`, (t) => {
    for (const { operands, expected, sizes, what } of PRODUCTS) {
      const [one, ...more] = onThreads(machine).map((options) => kernels.matmul(options, operands));
      withinBound(t, one, expected, { bound: (i) => (operands.k + 1) * EPSILON32 * sizes[i], what });
      for (const other of more) sameBits(t, other, one, what);
    }
  });
}

test('operands are rounded: the product of unrounded ones is further off than float32 could be', (t) => {
  const { operands } = PRODUCTS.find(({ operands: { k } }) => k === 513)!;
  const exact = matmul(operands);
  const sizes = matmul({ ...operands, a: operands.a.map(Math.abs), b: operands.b.map(Math.abs) });
  for (const machine of machines('bfloat16')) {
    const actual = kernels.matmul(on(machine), operands);
    t.true(
      actual.some((value, i) => Math.abs(value - exact[i]) > (operands.k + 1) * EPSILON32 * sizes[i]),
      machine.title,
    );
  }
});

/** NaNs of every kind, infinities, the edges of the exponent, ties, and any bits at all. */
const SPECIALS = (() => {
  const patterns = [
    0x7f800001,
    0x7f80ffff,
    0x7fbfffff,
    0x7fc00000,
    0xff800001,
    0xffffffff,
    0x7f800000,
    0xff800000,
    0x7f7fffff,
    0xff7fffff,
    0x7f7f7fff,
    0x7f7f8000,
    0x3f808000,
    0x3f808001,
    0x3f818000,
    0x3f817fff,
    0xbf808000,
    0xbf818000,
    0x00800000,
    0x00807fff,
    0x00808000,
    0x80818000,
    0x007fffff,
    0x00000001,
    0x80400000,
    0x00018000,
    0,
    0x80000000,
    ...random.ids(230, 2 ** 31),
    ...random.ids(30, 2 ** 31).map((bits) => bits | 0x80000000),
  ];
  return new Float32Array(Uint32Array.from(patterns, (bits) => bits >>> 0).buffer);
})();

/** Fails where `actual` is not `value` rounded to bfloat16; a denormal value may also have become zero. */
function isRounded(t: ExecutionContext, actual: number, { value, what }: { value: number; what: string }): void {
  const expected = roundToBfloat16(value);
  const right =
    Math.abs(value) < SMALLEST_NORMAL
      ? actual === 0 || actual === expected
      : Number.isNaN(expected)
        ? Number.isNaN(actual)
        : actual === expected;
  if (!right) t.fail(`${what}: ${value} became ${actual}, expected ${expected}`);
}

for (const machine of machines('bfloat16')) {
  test(`${machine.title}: special values are rounded as any other, NaN stays NaN, infinity infinity, denormals may become zero, in both operands`, (t) => {
    const n = SPECIALS.length;
    const ones = new Float32Array(n * 3).fill(1);
    const diagonal = new Float32Array(n * n);
    SPECIALS.forEach((value, i) => (diagonal[i * n + i] = value));
    for (const transposes of TRANSPOSES) {
      const left = kernels.matmul(on(machine), { m: n, n: 3, k: n, a: diagonal, b: ones, ...transposes });
      const right = kernels.matmul(on(machine), { m: 3, n, k: n, a: ones, b: diagonal, ...transposes });
      SPECIALS.forEach((value, i) => {
        isRounded(t, left[3 * i + 1], { value, what: `left ${JSON.stringify(transposes)}` });
        isRounded(t, right[n + i], { value, what: `right ${JSON.stringify(transposes)}` });
      });
    }
    t.pass();
  });

  test(`${machine.title}: products below the smallest normal number are off by that much per term at most`, (t) => {
    const [m, n, k] = [5, 19, 23];
    const [a, b] = [random.normal(m * k, 2 ** -70), random.normal(k * n, 2 ** -60)];
    const expected = matmul({ m, n, k, a: a.map(roundToBfloat16), b: b.map(roundToBfloat16) });
    const actual = kernels.matmul(on(machine), { m, n, k, a, b, transposeA: false, transposeB: false });
    withinBound(t, actual, expected, { bound: () => (k + 1) * SMALLEST_NORMAL, what: 'tiny' });
  });
}

const OUTERS: OuterShape[] = [
  ...DEPTHS.map((rows, i): OuterShape => ({
    out: [17, 7, 30][i % 3],
    in: [33, 65, 15][i % 3],
    forwardRows: rows,
    segments: [[0, rows]],
  })),
  ...[1, 7, 15, 17, 63, 65].flatMap((out) =>
    [1, 15, 65].map((inner): OuterShape => ({
      out,
      in: inner,
      forwardRows: 9,
      segments: [
        [0, 3],
        [3, 6],
        [8, 1],
      ],
    })),
  ),
  {
    out: 13,
    in: 21,
    forwardRows: 9,
    segments: [
      [0, 0],
      [0, 3],
      [3, 0],
      [3, 4],
      [7, 0],
      [7, 1],
      [8, 1],
    ],
  }, // Empty segments lie among odd and even ones.
  // Choices of one input see prefixes of its rows: those that end on an odd row share their last word with a row that is not theirs.
  {
    out: 25,
    in: 35,
    forwardRows: 13,
    segments: [
      [0, 8],
      [0, 7],
      [0, 3],
      [0, 1],
      [0, 6],
      [8, 5],
      [8, 1],
      [8, 4],
      [8, 5],
    ],
  },
  {
    out: 15,
    in: 19,
    forwardRows: 12,
    segments: [
      [0, 5],
      [0, 5],
      [0, 5],
      [5, 7],
      [3, 6],
      [3, 0],
    ],
  },
  {
    out: 7,
    in: 17,
    forwardRows: 700,
    segments: [
      [0, 599],
      [599, 101],
    ],
  },
  SEVERAL_TASKS,
  SPARSE_ROWS,
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
      [65_585, 1],
    ],
  },
];

for (const squared of [true, false]) {
  const outers = OUTERS.map((shape) => {
    const operands = outerOperands(random, shape, squared);
    // Sparse rows are added as they are.
    const rounded = { ...operands, x: operands.x.map(roundToBfloat16), dy: operands.dy.map(roundToBfloat16) };
    return { operands, ...squaredOuter(rounded), what: JSON.stringify(shape) };
  });
  for (const machine of machines('bfloat16')) {
    test(`${machine.title}: ${squared ? 'the weighted squares' : 'the weighted sum'} of segments of rounded rows is the plain one: odd, empty and shared segments, sparse rows, 1 to 3 threads`, (t) => {
      for (const { operands, target, bound, what } of outers) {
        const [one, ...more] = onThreads(machine).map((options) => kernels.squaredOuter(options, { ...operands }));
        withinBound(t, one, target, { bound: (i) => bound[i], what });
        for (const other of more) sameBits(t, other, one, what);
      }
    });
  }
}
