// Norm, activations and cross entropy, forward and backward, against plain float64 formulas and their finite differences.
import test from 'ava';
import { testing } from '../bindings/testing/index.js';
import { machines, on, onThreads, sameBits, withinBound } from './support/machines.js';
import {
  crossEntropy,
  differenceGradient,
  dot,
  EPSILON32,
  geluNew,
  matmul,
  relu,
  rmsNorm,
} from './support/plain_ops.js';
import { RandomValues } from './support/random_values.js';

const random = new RandomValues(2);
/** The relative error of a product of two operands that are rounded to bfloat16. */
const EPSILON_BF16 = 2 ** -8;
const { kernels } = testing();
const ROWS_AND_WIDTHS = [
  [1, 1],
  [1, 7],
  [7, 15],
  [15, 17],
  [17, 63],
  [33, 65],
  [3, 129],
  [65, 16],
];

// Bounds are a few roundings of the terms that an element is the sum of.
const norms = ROWS_AND_WIDTHS.map(([rows, d]) => {
  const operands = {
    rows,
    d,
    x: random.normal(rows * d),
    weight: random.normal(d),
    epsilon: 1e-3,
    dy: random.normal(rows * d),
  };
  const { x, weight, epsilon, dy } = operands;
  const y = rmsNorm(x, weight, epsilon);
  const [x64, weight64] = [Float64Array.from(x), Float64Array.from(weight)];
  const loss = () => dot(dy, rmsNorm(x64, weight64, epsilon));
  const r = Array.from(
    { length: rows },
    (_, row) =>
      1 / Math.sqrt(dot(x.subarray(row * d, (row + 1) * d), x.subarray(row * d, (row + 1) * d)) / d + epsilon),
  );
  const rowTerms = x.map((_, at) => {
    const row = Math.floor(at / d);
    const along = dot(
      Array.from({ length: d }, (_, i) => Math.abs(dy[row * d + i] * weight[i])),
      x.subarray(row * d, (row + 1) * d).map(Math.abs),
    );
    return r[row] * (Math.abs(weight[at % d] * dy[at]) + (r[row] ** 2 * Math.abs(x[at]) * along) / d);
  });
  const columnTerms = weight.map((_, i) =>
    r.reduce((sum, factor, row) => sum + Math.abs(dy[row * d + i] * x[row * d + i]) * factor, 0),
  );
  return {
    operands,
    y,
    dx: differenceGradient(x64, loss),
    dweight: differenceGradient(weight64, loss),
    rowTerms,
    columnTerms,
    what: `${rows} x ${d}`,
  };
});

const activations = ROWS_AND_WIDTHS.map(([rows, width]) => {
  const operands = {
    rows,
    width,
    gate: random.normal(rows * width, 2),
    linear: random.normal(rows * width),
    dy: random.normal(rows * width),
  };
  const { gate, linear, dy } = operands;
  const y = Float64Array.from(gate, (g, i) => geluNew(g) * linear[i]);
  return {
    operands,
    y,
    dgate: Float64Array.from(gate, (g, i) => slopeOfGelu(g) * linear[i] * dy[i]),
    dlinear: Float64Array.from(gate, (g, i) => geluNew(g) * dy[i]),
    what: `${rows} x ${width}`,
  };
});

const heads = [
  [1, 1, 1],
  [1, 17, 7],
  [7, 63, 15],
  [17, 65, 9],
  [3, 700, 33],
].map(([rows, vocabulary, d]) => {
  const operands = {
    rows,
    vocabulary,
    d,
    h: random.normal(rows * d),
    weight: random.normal(vocabulary * d),
    labels: random.ids(rows, vocabulary),
  };
  const { h, weight, labels } = operands;
  const logits = matmul({ m: rows, n: vocabulary, k: d, a: h, b: weight, transposeB: true });
  const nll = Float64Array.from(labels, (label, i) =>
    crossEntropy(logits.subarray(i * vocabulary, (i + 1) * vocabulary), label),
  );
  const dlogits = differenceGradient(logits, () =>
    labels.reduce(
      (sum, label, i) => sum + crossEntropy(logits.subarray(i * vocabulary, (i + 1) * vocabulary), label),
      0,
    ),
  );
  const largest = Math.max(
    ...matmul({ m: rows, n: vocabulary, k: d, a: h.map(Math.abs), b: weight.map(Math.abs), transposeB: true }),
  );
  return {
    operands,
    nll,
    dlogits,
    error: {
      float32: (d + 4) * EPSILON32 * (largest + Math.log(vocabulary)),
      bfloat16: 2 * EPSILON_BF16 * largest + (d + 4) * EPSILON32 * (largest + Math.log(vocabulary)),
    },
    what: `${rows} x ${vocabulary}`,
  };
});

