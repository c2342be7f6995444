// The ops of a step of generation: attention to the tokens so far, and the likeliest next tokens.
import test from 'ava';
import { testing } from '../bindings/testing/index.js';
import { machines, onThreads, sameBits } from './support/machines.js';
import { attention, EPSILON32 } from './support/plain_ops.js';
import { RandomValues } from './support/random_values.js';
import { relativeError } from './support/tensors.js';

const random = new RandomValues(5);
const { kernels } = testing();
const RULE = { buckets: 8, maxDistance: 20 };

/** Steps of a search in which sequences fork and end: the rows of each, and the row of every step that is a sequence's own. */
interface Course {
  title: string;
  heads: number;
  dKv: number;
  rowsOfSteps: number[];
  /** Per sequence, a row of every step. */
  slots: number[][];
}

const COURSES: Course[] = [
  { title: 'one sequence at its first step', heads: 1, dKv: 1, rowsOfSteps: [1], slots: [[0]] },
  {
    title: 'beams that fork from one row and leave others behind',
    heads: 3,
    dKv: 5,
    rowsOfSteps: [2, 4, 3, 3],
    slots: [
      [1, 3, 0, 0],
      [1, 3, 2, 1],
      [0, 1, 1, 2],
    ],
  },
  {
    title: 'fewer sequences in every part, over more steps than the furthest bucket',
    heads: 2,
    dKv: 17,
    rowsOfSteps: Array.from({ length: 45 }, (_, step) => Math.max(2, 9 - Math.floor(step / 5))),
    slots: [0, 1].map((own) => Array.from({ length: 45 }, (_, step) => (step < 44 ? (own + step) % 2 : own))),
  },
  {
    title: 'heads as wide as those of published models',
    heads: 4,
    dKv: 64,
    rowsOfSteps: [5, 5, 5, 5, 5, 5, 5],
    slots: Array.from({ length: 5 }, (_, own) => [0, 0, 1, own, 4 - own, own, own]),
  },
];

for (const { title, heads, dKv, rowsOfSteps, slots } of COURSES) {
  const [inner, steps] = [heads * dKv, rowsOfSteps.length];
  const first = rowsOfSteps.map((_, step) => rowsOfSteps.slice(0, step).reduce((sum, rows) => sum + rows, 0));
  const all = first.at(-1)! + rowsOfSteps.at(-1)!;
  // Queries, keys and values side by side, with scores of about unit size.
  const rows = random.normal(all * 3 * inner, dKv ** -0.25);
  const bias = random.normal(RULE.buckets * heads);
  const part = (sequence: number[], which: 0 | 1 | 2) =>
    Float64Array.from(
      sequence.flatMap((slot, step) => {
        const start = ((first[step] + slot) * 3 + which) * inner;
        return [...rows.subarray(start, start + inner)];
      }),
    );
  const expected = slots.flatMap((sequence) => {
    const offsets = Int32Array.of(0, steps);
    const y = attention({
      ...{ heads, dKv, causal: true, queryOffsets: offsets, keyOffsets: offsets, ...RULE },
      ...{ q: part(sequence, 0), k: part(sequence, 1), v: part(sequence, 2), bias: Float64Array.from(bias) },
    });
    return [...y.subarray((steps - 1) * inner)];
  });
  const operands = {
    ...{ heads, dKv, ...RULE, bias, rows, sequences: slots.length },
    rowsOfSteps: Int32Array.from(rowsOfSteps),
    slots: Int32Array.from(slots.flat()),
  };
  for (const machine of machines('float32')) {
    test(`${machine.title}: attention in a step, ${title}`, (t) => {
      const [one, ...more] = onThreads(machine).map((options) => kernels.stepAttention(options, operands));
      const error = relativeError(one, Float64Array.from(expected));
      t.true(error < 8 * EPSILON32, `off by ${error}`);
      for (const other of more) sameBits(t, other, one, 'output');
    });
  }
}

for (const machine of machines('float32')) {
  test(`${machine.title}: the likeliest tokens are those of a sort, and of equal ones the first`, (t) => {
    for (const vocabulary of [1, 7, 63, 64, 65, 130, 1000]) {
      const rows = 5;
      const logits = random.normal(rows * vocabulary, 4);
      // Rows of few different values, of one value, and of rising and falling ones.
      for (let i = 0; i < vocabulary; i++) {
        logits[vocabulary + i] = Math.round(logits[vocabulary + i] / 4);
        logits[2 * vocabulary + i] = -3;
        logits[3 * vocabulary + i] = i / 64;
        logits[4 * vocabulary + i] = -i / 64;
      }
      for (const count of [1, 2, 8, vocabulary].filter((number) => number <= vocabulary)) {
        const operands = { rows, vocabulary, count, logits };
        const [one, ...more] = onThreads(machine).map((options) => kernels.bestTokens(options, operands));
        for (let row = 0; row < rows; row++) {
          const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
          const order = [...own.keys()].sort((a, b) => own[b] - own[a] || a - b).slice(0, count);
          t.deepEqual([...one.tokens.subarray(row * count, (row + 1) * count)], order, `row ${row} of ${vocabulary}`);
          const logSum = Math.log(own.reduce((sum, logit) => sum + Math.exp(logit - own[order[0]]), 0));
          const largest = Math.max(...own.map(Math.abs), logSum);
          for (const [place, token] of order.entries()) {
            const found = one.logProbabilities[row * count + place];
            t.true(Math.abs(found - (own[token] - own[order[0]] - logSum)) <= 8 * EPSILON32 * (1 + largest));
          }
        }
        for (const other of more) {
          t.deepEqual(other.tokens, one.tokens);
          sameBits(t, other.logProbabilities, one.logProbabilities, 'log-probabilities');
        }
      }
    }
  });

  test(`${machine.title}: a logit that is not finite leaves no finite log-probability`, (t) => {
    for (const bad of [Number.NaN, Infinity])
      for (const at of [0, 63, 64, 99]) {
        const logits = random.normal(100);
        logits[at] = bad;
        const [options] = onThreads(machine);
        const { logProbabilities } = kernels.bestTokens(options, { rows: 1, vocabulary: 100, count: 3, logits });
        t.false(logProbabilities.some(Number.isFinite), `${bad} at ${at}: ${logProbabilities.join()}`);
      }
  });
}
