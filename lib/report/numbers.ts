import { atOnce } from '../core/pace.js';
import { importanceOf, type ModelImportance } from '../bayes/importance.js';
import { mean } from '../core/statistics.js';
import { methodNamed } from '../methods/index.js';
import { AVERAGE_LABEL, BASE_LABEL, FINE_TUNED_LABEL } from '../run/labels.js';
import type { ComparisonRecord, RunRecord, TrialRecord } from '../run/record.js';
import { meanInterval, wilsonInterval, type Interval, type Proportion } from '../statistics/interval.js';
import {
  mcnemar,
  meanDifferenceInSteps,
  pairedCounts,
  type PairedCounts,
  type PairedTest,
} from '../statistics/paired.js';

/** The rows on which a model was scored. */
export type Split = 'validation' | 'test';

/** An accuracy, the rows that it was measured on, and its confidence interval of 95 %. */
export interface Estimate extends Interval {
  accuracy: number;
  rows: number;
}

/** What a model is to the merge. */
export type ModelRole = 'merged' | 'fine-tuned' | 'average' | 'base' | 'other';

/** A model's accuracies on a split. */
export interface ModelNumbers {
  label: string;
  role: ModelRole;
  /** By task name; only of the tasks that it was scored on. */
  tasks: Record<string, Estimate>;
  /** Over those tasks; `rows` are all of theirs. */
  mean: Estimate;
}

/** How much better the merge is than another model on the same rows, by task and on the mean over those tasks. */
export interface Differences {
  label: string;
  role: ModelRole;
  tasks: Record<string, PairedTest>;
  mean: PairedTest;
}

/** What a run has measured on a split. */
export interface SplitNumbers {
  split: Split;
  /** The merged model, and then what it is compared with. */
  models: ModelNumbers[];
  /** The merge against each other model, where both were scored on the same rows one by one. */
  differences: Differences[];
  /** The merged model's accuracy over that of the task's fine-tuned model, and the ratio of the means over those tasks; absent without them. */
  kept?: { tasks: Record<string, number>; mean: number };
}

/** What came of a search. */
export interface SearchNumbers {
  trials: number;
  failed: number;
  stopped: number;
  best?: { trial: number; objective: number };
  /** The trials that were laid out before anything was known, and the best objective among them; absent where the search has no start. */
  start?: { trials: number; objective?: number; beaten: boolean };
  /** By task, how many rows of the validation split every trial was scored on, and how many there are. */
  rows: Record<string, { rows: number; of: number }>;
  /** One number per model; absent where the trials do not tell. */
  importance?: ModelImportance;
}

/** What can be said of a run, in numbers. */
export interface RunNumbers {
  /** The test split, where there is one, and the validation split. */
  splits: SplitNumbers[];
  search?: SearchNumbers;
}

/** Intervals, paired tests, shares kept and importances of a run, all from what its record holds. */
export function numbersOf(record: RunRecord): RunNumbers {
  return atOnce(numbersInSteps(record));
}

/** As numbersOf, in steps of a few milliseconds: the draws of the paired tests and the model of a search take a second in all. */
export function* numbersInSteps(record: RunRecord): Generator<void, RunNumbers> {
  const splits: SplitNumbers[] = [];
  for (const split of ['test', 'validation'] as const) {
    const numbers = yield* splitNumbers(record, split);
    if (numbers) splits.push(numbers);
  }
  const { trials, failed = [] } = record;
  return { splits, ...(trials.length + failed.length > 0 ? { search: yield* searchNumbers(record) } : {}) };
}

/** An accuracy with its interval. */
export function estimateOf({ successes, rows }: Proportion): Estimate {
  return { accuracy: rows === 0 ? 0 : successes / rows, rows, ...wilsonInterval({ successes, rows }) };
}

/** The mean of accuracies with its interval. */
export function meanEstimate(tasks: Record<string, Estimate>): Estimate {
  const all = Object.values(tasks);
  return {
    accuracy: mean(all.map(({ accuracy }) => accuracy)),
    rows: all.reduce((total, { rows }) => total + rows, 0),
    ...meanInterval(all.map(({ accuracy, rows }) => ({ successes: accuracy * rows, rows }))),
  };
}

/** The merged model's scores on a split by task name, with its bitsets. */
export function mergedScores({ tasks }: Pick<RunRecord, 'tasks'>, split: Split) {
  return tasks.flatMap((task) => {
    const score = task[split];
    return score && score.examples > 0 ? [{ name: task.name, ...score }] : [];
  });
}

function* splitNumbers(record: RunRecord, split: Split): Generator<void, SplitNumbers | undefined> {
  const scores = mergedScores(record, split);
  if (scores.length === 0) return undefined;
  const others = record.comparisons.filter((comparison) => comparison.split === split);
  const merged = modelNumbers({
    label: 'merged',
    role: 'merged',
    of: scores.map(({ name, accuracy, examples }) => [name, accuracy, examples]),
  });
  const rowsOf = Object.fromEntries(scores.map(({ name, examples }) => [name, examples]));
  const compared = others.flatMap((other) => {
    const of = Object.entries(other.accuracy).flatMap(([name, accuracy]): Scored[] =>
      Object.hasOwn(rowsOf, name) ? [[name, accuracy, rowsOf[name]]] : [],
    );
    return of.length > 0 ? [{ other, numbers: modelNumbers({ label: other.label, role: roleOf(other), of }) }] : [];
  });
  const owners = compared.find(({ numbers }) => numbers.role === 'fine-tuned')?.numbers;
  const differences: Differences[] = [];
  for (const { other, numbers } of ordered(compared)) {
    const counts = scores.flatMap(({ name, correct, examples }): [string, PairedCounts][] => {
      const theirs = other.correct?.[name];
      const found = correct !== undefined && theirs !== undefined ? pairedCounts(correct, theirs, examples) : undefined;
      return found ? [[name, found]] : [];
    });
    if (counts.length > 0)
      differences.push({ label: other.label, role: numbers.role, ...(yield* differencesOf(counts)) });
  }
  return {
    split,
    models: [merged, ...ordered(compared).map(({ numbers }) => numbers)],
    differences,
    ...(owners ? { kept: keptOf(merged, owners) } : {}),
  };
}

