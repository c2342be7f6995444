import test from 'ava';
import { atOnce } from '../lib/core/pace.js';
import { fitIsotropic, fitMap } from '../lib/bayes/fit.js';
import { GaussianProcess, newPosterior } from '../lib/bayes/gp.js';
import { matern52, matern52Slope } from '../lib/bayes/kernel.js';
import { MarginalLikelihood, type Hyperparameters } from '../lib/bayes/likelihood.js';
import { cholesky, inverseFromCholesky, solveLower, solveLowerTransposed } from '../lib/bayes/linalg.js';
import { Random } from '../lib/bayes/random.js';

const uniform = (random: Random, length: number): Float64Array => Float64Array.from({ length }, () => random.next());

/** 14 points of the unit cube with the values of a smooth function. */
function sample(): { points: Float64Array; targets: Float64Array } {
  const points = uniform(new Random(1), 14 * 3);
  const targets = Float64Array.from({ length: 14 }, (_, i) => Math.sin(5 * points[3 * i]) + points[3 * i + 1] ** 2);
  return { points, targets };
}

test('Cholesky: L Lᵀ gives A back, its solves and inverse agree, and an indefinite A is told apart', (t) => {
  const n = 9;
  const root = uniform(new Random(2), n * n);
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) a[i * n + j] += root[i * n + k] * root[j * n + k];
      if (i === j) a[i * n + j] += 0.1;
    }
  }
  const l = a.slice();
  t.true(atOnce(cholesky(l, n)));
  const b = uniform(new Random(3), n);
  const x = b.slice();
  solveLower(l, n, x);
  solveLowerTransposed(l, n, x);
  const inverse = new Float64Array(n * n);
  atOnce(inverseFromCholesky(l, n, { inverse, work: new Float64Array(n * n) }));
  for (let i = 0; i < n; i++) {
    let product = 0;
    let byInverse = 0;
    for (let k = 0; k < n; k++) {
      product += a[i * n + k] * x[k];
      byInverse += (k <= i ? inverse[i * n + k] : inverse[k * n + i]) * b[k];
    }
    t.true(Math.abs(product - b[i]) < 1e-12);
    t.true(Math.abs(byInverse - x[i]) < 1e-11);
  }
  t.false(atOnce(cholesky(Float64Array.of(1, 0, 2, 1), 2)));
});

test('the Matérn 5/2 slope is −k′(r) / r', (t) => {
  for (const r of [0.01, 0.3, 1, 4]) {
    const step = 1e-6;
    const numeric = -(matern52(r + step) - matern52(r - step)) / (2 * step * r);
    t.true(Math.abs(numeric - matern52Slope(r)) < 1e-7);
  }
  t.is(matern52(0), 1);
});

for (const meanVariance of [0, 1]) {
  test(`likelihood gradients agree with finite differences, mean variance ${meanVariance}`, (t) => {
    const likelihood = new MarginalLikelihood(sample(), meanVariance);
    const at = (theta: number[]): Hyperparameters => ({
      lengthScales: Float64Array.from(theta.slice(0, 3), Math.exp),
      signal: Math.exp(theta[3]),
      noise: Math.exp(theta[4]),
    });
    const theta = [-0.7, 0.2, 0.5, 0.3, -4];
    const gradient = { logLengthScales: new Float64Array(3), logSignal: 0, logNoise: 0 };
    atOnce(likelihood.evaluate(at(theta), gradient));
    const analytic = [...gradient.logLengthScales, gradient.logSignal, gradient.logNoise];
    const step = 1e-5;
    analytic.forEach((g, i) => {
      const moved = (by: number) => atOnce(likelihood.evaluate(at(theta.map((v, j) => (j === i ? v + by : v)))));
      const numeric = (moved(step) - moved(-step)) / (2 * step);
      t.true(Math.abs(numeric - g) < 1e-6 * Math.max(1, Math.abs(g)), `θ${i}: ${g} against ${numeric}`);
    });
  });
}

