import test, { type ExecutionContext } from 'ava';
import { atOnce } from '../lib/core/pace.js';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectedImprovement, upperConfidenceBound } from '../lib/bayes/acquisition.js';
import { fitIsotropic, isotropic } from '../lib/bayes/fit.js';
import { GaussianProcess, newPosterior } from '../lib/bayes/gp.js';
import { BayesianOptimizer } from '../lib/bayes/index.js';
import { MarginalLikelihood, type TrainingSet } from '../lib/bayes/likelihood.js';
import { Mt19937 } from '../lib/bayes/random.js';

/** Numbers that numpy and scikit-learn made. They lie beside the repository and are absent in a plain clone. */
interface Golden {
  init_points_seed42: number[][];
  fisher_indices_seed42_sequential: Record<string, number[]>;
  fisher_indices_sizes: Record<string, number>;
  gp: {
    X: number[][];
    y: number[];
    length_scale: number;
    lml: number;
    lml_at_log_length_scale: Record<string, [number, number]>;
    y_mean: number;
    y_std: number;
    Q: number[][];
    mean: number[];
    std: number[];
    'ei_xi_0.01': number[];
    'ucb_2.576': number[];
  };
}

const file = join(process.env.DFMERGE_SHARED ?? '../shared', 'golden', 'bayesopt.json');

function golden(name: string, check: (t: ExecutionContext, numbers: Golden) => void): void {
  test(name, (t) => {
    if (existsSync(file)) return check(t, JSON.parse(readFileSync(file, 'utf8')) as Golden);
    t.log(`skipped: no ${file}; set DFMERGE_SHARED to the folder that holds golden/`);
    t.pass();
  });
}

function near(t: ExecutionContext, actual: number, { value, relative }: { value: number; relative: number }): void {
  t.true(Math.abs(actual - value) <= relative * Math.abs(value), `${actual} against ${value}`);
}

/** What the process of the golden numbers is conditioned on; its targets have mean 0 and deviation 1. */
function problem({ gp }: Golden): TrainingSet {
  return {
    points: Float64Array.from(gp.X.flat()),
    targets: Float64Array.from(gp.y, (y) => (y - gp.y_mean) / gp.y_std),
  };
}

golden('the compat mode starts at the points that numpy draws', (t, numbers) => {
  const optimizer = new BayesianOptimizer({
    bounds: Array.from({ length: 6 }, () => [0, 1] as const),
    seed: 42,
    mode: 'bayes_opt',
  });
  t.deepEqual(
    numbers.init_points_seed42.map(() => optimizer.ask()),
    numbers.init_points_seed42,
  );
});

golden('choices without replacement are numpy’s, one task after another', (t, numbers) => {
  const random = new Mt19937(42);
  for (const [task, indices] of Object.entries(numbers.fisher_indices_seed42_sequential)) {
    t.deepEqual(random.choice(numbers.fisher_indices_sizes[task], 30), indices, task);
  }
});

golden('log marginal likelihood and its derivative, relative 1e-10', (t, numbers) => {
  const likelihood = new MarginalLikelihood(problem(numbers));
  const gradient = { logLengthScales: new Float64Array(6), logSignal: 0, logNoise: 0 };
  for (const [logLength, [value, slope]] of Object.entries(numbers.gp.lml_at_log_length_scale)) {
    const actual = atOnce(likelihood.evaluate(isotropic(6, Math.exp(Number(logLength))), gradient));
    near(t, actual, { value, relative: 1e-10 });
    const actualSlope = gradient.logLengthScales.reduce((a, b) => a + b);
    near(t, actualSlope, { value: slope, relative: 1e-10 });
  }
});

golden('fitted length scale, relative 1e-3, and likelihood there, within 1e-6', (t, numbers) => {
  for (let seed = 0; seed < 5; seed++) {
    const fit = atOnce(fitIsotropic(problem(numbers), new Mt19937(seed)));
    near(t, fit.parameters.lengthScales[0], { value: numbers.gp.length_scale, relative: 1e-3 });
    t.true(Math.abs(fit.value - numbers.gp.lml) < 1e-6);
  }
});

golden('predictions, EI and UCB at a given length scale, relative 1e-8', (t, numbers) => {
  const { gp } = numbers;
  const process = atOnce(GaussianProcess.of(problem(numbers), isotropic(6, gp.length_scale)));
  const ei = expectedImprovement(Math.max(...gp.y) + 0.01);
  const ucb = upperConfidenceBound(2.576);
  gp.Q.forEach((x, i) => {
    const belief = newPosterior(6);
    process.posterior(Float64Array.from(x), belief);
    belief.mean = belief.mean * gp.y_std + gp.y_mean;
    belief.std *= gp.y_std;
    near(t, belief.mean, { value: gp.mean[i], relative: 1e-8 });
    near(t, belief.std, { value: gp.std[i], relative: 1e-8 });
    near(t, ei(belief), { value: gp['ei_xi_0.01'][i], relative: 1e-8 });
    near(t, ucb(belief), { value: gp['ucb_2.576'][i], relative: 1e-8 });
  });
});
