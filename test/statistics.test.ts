// Intervals, paired tests and importances beside what scipy and statsmodels give (test/peers/statistics.py).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { importanceOf, sobolIndices } from '../lib/bayes/importance.js';
import { GaussianProcess, newPosterior } from '../lib/bayes/gp.js';
import { atOnce } from '../lib/bayes/steps.js';
import { RandomStream } from '../lib/core/random_stream.js';
import { meanInterval, wilsonInterval, type Proportion } from '../lib/statistics/interval.js';
import { mcnemar, meanDifference, pairedCounts, type PairedCounts } from '../lib/statistics/paired.js';

interface Golden {
  wilson: (Proportion & { low: number; high: number })[];
  mcnemar: { gained: number; lost: number; p: number }[];
  permutation: { tasks: PairedCounts[]; p: number }[];
  ishigami: { first: number[]; total: number[] };
}
const golden = JSON.parse(
  readFileSync(join(packageRoot(), 'test', 'peers', 'statistics.json'), 'utf8'),
) as unknown as Golden;

const near = (one: number, other: number, tolerance: number) => Math.abs(one - other) <= tolerance;

test('the interval of an accuracy is Wilson’s as statsmodels has it', (t) => {
  for (const { low, high, ...part } of golden.wilson) {
    const interval = wilsonInterval(part);
    t.true(
      near(interval.low, low, 1e-12) && near(interval.high, high, 1e-12),
      JSON.stringify({ part, interval, low, high }),
    );
  }
  t.deepEqual(wilsonInterval({ successes: 0, rows: 0 }), { low: 0, high: 1 });
});

test('the interval of a mean of one accuracy is the one of that accuracy, and four equal tasks halve it', (t) => {
  const part = { successes: 30, rows: 70 };
  const one = wilsonInterval(part);
  t.true(near(meanInterval([part]).low, one.low, 1e-15) && near(meanInterval([part]).high, one.high, 1e-15));
  const four = meanInterval([part, part, part, part]);
  t.true(
    near(four.low, 3 / 7 - (3 / 7 - one.low) / 2, 1e-15) && near(four.high, 3 / 7 + (one.high - 3 / 7) / 2, 1e-15),
  );
});

test('the interval of a mean holds the true mean in about 95 of 100 samples', (t) => {
  const tasks = [
    { truth: 0.08, rows: 60 },
    { truth: 0.55, rows: 300 },
    { truth: 0.95, rows: 40 },
  ];
  const truth = tasks.reduce((total, task) => total + task.truth, 0) / tasks.length;
  const random = new RandomStream(5, 'coverage');
  let held = 0;
  for (let round = 0; round < 2000; round++) {
    const drawn = tasks.map(({ truth: chance, rows }) => ({
      rows,
      successes: Array.from({ length: rows }).filter(() => random.next() < chance).length,
    }));
    const { low, high } = meanInterval(drawn);
    if (low <= truth && truth <= high) held += 1;
  }
  t.true(held / 2000 > 0.935 && held / 2000 < 0.975, `${held} of 2000`);
});

test('McNemar’s test is the exact one of statsmodels', (t) => {
  for (const { gained, lost, p } of golden.mcnemar) {
    const found = mcnemar({ gained, lost, rows: 5000 });
    t.true(near(found.p, p, 1e-9 * p), `${gained} ${lost}: ${found.p} ${p}`);
    t.is(found.difference, (gained - lost) / 5000);
  }
  t.is(mcnemar({ gained: 0, lost: 0, rows: 7 }).p, 1);
});

test('the permutation test of a mean difference comes to the p value of all permutations', (t) => {
  for (const { tasks, p } of golden.permutation) {
    const found = meanDifference(tasks);
    // Four standard errors of 100,000 draws.
    t.true(near(found.p, p, 4 * Math.sqrt((p * (1 - p)) / 1e5) + 1e-5), `${found.p} ${p}`);
    t.deepEqual(meanDifference(tasks), found, 'the seed is fixed');
  }
  const one = { gained: 9, lost: 3, rows: 40 };
  t.deepEqual(meanDifference([one]), mcnemar(one));
  t.is(meanDifference([one, { gained: 3, lost: 9, rows: 40 }]).p, 1);
});

