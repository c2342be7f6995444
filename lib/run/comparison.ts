import { DfMergeError } from '../core/errors.js';
import type { RunOptions } from '../core/progress.js';
import { sumOfSeconds, timed, type Seconds } from '../core/timing.js';
import { evaluateRows } from '../engine/evaluate.js';
import { COMPARED_METHODS, type ComparedMethod } from '../methods/index.js';
import { TaskAccuracy } from '../objectives/task_accuracy.js';
import type { ComparisonRecord } from '../search/journal.js';
import { proposalsOf } from '../search/proposals.js';
import { searchCoefficients } from '../search/search.js';
import {
  accuracies,
  bitsets,
  meanAccuracy,
  scoreOf,
  scoreTasks,
  type Score,
  type TaskScores,
} from '../tasks/scores.js';
import { mergeAt, mergePlan, type RunContext } from './context.js';

/** The models as they are, to compare a merge with. */
const UNMERGED = ['base', 'fine-tuned'] as const;

/** Other ways to use the same models, to set beside a merged one: the models as they are, then methods that need no search of their own. */
export const COMPARISONS: readonly string[] = [
  ...UNMERGED,
  ...COMPARED_METHODS.map(({ comparison }) => comparison.name),
];

/** One of COMPARISONS. */
export type Comparison = string;

/** The comparisons of a search unless told otherwise, which are the cheap ones. */
export const DEFAULT_COMPARISONS: readonly Comparison[] = [
  ...UNMERGED,
  ...COMPARED_METHODS.filter(({ comparison }) => comparison.cheap).map(({ comparison }) => comparison.name),
];

/** Whether one of the comparisons measures Fishers. */
export function comparesWithFisher(comparisons: readonly Comparison[]): boolean {
  return COMPARED_METHODS.some(({ comparison, needs }) => needs.fisher && comparisons.includes(comparison.name));
}

/** A comparison and the wall seconds that it took. */
export interface Compared {
  comparison: ComparisonRecord;
  seconds: Seconds;
}

/**
 * Evaluates a comparison on the test splits where every task has one, else on the validation splits. Errors: INVALID_ARGUMENT for a name
 * that is none of COMPARISONS; those of merging and of evaluating.
 */
export async function compare(context: RunContext, name: Comparison, options: RunOptions = {}): Promise<Compared> {
  if (name === 'base') return compareBase(context, options);
  if (name === 'fine-tuned') return compareFineTuned(context, options);
  const method = COMPARED_METHODS.find(({ comparison }) => comparison.name === name);
  if (method) return compareMethod(context, method, options);
  throw new DfMergeError('INVALID_ARGUMENT', `comparison ${name}: expected ${COMPARISONS.join(', ')}`);
}

async function compareBase(context: RunContext, options: RunOptions): Promise<Compared> {
  const { session, tasks } = context;
  const split = splitOf(context);
  const load = await timed(() => session.load(0, options.signal));
  const evaluate = await timed(() => scoreTasks(session, { tasks, split }, options));
  return {
    comparison: { label: 'base', ...summary(evaluate.value), split },
    seconds: { load: load.seconds, evaluate: evaluate.seconds },
  };
}

/** Scores each fine-tuned model on its own task, which a merge cannot be expected to reach. */
async function compareFineTuned(context: RunContext, options: RunOptions): Promise<Compared> {
  const { session, recipe, tasks } = context;
  const split = splitOf(context);
  const scores = new Map<string, Score>();
  const seconds = { load: 0, evaluate: 0 };
  for (const [i, member] of recipe.models.entries()) {
    const task = tasks.find(({ name }) => name === member.task);
    const part = task?.[split];
    if (!part) continue;
    const load = await timed(() => session.load(i + 1, options.signal));
    const evaluate = await timed(() => evaluateRows(session, part.rows, { ...options, subject: task.name }));
    scores.set(task.name, scoreOf(evaluate.value));
    seconds.load += load.seconds;
    seconds.evaluate += evaluate.seconds;
  }
  return { comparison: { label: 'fine-tuned (each on its own task)', ...summary(scores), split }, seconds };
}

async function compareMethod(context: RunContext, method: ComparedMethod, options: RunOptions): Promise<Compared> {
  const { session, recipe, tasks } = context;
  const split = splitOf(context);
  const models = recipe.models.length;
  const { coefficients, seconds } =
    method.comparison.coefficients === 'equal'
      ? { coefficients: Array<number>(models).fill(1 / models), seconds: {} }
      : await bestOfGrid(context, method, options);
  const { skipped, seconds: merging } = await mergeAt(
    context,
    { plan: mergePlan(context, method), coefficients },
    options,
  );
  const evaluate = await timed(() => scoreTasks(session, { tasks, split }, options));
  return {
    comparison: {
      label: method.comparison.label(coefficients),
      ...summary(evaluate.value),
      coefficients,
      ...(skipped ? { skipped } : {}),
      split,
    },
    seconds: sumOfSeconds([seconds, merging, { evaluate: evaluate.seconds }]),
  };
}

/** The method's own search on the validation subsets; its trials are no trials of the run, and are not shown as such. */
async function bestOfGrid(
  context: RunContext,
  method: ComparedMethod,
  { signal, onProgress }: RunOptions,
): Promise<{ coefficients: number[]; seconds: Seconds }> {
  const { session, recipe, tasks } = context;
  if (!method.search)
    throw new DfMergeError('INVALID_ARGUMENT', `${method.name} is compared at its best, and has no search`);
  const { best, seconds } = await searchCoefficients(
    {
      session,
      proposals: proposalsOf(method.search, { models: recipe.models.length, settings: recipe.search }),
      plan: mergePlan(context, method),
      objective: new TaskAccuracy(session, tasks),
    },
    {
      signal,
      onProgress: ({ trial: _, ...event }) => {
        if (event.phase !== 'search') onProgress?.(event);
      },
    },
  );
  return { coefficients: best.coefficients, seconds };
}

/** Comparisons are judged on what no search has seen, where there is such a thing. */
function splitOf({ tasks }: RunContext): 'test' | 'validation' {
  return tasks.every(({ test }) => test) ? 'test' : 'validation';
}

function summary(scores: TaskScores): Pick<ComparisonRecord, 'mean' | 'accuracy' | 'correct'> {
  return { mean: meanAccuracy(scores), accuracy: accuracies(scores), correct: bitsets(scores) };
}
