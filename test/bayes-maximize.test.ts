import test from 'ava';
import { maximize, type Box, type MaximizeOptions, type Maximum } from '../lib/bayes/maximize.js';
import { atOnce } from '../lib/core/pace.js';

type Objective = (x: Float64Array, gradient: Float64Array) => number;

function maximum(objective: Objective, start: Float64Array, options: Box & MaximizeOptions): Maximum {
  const steps = function* (x: Float64Array, gradient: Float64Array) {
    yield;
    return objective(x, gradient);
  };
  return atOnce(maximize(steps, start, options));
}

const box = (lower: number[], upper: number[]) => ({
  lower: Float64Array.from(lower),
  upper: Float64Array.from(upper),
});

/** The negated Rosenbrock function, whose maximum is 0 at (1, …, 1). */
const rosenbrock: Objective = (x, gradient) => {
  gradient.fill(0);
  let value = 0;
  for (let i = 0; i + 1 < x.length; i++) {
    const slack = x[i + 1] - x[i] * x[i];
    value -= 100 * slack * slack + (1 - x[i]) ** 2;
    gradient[i] += 400 * slack * x[i] + 2 * (1 - x[i]);
    gradient[i + 1] -= 200 * slack;
  }
  return value;
};

const tight = { maxIterations: 1000, valueTolerance: 0, gradientTolerance: 1e-9 };

test('finds the maximum inside the box', (t) => {
  const found = maximum(rosenbrock, Float64Array.of(-1.2, 1, -0.5, 0.8), {
    ...box([-2, -2, -2, -2], [2, 2, 2, 2]),
    ...tight,
  });
  for (const x of found.x) t.true(Math.abs(x - 1) < 1e-6, `${found.x}`);
  t.true(found.evaluations < 300, `${found.evaluations} evaluations`);
});

test('finds the maximum on a face: Rosenbrock with x ≤ 0.5 is best at (0.5, 0.25)', (t) => {
  const found = maximum(rosenbrock, Float64Array.of(-1.2, 1), { ...box([-2, -2], [0.5, 2]), ...tight });
  t.is(found.x[0], 0.5);
  t.true(Math.abs(found.x[1] - 0.25) < 1e-7);
  t.true(Math.abs(found.value + 0.25) < 1e-10);
});

test('a coupled quadratic with many active bounds meets the optimality conditions', (t) => {
  const n = 12;
  const target = Float64Array.from({ length: n }, (_, i) => Math.sin(3 * i) * 2);
  const quadratic: Objective = (x, gradient) => {
    let value = 0;
    for (let i = 0; i < n; i++) {
      let row = 0;
      // The matrix is tridiagonal and badly scaled, so that bounds interact.
      const scale = 1 + 10 * i;
      row += 2 * scale * (x[i] - target[i]);
      if (i > 0) row -= 0.9 * (x[i - 1] - target[i - 1]);
      if (i + 1 < n) row -= 0.9 * (x[i + 1] - target[i + 1]);
      gradient[i] = -row;
      value -= 0.5 * (x[i] - target[i]) * row;
    }
    return value;
  };
  const { x } = maximum(quadratic, new Float64Array(n), {
    ...box(Array<number>(n).fill(-1), Array<number>(n).fill(1)),
    ...tight,
  });
  const gradient = new Float64Array(n);
  quadratic(x, gradient);
  let active = 0;
  for (let i = 0; i < n; i++) {
    if (x[i] === 1) t.true(gradient[i] >= -1e-6, `coordinate ${i}`);
    else if (x[i] === -1) t.true(gradient[i] <= 1e-6, `coordinate ${i}`);
    else t.true(Math.abs(gradient[i]) < 1e-5, `coordinate ${i}: ${gradient[i]}`);
    if (Math.abs(x[i]) === 1) active++;
  }
  t.true(active >= 3);
});

test('leaves a bound again when the gradient asks for it', (t) => {
  const found = maximum(rosenbrock, Float64Array.of(-2, 2), { ...box([-2, -2], [2, 2]), ...tight });
  t.true(Math.abs(found.x[0] - 1) < 1e-6);
});

test('a start outside is moved inside, and no call leaves the box', (t) => {
  const inside: Objective = (x, gradient) => {
    for (const v of x) t.true(v >= -1 && v <= 0.3);
    return rosenbrock(x, gradient);
  };
  maximum(inside, Float64Array.of(9, -9), box([-1, -1], [0.3, 0.3]));
});

test('steps back from where the objective is −∞ or NaN', (t) => {
  const wall: Objective = (x, gradient) => {
    gradient[0] = 1 / x[0] - 1;
    return x[0] > 4 ? NaN : x[0] <= 0 ? -Infinity : Math.log(x[0]) - x[0];
  };
  const found = maximum(wall, Float64Array.of(0.01), { ...box([-10], [10]), firstStep: 8, ...tight });
  t.true(Math.abs(found.x[0] - 1) < 1e-6);
});

test('a start without a finite value, and a flat objective, are returned as they are', (t) => {
  t.deepEqual([...maximum(() => -Infinity, Float64Array.of(0.2), box([0], [1])).x], [0.2]);
  const flat = maximum((_, gradient) => (gradient.fill(0), 3), Float64Array.of(0.2), box([0], [1]));
  t.deepEqual([...flat.x, flat.value], [0.2, 3]);
});