test('bitsets are compared row by row, and one of another length is not', (t) => {
  const bits = (...rows: number[]) => {
    const bytes = Buffer.alloc(2);
    for (const row of rows) bytes[row >> 3] |= 1 << (row & 7);
    return bytes.toString('base64');
  };
  t.deepEqual(pairedCounts(bits(0, 3, 8, 9), bits(3, 4, 9), 10), { gained: 2, lost: 1, rows: 10 });
  t.is(pairedCounts(bits(0), bits(1), 17), undefined);
});

test('Sobol indices are those of a known function, and of scipy', (t) => {
  const ishigami = (u: Float64Array) => {
    const [a, b, c] = u.map((value) => -Math.PI + 2 * Math.PI * value);
    return Math.sin(a) + 7 * Math.sin(b) ** 2 + 0.1 * c ** 4 * Math.sin(a);
  };
  const { first, total } = atOnce(sobolIndices(ishigami, 3)) ?? { first: [], total: [] };
  for (const j of [0, 1, 2]) {
    t.true(near(first[j], golden.ishigami.first[j], 0.02), `first ${j}: ${first[j]}`);
    t.true(near(total[j], golden.ishigami.total[j], 0.02), `total ${j}: ${total[j]}`);
  }
  t.is(atOnce(sobolIndices(() => 4, 3)), undefined);
});

test('the coefficient that decides the objective is the important one, and an idle one is not', (t) => {
  const random = new RandomStream(2, 'trials');
  const bounds = [0, 1, 2].map(() => [0, 2] as const);
  const trials = Array.from({ length: 40 }, () => {
    const x = [random.next() * 2, random.next() * 2, random.next() * 2];
    return { x, y: 0.3 + 0.1 * Math.sin(2 * x[0]) + 0.03 * x[1] };
  });
  const { total, first, predictive } = atOnce(importanceOf(trials, bounds)) ?? { total: [], first: [], predictive: 0 };
  t.true(total[0] > 0.8 && total[1] < 0.3 && total[1] > 0.02 && total[2] < 0.02, String(total));
  t.true(first.every((alone, j) => alone <= total[j]));
  t.true(predictive > 0.95, String(predictive));
  const noise = atOnce(
    importanceOf(
      trials.map(({ x }) => ({ x, y: random.next() })),
      bounds,
    ),
  );
  t.true(noise === undefined || noise.predictive < 0.4, 'noise cannot be predicted');
  t.is(atOnce(importanceOf(trials.slice(0, 7), bounds)), undefined, 'too few trials');
  t.is(
    atOnce(
      importanceOf(
        trials.map(({ x }) => ({ x, y: 0.5 })),
        bounds,
      ),
    ),
    undefined,
    'nothing varies',
  );
});

test('a left-out error is that of a process without the point', (t) => {
  const points = Float64Array.of(0.1, 0.4, 0.6, 0.95);
  const targets = Float64Array.of(-1, 0.3, 0.8, 0.2);
  const parameters = { lengthScales: Float64Array.of(0.4), signal: 1.3, noise: 0.01 };
  const errors = atOnce(atOnce(GaussianProcess.of({ points, targets }, parameters, 0.2)).leftOutErrors());
  for (const i of [0, 1, 2, 3]) {
    const others = (values: Float64Array) => values.filter((_, index) => index !== i);
    const without = atOnce(GaussianProcess.of({ points: others(points), targets: others(targets) }, parameters, 0.2));
    const belief = newPosterior(1);
    without.posterior(points.subarray(i, i + 1), belief);
    t.true(near(errors[i], targets[i] - belief.mean, 1e-12));
    t.true(near(without.meanAt(points.subarray(i, i + 1)), belief.mean, 1e-14));
  }
});
