import { BayesianOptimizer, type AcquisitionName, type OptimizerMode } from '../lib/bayes/index.js';
import { mean, median, sum } from '../lib/core/statistics.js';

/** A function to be maximised over the unit 6-cube, and the value of its maximum. */
interface Case {
  name: string;
  maximum: number;
  f: (x: readonly number[]) => number;
}

const HARTMANN_ALPHA = [1.0, 1.2, 3.0, 3.2];
const HARTMANN_A = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const HARTMANN_P = [
  [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
  [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
  [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
  [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];
const STEPPED_TOP = [0.5, 0.3, 0.7, 0.4, 0.6, 0.2];

const CASES: Case[] = [
  {
    name: 'Hartmann-6',
    maximum: 3.32237,
    f: (x) =>
      sum(
        HARTMANN_ALPHA.map(
          (a, i) => a * Math.exp(-sum(x.map((v, j) => HARTMANN_A[i][j] * (v - HARTMANN_P[i][j]) ** 2))),
        ),
      ),
  },
  {
    name: 'Ackley-6, shifted',
    maximum: 0,
    f: (x) => {
      const z = x.map((v) => 10 * (v - 0.3));
      const bowl = 20 * Math.exp(-0.2 * Math.sqrt(mean(z.map((v) => v * v))));
      return bowl + Math.exp(mean(z.map((v) => Math.cos(2 * Math.PI * v)))) - 20 - Math.E;
    },
  },
  {
    // This is a smooth hill in steps of 0.005, as an accuracy over 200 examples would have them.
    name: 'stepped hill',
    maximum: 0.8,
    f: (x) => Math.floor(200 * (0.8 - 0.3 * sum(x.map((v, j) => (v - STEPPED_TOP[j]) ** 2)))) / 200,
  },
];

interface Run {
  regret: number;
  /** The seconds that each `ask` took. */
  seconds: number[];
}

interface Settings {
  seed: number;
  mode: OptimizerMode;
  iterations: number;
}

function run({ f, maximum }: Case, acquisition: AcquisitionName, { seed, mode, iterations }: Settings): Run {
  const optimizer = new BayesianOptimizer({
    bounds: Array.from({ length: 6 }, () => [0, 1] as const),
    seed,
    acquisition,
    mode,
  });
  const seconds: number[] = [];
  for (let i = 0; i < 10 + iterations; i++) {
    const before = performance.now();
    const x = optimizer.ask();
    seconds.push((performance.now() - before) / 1000);
    optimizer.tell(x, f(x));
  }
  return { regret: maximum - (optimizer.best?.y ?? -Infinity), seconds };
}

/**
 * Prints the simple regret of the optimiser on standard functions of the unit 6-cube, after 10 + 50 trials.
 * @param args [seeds = 10] [mode = default | bayes_opt] [iterations = 50]
 */
export function measureRegret(args: readonly string[]): void {
  const seeds = Number(args[0] ?? 10);
  const mode = (args[1] ?? 'default') as OptimizerMode;
  const iterations = Number(args[2] ?? 50);
  console.log(`mode ${mode}, seeds 0..${seeds - 1}, 10 + ${iterations} trials; simple regret`);
  console.log('| function | acquisition | mean | median | worst | ms per suggestion, last 5 trials |');
  console.log('|---|---|---|---|---|---|');
  for (const test of CASES) {
    for (const acquisition of ['ei', 'ucb'] as const) {
      const runs = Array.from({ length: seeds }, (_, seed) => run(test, acquisition, { seed, mode, iterations }));
      const regrets = runs.map((r) => r.regret);
      const milliseconds = 1000 * median(runs.flatMap((r) => r.seconds.slice(-5)));
      const numbers = [mean(regrets), median(regrets), Math.max(...regrets)].map((v) => v.toFixed(4));
      console.log(`| ${test.name} | ${acquisition} | ${numbers.join(' | ')} | ${milliseconds.toFixed(1)} |`);
    }
  }
}