/** Paired tests by task and of the mean. */
export function* differencesOf(
  counts: readonly (readonly [string, PairedCounts])[],
): Generator<void, Omit<Differences, 'label' | 'role'>> {
  return {
    tasks: Object.fromEntries(counts.map(([name, count]) => [name, mcnemar(count)])),
    mean: yield* meanDifferenceInSteps(counts.map(([, count]) => count)),
  };
}

/** What a run keeps of its fine-tuned models on some of its tasks; undefined where it was not compared with them. */
export function keptIn(record: RunRecord, split: Split, names: readonly string[]): SplitNumbers['kept'] {
  const owners = record.comparisons.find((other) => other.split === split && roleOf(other) === 'fine-tuned');
  const scores = mergedScores(record, split).filter(
    ({ name }) => names.includes(name) && owners?.accuracy[name] !== undefined,
  );
  if (!owners || scores.length === 0) return undefined;
  const numbers = (of: readonly Scored[]) => modelNumbers({ label: '', role: 'other', of });
  return keptOf(
    numbers(scores.map(({ name, accuracy, examples }) => [name, accuracy, examples])),
    numbers(scores.map(({ name, examples }) => [name, owners.accuracy[name], examples])),
  );
}

function keptOf(merged: ModelNumbers, owners: ModelNumbers): SplitNumbers['kept'] {
  const own = Object.entries(owners.tasks).filter(([, { accuracy }]) => accuracy > 0);
  if (own.length === 0) return undefined;
  return {
    tasks: Object.fromEntries(own.map(([name, { accuracy }]) => [name, merged.tasks[name].accuracy / accuracy])),
    mean: mean(own.map(([name]) => merged.tasks[name].accuracy)) / mean(own.map(([, { accuracy }]) => accuracy)),
  };
}

/** A task's name, an accuracy and the rows. */
type Scored = readonly [name: string, accuracy: number, rows: number];

function modelNumbers({ label, role, of }: { label: string; role: ModelRole; of: readonly Scored[] }): ModelNumbers {
  const tasks = Object.fromEntries(
    of.map(([name, accuracy, rows]) => [name, estimateOf({ successes: Math.round(accuracy * rows), rows })]),
  );
  return { label, role, tasks, mean: meanEstimate(tasks) };
}

/** The order of models in figures: the merge is read beside what it came from and what costs nothing. */
const ORDER: readonly ModelRole[] = ['merged', 'fine-tuned', 'average', 'other', 'base'];

function ordered<T extends { numbers: ModelNumbers }>(compared: readonly T[]): T[] {
  const rank = ({ numbers }: T) => ORDER.indexOf(numbers.role);
  return [...compared].sort((one, other) => rank(one) - rank(other));
}

function roleOf({ label }: ComparisonRecord): ModelRole {
  if (label === FINE_TUNED_LABEL) return 'fine-tuned';
  if (label === BASE_LABEL) return 'base';
  return label === AVERAGE_LABEL ? 'average' : 'other';
}

/** How many trials a search lays out before its optimiser has anything to go by. */
export function startOf({ method, recipe }: Pick<RunRecord, 'method' | 'recipe'>): number {
  // A grid has no start of its own.
  return methodNamed(method)?.search?.over === 'coefficients' ? Math.max(1, recipe.search.init) : 0;
}

function* searchNumbers(record: RunRecord): Generator<void, SearchNumbers> {
  const { trials, failed = [], best, tasks, recipe } = record;
  const start = startOf(record);
  const first = trials.filter(({ trial }) => trial <= start);
  const ratio = recipe.search.validation_ratio;
  return {
    trials: trials.length,
    failed: failed.length,
    stopped: trials.filter(({ stopped }) => stopped).length,
    ...(best ? { best: { trial: best.trial, objective: best.objective } } : {}),
    ...(start > 0 && best
      ? {
          start: {
            trials: first.length,
            ...(first.length > 0 ? { objective: Math.max(...first.map(({ objective }) => objective)) } : {}),
            beaten: best.trial > start,
          },
        }
      : {}),
    // As the rows were taken: ratio · n, rounded up but for the error of the product.
    rows: Object.fromEntries(
      tasks.map(({ name, validation: { examples: of } }) => [name, { rows: Math.ceil(ratio * of - 1e-9), of }]),
    ),
    ...(yield* importance(trials, record)),
  };
}

function* importance(
  trials: readonly TrialRecord[],
  { method, recipe, models }: RunRecord,
): Generator<void, Partial<SearchNumbers>> {
  if (methodNamed(method)?.search?.over !== 'coefficients') return {};
  const found = yield* importanceOf(
    trials.map(({ coefficients, objective }) => ({ x: coefficients, y: objective })),
    models.map(() => recipe.search.bounds),
  );
  return found ? { importance: found } : {};
}
