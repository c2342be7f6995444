import test from 'ava';
import {
  BayesianOptimizer,
  OptimizerError,
  type BayesianOptimizerOptions,
  type OptimizerState,
} from '../lib/bayes/index.js';

const unit = (d: number): [number, number][] => Array.from({ length: d }, () => [0, 1]);
const hill = (x: readonly number[]): number => -x.reduce((sum, v, j) => sum + (v - 0.2 - 0.1 * j) ** 2, 0);

function play(optimizer: BayesianOptimizer, trials: number, f: (x: number[]) => number = hill): number[][] {
  return Array.from({ length: trials }, () => {
    const x = optimizer.ask();
    optimizer.tell(x, f(x));
    return x;
  });
}

const settings: Partial<BayesianOptimizerOptions>[] = [
  { acquisition: 'ei' },
  { acquisition: 'logei' },
  { acquisition: 'ucb' },
  { acquisition: 'ei', mode: 'bayes_opt' },
  { acquisition: 'ucb', mode: 'bayes_opt' },
];

for (const setting of settings) {
  const name = `${setting.mode ?? 'default'}, ${setting.acquisition}`;

  test(`${name}: told the same trials, a new optimizer goes on with the same bits`, (t) => {
    const options = { bounds: unit(3), seed: 9, init: 4, ...setting };
    const first = new BayesianOptimizer(options);
    const points = play(first, 8);
    const resumed = new BayesianOptimizer(options);
    for (const x of points.slice(0, 6)) resumed.tell(x, hill(x));
    t.deepEqual(play(resumed, 2), points.slice(6));
    t.deepEqual(resumed.ask(), first.ask());
  });

  test(`${name}: a state goes through JSON, pending points and all`, (t) => {
    const first = new BayesianOptimizer({
      bounds: [
        [-1, 1],
        [3, 4],
      ],
      seed: 2,
      init: 3,
      ...setting,
    });
    play(first, 5);
    first.ask();
    const second = BayesianOptimizer.from(JSON.parse(JSON.stringify(first.state())) as OptimizerState);
    t.deepEqual(second.state(), first.state());
    t.deepEqual([second.ask(), second.ask()], [first.ask(), first.ask()]);
  });

  test(`${name}: comes close to the top of a hill within arbitrary bounds`, (t) => {
    const bounds: [number, number][] = [
      [-30, 10],
      [0, 0.001],
      [5, 6],
    ];
    const optimizer = new BayesianOptimizer({ bounds, seed: 1, init: 6, ...setting });
    const toUnit = (x: number[]): number[] => x.map((v, j) => (v - bounds[j][0]) / (bounds[j][1] - bounds[j][0]));
    for (const x of play(optimizer, 22, (x) => 100 + 7 * hill(toUnit(x)))) {
      x.forEach((v, j) => t.true(v >= bounds[j][0] && v <= bounds[j][1]));
    }
    // The compat mode has one length scale for coordinates as different as these, and is not expected to do well.
    const regret = 100 - (optimizer.best?.y ?? -Infinity);
    t.true(regret < (setting.mode === 'bayes_opt' ? 1.5 : 0.02), `regret ${regret}`);
  });

  test(`${name}: a constant objective is explored, finite and within bounds`, (t) => {
    const optimizer = new BayesianOptimizer({ bounds: unit(2), init: 3, ...setting });
    const points = play(optimizer, 9, () => 0.25);
    t.true(points.flat().every((v) => v >= 0 && v <= 1));
    t.deepEqual(optimizer.best, { x: points[0], y: 0.25 });
  });

  test(`${name}: points pending at once differ`, (t) => {
    const optimizer = new BayesianOptimizer({ bounds: unit(2), init: 4, ...setting });
    play(optimizer, 6);
    const pending = Array.from({ length: 4 }, () => optimizer.ask());
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < i; j++) t.true(Math.hypot(...pending[i].map((v, k) => v - pending[j][k])) > 1e-4);
    }
  });
}

test('start points follow from the seed, and pending ones are not given twice', (t) => {
  const ask = (seed: number): number[][] => {
    const optimizer = new BayesianOptimizer({ bounds: unit(6), seed });
    return Array.from({ length: 12 }, () => optimizer.ask());
  };
  t.deepEqual(ask(3), ask(3));
  t.notDeepEqual(ask(3), ask(4));
  t.is(new Set(ask(3).map(String)).size, 12);
});

test('a trial made or pending is not suggested again, even where the model knows no better place', (t) => {
  // The top is a corner: the acquisition's maximum soon stays there.
  const optimizer = new BayesianOptimizer({ bounds: unit(2), init: 4 });
  const points = play(optimizer, 20, (x) => -x[0] - x[1]);
  t.is(new Set(points.map(String)).size, 20);
});