test('a process with hardly any noise passes through its points and returns to the prior far away', (t) => {
  const { points, targets } = sample();
  const gp = atOnce(
    GaussianProcess.of(
      { points, targets },
      { lengthScales: new Float64Array(3).fill(0.4), signal: 2, noise: 1e-10 },
      0.5,
    ),
  );
  const belief = newPosterior(3);
  targets.forEach((y, i) => {
    gp.posterior(points.subarray(3 * i, 3 * i + 3), belief, true);
    t.true(Math.abs(belief.mean - y) < 1e-6 && belief.std < 1e-3);
    t.true(belief.stdGradient.every(Number.isFinite));
  });
  gp.posterior(Float64Array.of(50, 50, 50), belief);
  t.true(Math.abs(belief.mean - 0.5) < 1e-12 && Math.abs(belief.std - Math.SQRT2) < 1e-12);
});

test('posterior gradients agree with finite differences', (t) => {
  const { points, targets } = sample();
  const gp = atOnce(
    GaussianProcess.of(
      { points, targets },
      { lengthScales: Float64Array.of(0.3, 0.8, 2), signal: 1.5, noise: 1e-3 },
      0.2,
    ),
  );
  const x = Float64Array.of(0.31, 0.62, 0.44);
  const belief = newPosterior(3);
  gp.posterior(x, belief, true);
  const step = 1e-5;
  for (let j = 0; j < 3; j++) {
    const moved = (by: number) => {
      const there = newPosterior(3);
      gp.posterior(
        x.map((v, k) => (k === j ? v + by : v)),
        there,
      );
      return there;
    };
    const [up, down] = [moved(step), moved(-step)];
    t.true(Math.abs((up.mean - down.mean) / (2 * step) - belief.meanGradient[j]) < 1e-7);
    t.true(Math.abs((up.std - down.std) / (2 * step) - belief.stdGradient[j]) < 1e-7);
  }
});

test('duplicate points with different targets are taken as noise', (t) => {
  const points = Float64Array.of(0.2, 0.2, 0.8);
  const gp = atOnce(
    GaussianProcess.of(
      { points, targets: Float64Array.of(1, -1, 0) },
      {
        lengthScales: Float64Array.of(0.3),
        signal: 1,
        noise: 0,
      },
    ),
  );
  const belief = newPosterior(1);
  gp.posterior(Float64Array.of(0.2), belief, true);
  t.true(Math.abs(belief.mean) < 1e-3);
  t.true([...belief.meanGradient, ...belief.stdGradient, belief.std].every(Number.isFinite));
});

test('the MAP fit tells coordinates that matter from those that do not', (t) => {
  const n = 40;
  const points = uniform(new Random(4), n * 4);
  const targets = Float64Array.from({ length: n }, (_, i) => Math.SQRT2 * Math.sin(6 * points[4 * i]));
  const { parameters } = atOnce(fitMap({ points, targets }, new Random(5)));
  const [first, ...others] = parameters.lengthScales;
  for (const other of others) t.true(other > 3 * first, `${parameters.lengthScales}`);
});

test('with 10 to 15 points in 6-D, where plain maximum likelihood can collapse, MAP length scales stay wide', (t) => {
  let collapsed = 0;
  for (let seed = 0; seed < 12; seed++) {
    const random = new Random(seed, 77);
    const n = 10 + (seed % 6);
    const points = uniform(random, n * 6);
    const targets = Float64Array.from({ length: n }, () => random.nextNormal());
    if (atOnce(fitIsotropic({ points, targets }, new Random(seed))).parameters.lengthScales[0] < 0.05) collapsed++;
    const { parameters } = atOnce(fitMap({ points, targets }, new Random(seed)));
    t.true(Math.min(...parameters.lengthScales) > 0.05, `seed ${seed}: ${parameters.lengthScales}`);
  }
  t.true(collapsed > 0, 'the data should be hard enough to tell');
});
