// Attention over ragged spans and the buckets of its position bias.
import test from 'ava';
import { testing } from '../bindings/testing/index.js';
import { machines, onThreads, sameBits } from './support/machines.js';
import { attention, differenceGradient, dot, EPSILON32, positionBucket } from './support/plain_ops.js';
import { RandomValues } from './support/random_values.js';
import { relativeError } from './support/tensors.js';

const random = new RandomValues(3);
const { kernels } = testing();
const EPSILON_BF16 = 2 ** -9;
const BOUND = {
  float32: { y: 8 * EPSILON32, gradient: 32 * EPSILON32 },
  bfloat16: { y: 4 * EPSILON_BF16, gradient: 8 * EPSILON_BF16 },
};

interface Shape {
  title: string;
  heads: number;
  dKv: number;
  causal: boolean;
  queries: number[];
  keys: number[];
  buckets?: number;
  maxDistance?: number;
}

const SHAPES: Shape[] = [
  {
    title: 'encoder self-attention with bidirectional bias',
    heads: 3,
    dKv: 5,
    causal: false,
    queries: [1, 7, 17, 2],
    keys: [1, 7, 17, 2],
    buckets: 8,
    maxDistance: 20,
  },
  {
    title: 'decoder self-attention with causal bias',
    heads: 2,
    dKv: 7,
    causal: true,
    queries: [1, 6, 15, 3],
    keys: [1, 6, 15, 3],
    buckets: 8,
    maxDistance: 20,
  },
  {
    title: 'cross-attention, fewer and more queries than keys, no bias',
    heads: 2,
    dKv: 9,
    causal: false,
    queries: [3, 1, 15, 1],
    keys: [8, 17, 2, 1],
  },
  { title: 'one head of width one', heads: 1, dKv: 1, causal: false, queries: [4], keys: [3] },
  {
    title: 'spans of 63 and 65 rows with 32 buckets',
    heads: 1,
    dKv: 4,
    causal: false,
    queries: [65, 63],
    keys: [65, 63],
    buckets: 32,
    maxDistance: 128,
  },
];

const offsets = (lengths: number[]) =>
  Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b))]);

for (const { title, ...shape } of SHAPES) {
  const { heads, dKv, causal, buckets, maxDistance } = shape;
  const [queryOffsets, keyOffsets] = [offsets(shape.queries), offsets(shape.keys)];
  const [queryRows, keyRows] = [queryOffsets.at(-1)!, keyOffsets.at(-1)!];
  // Scores of about unit size, so that the softmax is neither flat nor a spike.
  const operands = {
    heads,
    dKv,
    causal,
    queryOffsets,
    keyOffsets,
    q: random.normal(queryRows * heads * dKv, dKv ** -0.5),
    k: random.normal(keyRows * heads * dKv),
    v: random.normal(keyRows * heads * dKv),
    ...(buckets === undefined ? {} : { buckets, maxDistance, bias: random.normal(buckets * heads) }),
  };
  const dy = random.normal(queryRows * heads * dKv);
  const plain = {
    ...operands,
    q: Float64Array.from(operands.q),
    k: Float64Array.from(operands.k),
    v: Float64Array.from(operands.v),
    bias: operands.bias && Float64Array.from(operands.bias),
  };
  const gradientOf = (x: Float64Array) => differenceGradient(x, () => dot(dy, attention(plain)));
  const expected = {
    y: attention(plain),
    dq: gradientOf(plain.q),
    dk: gradientOf(plain.k),
    dv: gradientOf(plain.v),
    ...(plain.bias ? { dbias: gradientOf(plain.bias) } : {}),
  };
  for (const machine of machines()) {
    test(`${machine.title}: ${title}`, (t) => {
      const [one, ...more] = onThreads(machine).map((options) => kernels.attention(options, { ...operands, dy }));
      for (const [part, values] of Object.entries(expected) as [keyof typeof one, Float64Array][]) {
        const error = relativeError(one[part], values);
        t.true(error < BOUND[machine.dtype][part === 'y' ? 'y' : 'gradient'], `${part} is off by ${error}`);
        for (const other of more) sameBits(t, other[part], one[part], part);
      }
    });
  }
}

test('buckets of 32 up to distance 128, by hand: half per direction, exact below 8, then a new one per factor of √2', (t) => {
  const behind: [number, number][] = [
    [0, 0],
    [1, 1],
    [7, 7],
    [8, 8],
    [11, 8],
    [12, 9],
    [15, 9],
    [16, 10],
    [22, 10],
    [23, 11],
    [31, 11],
    [32, 12],
    [45, 12],
    [46, 13],
    [63, 13],
    [64, 14],
    [90, 14],
    [91, 15],
    [128, 15],
    [129, 15],
    [100_000, 15],
  ];
  for (const [distance, bucket] of behind) {
    t.is(kernels.positionBucket(32, 128, true, -distance), bucket, `${distance} behind`);
    t.is(kernels.positionBucket(32, 128, true, distance), bucket + (distance > 0 ? 16 : 0), `${distance} ahead`);
  }
});

test('causal buckets of 32 up to distance 128, by hand: keys ahead share bucket 0, exact below 16', (t) => {
  for (const [distance, bucket] of [
    [5, 0],
    [1, 0],
    [0, 0],
    [-1, 1],
    [-15, 15],
    [-16, 16],
    [-18, 16],
    [-19, 17],
    [-64, 26],
    [-112, 30],
    [-113, 31],
    [-128, 31],
    [-5000, 31],
  ])
    t.is(kernels.positionBucket(32, 128, false, distance), bucket, String(distance));
});

for (const [buckets, maxDistance] of [
  [32, 128],
  [8, 20],
  [4, 9],
  [64, 256],
]) {
  for (const bidirectional of [true, false]) {
    test(`${bidirectional ? 'bidirectional' : 'causal'} buckets of ${buckets} up to distance ${maxDistance} follow the definition at every distance`, (t) => {
      const distances = Array.from({ length: 2 * 2 * maxDistance + 1 }, (_, i) => i - 2 * maxDistance);
      const ours = distances.map((distance) => kernels.positionBucket(buckets, maxDistance, bidirectional, distance));
      t.deepEqual(
        ours,
        distances.map((distance) => positionBucket({ buckets, maxDistance, bidirectional }, distance)),
      );
      t.is(new Set(ours).size, bidirectional ? buckets - 1 : buckets); // All are in use but "0 ahead".
    });
  }
}