test('one dimension, one start point', (t) => {
  const optimizer = new BayesianOptimizer({ bounds: [[-2, 3]], init: 1, seed: 5 });
  play(optimizer, 15, ([x]) => -((x - 1.3) ** 2));
  t.true(Math.abs((optimizer.best?.x[0] ?? 0) - 1.3) < 0.02);
});

test('a suggestion does not change with the scale of the objective (a power of two, so that rounding is the same)', (t) => {
  const run = (f: (x: number[]) => number): number[][] =>
    play(new BayesianOptimizer({ bounds: unit(2), init: 4 }), 7, f);
  t.deepEqual(
    run((x) => 1024 * hill(x)),
    run(hill),
  );
});

test('duplicate points with different values, and points nobody asked for, are taken', (t) => {
  const optimizer = new BayesianOptimizer({ bounds: unit(2), init: 2 });
  for (const y of [0.1, 0.3, 0.2]) optimizer.tell([0.5, 0.5], y);
  t.deepEqual(optimizer.best, { x: [0.5, 0.5], y: 0.3 });
  t.true(optimizer.ask().every((v) => v >= 0 && v <= 1));
});

test('the best is none before the first trial, and the earliest on ties', (t) => {
  const optimizer = new BayesianOptimizer({ bounds: unit(1) });
  t.is(optimizer.best, undefined);
  for (const x of [0.1, 0.2, 0.3]) optimizer.tell([x], x === 0.1 ? 0 : 1);
  t.deepEqual(optimizer.best?.x, [0.2]);
});

const refused: [string, () => unknown, RegExp][] = [
  ['a value that is NaN', () => new BayesianOptimizer({ bounds: unit(1) }).tell([0.5], NaN), /finite number, got NaN/],
  ['an infinite value', () => new BayesianOptimizer({ bounds: unit(1) }).tell([0.5], Infinity), /finite number/],
  ['a point out of bounds', () => new BayesianOptimizer({ bounds: unit(1) }).tell([1.5], 0), /outside of its bounds/],
  ['a NaN coordinate', () => new BayesianOptimizer({ bounds: unit(1) }).tell([NaN], 0), /outside of its bounds/],
  ['a point too short', () => new BayesianOptimizer({ bounds: unit(2) }).tell([0.5], 0), /needs 2 coordinates/],
  ['no bounds', () => new BayesianOptimizer({ bounds: [] }), /at least one/],
  ['bounds upside down', () => new BayesianOptimizer({ bounds: [[1, 0]] }), /bounds\[0\]/],
  ['a fractional seed', () => new BayesianOptimizer({ bounds: unit(1), seed: 0.5 }), /seed/],
  ['a negative ξ', () => new BayesianOptimizer({ bounds: unit(1), xi: -1 }), /xi/],
  ['a NaN κ', () => new BayesianOptimizer({ bounds: unit(1), kappa: NaN }), /kappa/],
  ['no start points', () => new BayesianOptimizer({ bounds: unit(1), init: 0 }), /init/],
  [
    'an unknown acquisition',
    () => new BayesianOptimizer({ bounds: unit(1), acquisition: 'pi' as 'ei' }),
    /acquisition/,
  ],
  ['an unknown mode', () => new BayesianOptimizer({ bounds: unit(1), mode: 'x' as 'default' }), /mode/],
  ['a later state', () => BayesianOptimizer.from({ version: 2 } as unknown as OptimizerState), /version 2/],
  [
    'a state without trials',
    () => BayesianOptimizer.from({ version: 1, options: { bounds: unit(1) } } as unknown as OptimizerState),
    /told/,
  ],
];

for (const [what, act, message] of refused) {
  test(`refuses ${what}`, (t) => {
    const error = t.throws(act, { instanceOf: OptimizerError, message });
    t.is(error?.code, 'INVALID_ARGUMENT');
  });
}

test('on Hartmann-6, 10 + 25 trials come within 1 of the top for EI and UCB', (t) => {
  const a = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
  ];
  const p = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
  ];
  const hartmann = (x: number[]): number =>
    [1, 1.2, 3, 3.2].reduce(
      (sum, c, i) => sum + c * Math.exp(-x.reduce((s, v, j) => s + a[i][j] * (v - p[i][j]) ** 2, 0)),
      0,
    );
  for (const acquisition of ['ei', 'ucb'] as const) {
    const optimizer = new BayesianOptimizer({ bounds: unit(6), acquisition });
    play(optimizer, 35, hartmann);
    t.true((optimizer.best?.y ?? 0) > 2.32237, `${acquisition}: ${optimizer.best?.y}`);
  }
});
