import test from 'ava';
import { Mt19937, Random } from '../lib/bayes/random.js';
import { SOBOL_DIMENSIONS, SobolSequence } from '../lib/bayes/sobol.js';

test('MT19937 gives the published numbers of seed 5489', (t) => {
  const random = new Mt19937(5489);
  t.deepEqual(
    Array.from({ length: 3 }, () => random.nextUint32()),
    [3499211612, 581869302, 3890346734],
  );
  for (let i = 3; i < 9999; i++) random.nextUint32();
  // The C++ standard fixes the 10,000th number of std::mt19937.
  t.is(random.nextUint32(), 4123659995);
});

test('a permutation holds each number once, and a choice is its beginning', (t) => {
  const order = new Mt19937(3).permutation(100);
  t.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  );
  t.deepEqual(new Mt19937(3).choice(100, 7), order.slice(0, 7));
});

test('a stream follows from its keys alone, and other keys give another', (t) => {
  const draw = (...keys: number[]): number => new Random(...keys).next();
  t.is(draw(1, 2), draw(1, 2));
  t.is(new Set([draw(1, 2), draw(2, 1), draw(1, 3), draw(1), draw(0, 1, 2)]).size, 5);
});

test('uniform and normal numbers have the moments they should', (t) => {
  const random = new Random(7);
  const n = 20_000;
  const moments = (draw: () => number): [number, number] => {
    const values = Array.from({ length: n }, draw);
    const mean = values.reduce((a, b) => a + b) / n;
    return [mean, values.reduce((a, b) => a + (b - mean) ** 2, 0) / n];
  };
  const [uniformMean, uniformVariance] = moments(() => random.next());
  t.true(Math.abs(uniformMean - 0.5) < 0.01 && Math.abs(uniformVariance - 1 / 12) < 0.003);
  const [normalMean, normalVariance] = moments(() => random.nextNormal());
  t.true(Math.abs(normalMean) < 0.03 && Math.abs(normalVariance - 1) < 0.04);
});

test('each coordinate of 2^k Sobol points falls once into each of 2^k equal cells, in every dimension', (t) => {
  const sequence = new SobolSequence(SOBOL_DIMENSIONS, 11);
  const n = 256;
  const points = Array.from({ length: n }, (_, i) => sequence.point(i));
  for (let j = 0; j < SOBOL_DIMENSIONS; j++) {
    t.is(new Set(points.map((p) => Math.floor(p[j] * n))).size, n, `dimension ${j}`);
  }
});

test('the first two Sobol coordinates fill every elementary interval', (t) => {
  const sequence = new SobolSequence(2, 5);
  const points = Array.from({ length: 64 }, (_, i) => sequence.point(i));
  for (let k = 0; k <= 6; k++) {
    const cells = points.map(([x, y]) => `${Math.floor(x * 2 ** k)}/${Math.floor(y * 2 ** (6 - k))}`);
    t.is(new Set(cells).size, 64, `2^${k} by 2^${6 - k}`);
  }
});

test('scrambled Sobol points integrate far better than random ones', (t) => {
  // ∏ (1 + (x_j − ½)) over 6 coordinates has mean 1 and variance (13/12)^6 − 1 = 0.616.
  const errors = Array.from({ length: 8 }, (_, seed) => {
    const sequence = new SobolSequence(6, seed);
    let sum = 0;
    for (let i = 0; i < 1024; i++) sum += sequence.point(i).reduce((product, x) => product * (0.5 + x), 1);
    return Math.abs(sum / 1024 - 1);
  });
  const randomError = Math.sqrt(0.616 / 1024);
  t.true(Math.max(...errors) < randomError / 5, `worst ${Math.max(...errors)}, random ${randomError}`);
});

test('Sobol seeds move the points, and coordinates past the table stay in the unit interval', (t) => {
  t.notDeepEqual(new SobolSequence(6, 1).point(0), new SobolSequence(6, 2).point(0));
  const wide = new SobolSequence(SOBOL_DIMENSIONS + 3, 1).point(5);
  t.is(wide.length, SOBOL_DIMENSIONS + 3);
  t.true(wide.every((x) => x >= 0 && x < 1));
});