for (const machine of machines()) {
  const { title, dtype } = machine;
  test(`${title}: rmsNorm, its data gradient and its weight gradient`, (t) => {
    for (const { operands, y, dx, dweight, rowTerms, columnTerms, what } of norms) {
      const [one, ...more] = onThreads(machine).map((options) => kernels.rmsNorm(options, operands));
      withinBound(t, one.y, y, { bound: (i) => (operands.d + 4) * EPSILON32 * Math.abs(y[i]), what: `y of ${what}` });
      withinBound(t, one.dx, dx, { bound: (i) => (operands.d + 8) * EPSILON32 * rowTerms[i], what: `dx of ${what}` });
      withinBound(t, one.dweight, dweight, {
        bound: (i) => (operands.rows + operands.d + 4) * EPSILON32 * columnTerms[i],
        what: `dweight of ${what}`,
      });
      for (const other of more)
        for (const part of ['y', 'dx', 'dweight'] as const) sameBits(t, other[part], one[part], part);
    }
  });

  test(`${title}: relu and its gradient`, (t) => {
    for (const {
      operands: { rows, width, gate, dy },
    } of activations) {
      for (const options of onThreads(machine)) {
        const { y, dgate } = kernels.activation(options, { rows, width, gate, dy });
        t.deepEqual(y, gate.map(relu));
        t.deepEqual(
          dgate,
          dy.map((slope, i) => (gate[i] > 0 ? slope : 0)),
        );
      }
    }
  });

  test(`${title}: gated gelu and its gradients`, (t) => {
    for (const { operands, y, dgate, dlinear, what } of activations) {
      const { gate, linear, dy } = operands;
      const [one, ...more] = onThreads(machine).map((options) => kernels.activation(options, operands));
      // tanh is known to about 2 ε: gelu(x) to ε |x|, its slope to ε times the factor of tanh' in it.
      withinBound(t, one.y, y, { bound: (i) => 4 * EPSILON32 * Math.abs(gate[i] * linear[i]), what: `y of ${what}` });
      withinBound(t, one.dlinear, dlinear, {
        bound: (i) => 4 * EPSILON32 * Math.abs(gate[i] * dy[i]),
        what: `dlinear of ${what}`,
      });
      const slopeTerms = (x: number) => 1 + Math.abs(x) * (1 + 0.135 * x * x);
      withinBound(t, one.dgate, dgate, {
        bound: (i) => 4 * EPSILON32 * slopeTerms(gate[i]) * Math.abs(linear[i] * dy[i]),
        what: `dgate of ${what}`,
      });
      for (const other of more)
        for (const part of ['y', 'dgate', 'dlinear'] as const) sameBits(t, other[part], one[part], part);
    }
  });

  test(`${title}: gelu and relu at zero, where one side is flat, and far out`, (t) => {
    const gate = Float32Array.of(0, -0, 1e-30, -1e-30, 1e-4, -1e-4, -3, 3, -9, 9, -40, 40, -1e6, 1e6);
    const ones = gate.map(() => 1);
    const { y, dgate } = kernels.activation(on(machine), { rows: 1, width: gate.length, gate, linear: ones, dy: ones });
    withinBound(t, y, Float64Array.from(gate, geluNew), {
      bound: (i) => 4 * EPSILON32 * Math.abs(gate[i]),
      what: 'gelu',
    });
    const slopes = [0, 1e-4, -3, 3].map(slopeOfGelu);
    withinBound(t, [dgate[0], dgate[4], dgate[6], dgate[7]], slopes, {
      bound: () => 32 * EPSILON32,
      what: 'slope of gelu',
    });
    t.deepEqual([...dgate.subarray(10)], [0, 1, 0, 1]);
    const flat = kernels.activation(on(machine), { rows: 1, width: gate.length, gate, dy: ones });
    t.deepEqual(
      flat.dgate,
      gate.map((g) => (g > 0 ? 1 : 0)),
    );
  });

  test(`${title}: cross entropy of the head and its gradient`, (t) => {
    for (const { operands, nll, dlogits, error, what } of heads) {
      const [one, ...more] = onThreads(machine).map((options) => kernels.crossEntropy(options, operands));
      withinBound(t, one.nll, nll, { bound: () => error[dtype], what: `nll of ${what}` });
      withinBound(t, one.tiledNll, nll, { bound: () => error[dtype], what: `nll of ${what}, tile by tile` });
      // A probability moves by the error of its logit at most.
      withinBound(t, one.dlogits, dlogits, { bound: () => error[dtype], what: `dlogits of ${what}` });
      for (const other of more)
        for (const part of ['nll', 'tiledNll', 'dlogits'] as const) sameBits(t, other[part], one[part], what);
    }
  });
}

for (const machine of machines('float32')) {
  test(`${machine.title}: cross entropy of logits thousands apart neither overflows nor loses the label`, (t) => {
    const weight = Float32Array.of(0, 1000, 5000, -5000);
    const { nll, tiledNll, dlogits } = kernels.crossEntropy(on(machine), {
      rows: 3,
      vocabulary: 4,
      d: 1,
      h: Float32Array.of(1, 1, -1),
      weight,
      labels: Int32Array.of(0, 2, 0),
    });
    t.deepEqual([...nll], [5000, 0, 5000]);
    t.deepEqual([...tiledNll], [5000, 0, 5000]);
    t.deepEqual([...dlogits], [-1, 0, 1, 0, 0, 0, 0, 0, -1, 0, 0, 1]);
  });
}

function slopeOfGelu(x: number): number {
  return (geluNew(x + 1e-5) - geluNew(x - 1e-5)) / 2e-5;
}
