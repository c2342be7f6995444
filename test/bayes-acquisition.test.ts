import test from 'ava';
import { atOnce } from '../lib/core/pace.js';
import {
  acquisitionOf,
  expectedImprovement,
  logExpectedImprovement,
  upperConfidenceBound,
} from '../lib/bayes/acquisition.js';
import { GaussianProcess, newPosterior, type Posterior } from '../lib/bayes/gp.js';
import { erfcx, improvement, logImprovement, normalCdf } from '../lib/bayes/normal.js';
import { Random } from '../lib/bayes/random.js';

const close = (a: number, b: number, relative: number): boolean => Math.abs(a - b) <= relative * Math.abs(b);
const belief = (mean: number, std: number): Posterior => ({ ...newPosterior(1), mean, std });
const logOf = (z: number): { value: number; slope: number } => {
  const out = { value: 0, slope: 0 };
  logImprovement(z, out);
  return out;
};

test('the normal distribution has its tabulated values, far tails too', (t) => {
  t.is(normalCdf(0), 0.5);
  t.true(close(normalCdf(1), 0.8413447460685429, 1e-15));
  t.true(close(normalCdf(-3), 0.0013498980316300946, 1e-14));
  t.true(close(normalCdf(-10), 7.61985302416047e-24, 1e-12));
  t.true(close(erfcx(5), 0.11070463773306863, 1e-14));
  t.true(close(erfcx(0.1), 0.8964569799691268, 1e-14));
});

test('log h equals the logarithm of h where h can be computed, and is continuous where its form changes', (t) => {
  for (let z = -4; z < 0; z += 0.125) t.true(close(logOf(z).value, Math.log(improvement(z)), 1e-9), `z = ${z}`);
  for (let z = 0; z <= 8; z += 0.125) t.true(close(Math.exp(logOf(z).value), improvement(z), 1e-14));
  for (const seam of [-1, -30]) {
    const [below, above] = [logOf(seam - 1e-9), logOf(seam + 1e-9)];
    t.true(close(below.value, above.value, 1e-8));
    t.true(close(below.slope, above.slope, 1e-8));
  }
});

test('log h keeps its digits in the far tail', (t) => {
  // The value at z = −40 is −z²/2 − ½ log 2π − 2 log 40 + log(1 − 3/z² + 15/z⁴ − …), computed in arbitrary precision.
  t.true(close(logOf(-40).value, -808.29856835662, 1e-14));
  t.true(close(logOf(-40).slope, 40.04990665764884, 1e-13));
  t.true(close(logOf(-1e5).value, -0.5e10 - 0.5 * Math.log(2 * Math.PI) - 2 * Math.log(1e5), 1e-14));
  t.true(close(logOf(-1e5).slope, 1e5, 1e-9));
});

for (const name of ['ei', 'logei', 'ucb'] as const) {
  test(`${name}: the gradient by x agrees with finite differences`, (t) => {
    const random = new Random(6);
    const points = Float64Array.from({ length: 30 }, () => random.next());
    const targets = Float64Array.from({ length: 10 }, (_, i) => Math.cos(4 * points[3 * i]) + points[3 * i + 2]);
    const gp = atOnce(
      GaussianProcess.of(
        { points, targets },
        {
          lengthScales: Float64Array.of(0.5, 0.7, 1),
          signal: 1,
          noise: 1e-4,
        },
      ),
    );
    for (const incumbent of [0.3, 3]) {
      const acquisition = acquisitionOf(name, { incumbent, xi: 0.01, kappa: 2.576 });
      const x = Float64Array.of(0.15, 0.7, 0.4);
      const at = newPosterior(3);
      const gradient = new Float64Array(3);
      gp.posterior(x, at, true);
      acquisition(at, gradient);
      const step = 1e-5;
      gradient.forEach((g, j) => {
        const moved = (by: number): number => {
          gp.posterior(
            x.map((v, k) => (k === j ? v + by : v)),
            at,
          );
          return acquisition(at);
        };
        const numeric = (moved(step) - moved(-step)) / (2 * step);
        t.true(Math.abs(numeric - g) <= 2e-6 * Math.max(Math.abs(g), 1e-6), `x${j}: ${g} against ${numeric}`);
      });
    }
  });
}

test('at σ = 0 nothing divides by zero', (t) => {
  const gradient = new Float64Array(1);
  const ei = expectedImprovement(1);
  t.deepEqual([ei(belief(1, 0), gradient), ei(belief(0, 0), gradient), ei(belief(3, 0), gradient)], [0, 0, 2]);
  const logEi = logExpectedImprovement(1);
  t.is(logEi(belief(1, 0), gradient), -Infinity);
  t.is(logEi(belief(3, 0), gradient), Math.log(2));
  t.is(upperConfidenceBound(2)(belief(3, 0), gradient), 3);
  t.true(gradient.every(Number.isFinite));
});

test('EI is the exponential of LogEI, and where EI underflows LogEI still tells points apart', (t) => {
  for (const [mean, std] of [
    [0.5, 1],
    [-2, 0.7],
    [2, 0.1],
  ]) {
    t.true(
      close(Math.exp(logExpectedImprovement(1)(belief(mean, std))), expectedImprovement(1)(belief(mean, std)), 1e-12),
    );
  }
  t.is(expectedImprovement(1)(belief(0, 0.01)), 0);
  t.true(logExpectedImprovement(1)(belief(0, 0.011)) > logExpectedImprovement(1)(belief(0, 0.01)));
});
