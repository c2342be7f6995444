import { mergeCandidate, type Candidate, type MergeNotes } from './candidate.js';
import { evaluateRows, type Evaluation } from '../engine/evaluate.js';
import type { RunOptions } from '../core/progress.js';
import type { ComparisonRecord } from './record.js';
import { accuracies, evaluateTasks, meanAccuracy } from '../tasks/prepare.js';

/** Other ways to use the same models, to set beside a merged one. */
export const COMPARISONS = ['base', 'fine-tuned', 'average', 'task_arithmetic', 'fisher'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** What a search compares with unless told otherwise: the cheap ones. */
export const DEFAULT_COMPARISONS: readonly Comparison[] = ['base', 'fine-tuned', 'average'];

/** Base64 of a bitset per task. */
export function bitsets(results: ReadonlyMap<string, Evaluation>): Record<string, string> {
  return Object.fromEntries([...results].map(([name, { correct }]) => [name, Buffer.from(correct).toString('base64')]));
}

/**
 * Evaluates a comparison on the test splits where every task has one, else on the validation splits.
 * Task arithmetic takes the one λ of 0, 0.1, … 1 that is best on the validation subsets (METHOD §2).
 */
export async function compare(
  candidate: Candidate,
  comparison: Comparison,
  options: RunOptions = {},
): Promise<ComparisonRecord> {
  const { model, tasks, stopwatch } = candidate;
  const split = tasks.every(({ test }) => test) ? 'test' : 'validation';
  const models = candidate.recipe.models.length;
  const finish = async (label: string, coefficients?: number[], notes: MergeNotes = {}): Promise<ComparisonRecord> => {
    const results = await stopwatch.time('evaluate', () => evaluateTasks(model, tasks, split, options));
    return { label, ...scores(results), ...(coefficients ? { coefficients } : {}), ...notes, split };
  };
  switch (comparison) {
    case 'base':
      await stopwatch.time('load', () => model.load(0, options.signal));
      return finish('base');
    case 'fine-tuned': {
      const results = await eachOnItsOwn(candidate, split, options);
      return { label: 'fine-tuned (each on its own task)', ...scores(results), split };
    }
    case 'average': {
      const coefficients = Array<number>(models).fill(1 / models);
      await mergeCandidate(candidate, 'linear', coefficients, options);
      return finish('average', coefficients);
    }
    case 'fisher': {
      const coefficients = Array<number>(models).fill(1 / models);
      const notes = await mergeCandidate(candidate, 'fisher', coefficients, options);
      return finish('Fisher merging', coefficients, notes);
    }
    case 'task_arithmetic': {
      const lambda = await bestOfGrid(candidate, options);
      const coefficients = Array<number>(models).fill(lambda);
      await mergeCandidate(candidate, 'task_arithmetic', coefficients, options);
      return finish(`task arithmetic, λ = ${lambda}`, coefficients);
    }
  }
}

/** 0, 0.1, … 1: the coefficients that task arithmetic tries. */
export const GRID: readonly number[] = Array.from({ length: 11 }, (_, i) => i / 10);

async function bestOfGrid(candidate: Candidate, options: RunOptions): Promise<number> {
  const { model, tasks, recipe, stopwatch } = candidate;
  let best = { lambda: 0, objective: -1 };
  for (const lambda of GRID) {
    await mergeCandidate(candidate, 'task_arithmetic', Array<number>(recipe.models.length).fill(lambda), options);
    const objective = meanAccuracy(
      await stopwatch.time('evaluate', () => evaluateTasks(model, tasks, 'subset', options)),
    );
    if (objective > best.objective) best = { lambda, objective };
  }
  return best.lambda;
}

async function eachOnItsOwn(
  { model, recipe, tasks, stopwatch }: Candidate,
  split: 'test' | 'validation',
  options: RunOptions,
): Promise<Map<string, Evaluation>> {
  const results = new Map<string, Evaluation>();
  for (const [i, member] of recipe.models.entries()) {
    const task = tasks.find(({ name }) => name === member.task);
    const part = split === 'test' ? task?.test : task?.validation;
    if (!task || !part) continue;
    await stopwatch.time('load', () => model.load(i + 1, options.signal));
    const evaluation = await stopwatch.time('evaluate', () =>
      evaluateRows(model, part.rows, part.all, { ...options, subject: task.name }),
    );
    results.set(task.name, evaluation);
  }
  return results;
}

function scores(results: Map<string, Evaluation>): Pick<ComparisonRecord, 'mean' | 'accuracy' | 'correct'> {
  return { mean: meanAccuracy(results), accuracy: accuracies(results), correct: bitsets(results) };
}
