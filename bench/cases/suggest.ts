import { BayesianOptimizer } from '../../lib/bayes/index.js';
import { sum } from '../../lib/core/statistics.js';
import type { CaseResult, Check, SuggestSpec } from '../spec.js';
import { timed } from './timed.js';

const SEED = 1;

/** A smooth hill, whose top lies inside the unit cube. */
const hill = (x: readonly number[]): number => Math.exp(-sum(x.map((value, j) => (value - 0.3 - 0.05 * j) ** 2)));

/** An optimiser of the unit cube that was told `points` of its own start points. */
export function optimizerAfter(points: number, dimensions: number): BayesianOptimizer {
  const optimizer = new BayesianOptimizer({
    bounds: Array.from({ length: dimensions }, () => [0, 1] as const),
    seed: SEED,
    init: Math.max(1, points),
  });
  for (let i = 0; i < points; i++) {
    const x = optimizer.ask();
    optimizer.tell(x, hill(x));
  }
  return optimizer;
}

/** Times one suggestion, which is a fit and the maximum of the acquisition, after a number of points were told. */
export async function timeSuggestion({ points, dimensions, repeats }: SuggestSpec): Promise<CaseResult> {
  const { options, ...told } = optimizerAfter(points, dimensions).state();
  const state = { options: { ...options, init: 1 }, ...told };
  const check = checkSuggestion(BayesianOptimizer.from(state).ask(), told.told);
  return { ...(await timed(async () => void BayesianOptimizer.from(state).ask(), repeats)), check };
}

/** A suggestion must lie in the box and, on a smooth hill, above half of the points told. The error is the share of them above it. */
function checkSuggestion(x: number[], told: readonly { y: number }[]): Check {
  const inside = x.every((value) => value >= 0 && value <= 1);
  const above = told.filter(({ y }) => y > hill(x)).length;
  return { against: 'the points told', error: inside ? above / told.length : 1, bound: 0.5 };
}
