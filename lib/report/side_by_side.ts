import { atOnce } from '../core/pace.js';
import type { RunRecord } from '../run/record.js';
import { pairedCounts, type PairedCounts } from '../statistics/paired.js';
import { counted, listed } from './format.js';
import {
  differencesOf,
  estimateOf,
  meanEstimate,
  mergedScores,
  keptIn,
  type Differences,
  type Estimate,
  type Split,
  type SplitNumbers,
} from './numbers.js';

/** A run that is set beside others. */
export interface NamedRun {
  /** What tables call it: its folder's name, or more of its path where two folders have one name. */
  name: string;
  /** Its folder as the user wrote it. */
  path: string;
  record: RunRecord;
}

/** A run in numbers, beside others. */
export interface RunColumn {
  name: string;
  path: string;
  method: string;
  seed: number;
  models: RunRecord['models'];
  /** Trials of a search, those that failed among them; 0 for a merge. */
  trials: number;
  failed: number;
  best?: RunRecord['best'];
  /** Wall seconds of the run. */
  seconds: number;
  /** The merged model by task name; only of the tasks that it was scored on. */
  tasks: Record<string, Estimate>;
  /** Over the tasks that every run was scored on, on the same rows; absent where there are none. */
  mean?: Estimate;
  /** The share of the fine-tuned models' accuracies that it keeps on the shared tasks; absent where it was not compared with them. */
  kept?: SplitNumbers['kept'];
}

/** Runs side by side. */
export interface SideBySide {
  /** The split that is looked at: test, where every run was scored on one. */
  split: Split;
  /** All tasks of the runs. */
  tasks: string[];
  /** Those that every run was scored on, on the same rows, over which the means are taken. */
  shared: string[];
  runs: RunColumn[];
  /** Each later run against the first, on the shared tasks; those without stored answers are left out. */
  differences: (Omit<Differences, 'role'> & { name: string })[];
  /** What keeps the runs from being alike, a sentence each. */
  notes: string[];
}

/** Sets runs side by side, the first being the one that the others are tested against. */
export function sideBySide(given: readonly NamedRun[]): SideBySide {
  return atOnce(sideBySideInSteps(given));
}

/** As sideBySide, in steps of a few milliseconds. */
export function* sideBySideInSteps(given: readonly NamedRun[]): Generator<void, SideBySide> {
  const split: Split = given.every(({ record }) => mergedScores(record, 'test').length > 0) ? 'test' : 'validation';
  const scores = given.map(({ record }) => new Map(mergedScores(record, split).map((score) => [score.name, score])));
  const tasks = [...new Set(scores.flatMap((ofRun) => [...ofRun.keys()]))];
  const everywhere = tasks.filter((task) => scores.every((ofRun) => ofRun.has(task)));
  const rowsOf = (task: string) => given.map((run) => rowsKey(run.record, task, split));
  const shared = everywhere.filter((task) => sameRows(rowsOf(task)));
  const runs = given.map(({ name, path, record }, index): RunColumn => {
    const { method, seed, models, trials, failed = [], best, timing } = record;
    const ofRun = Object.fromEntries(
      [...scores[index]].map(([task, { accuracy, examples: rows }]) => [
        task,
        estimateOf({ successes: Math.round(accuracy * rows), rows }),
      ]),
    );
    const kept = keptIn(record, split, shared);
    const means = Object.fromEntries(shared.map((task) => [task, ofRun[task]]));
    return {
      name,
      path,
      method,
      seed,
      models,
      trials: trials.length + failed.length,
      failed: failed.length,
      ...(best ? { best } : {}),
      seconds: timing.totalSeconds,
      tasks: ofRun,
      ...(shared.length > 0 ? { mean: meanEstimate(means) } : {}),
      ...(kept ? { kept } : {}),
    };
  });
  const differences: SideBySide['differences'] = [];
  for (const [index, { name }] of given.slice(1).entries()) {
    const counts = shared.flatMap((task): [string, PairedCounts][] => {
      const [one, other] = [scores[index + 1].get(task), scores[0].get(task)];
      if (one?.correct === undefined || other?.correct === undefined) return [];
      const found = pairedCounts(one.correct, other.correct, one.examples);
      return found ? [[task, found]] : [];
    });
    if (counts.length > 0) differences.push({ name, label: name, ...(yield* differencesOf(counts)) });
  }
  const notes = [
    ...unscored(given, { split, tasks }),
    ...tasks.flatMap((task) => noteOf(given, { task, split, shared, scored: scores.map((ofRun) => ofRun.has(task)) })),
    ...(everywhere.some((task) => rowsOf(task).some(({ digest }) => digest === undefined))
      ? ['Some records do not say which rows they were scored on; tasks with as many rows are taken for the same.']
      : []),
  ];
  return { split, tasks, shared, runs, differences, notes };
}

/** Which rows a run was scored on. */
interface Rows {
  count: number | undefined;
  /** The SHA-256 of their file; undefined in older records. */
  digest: string | undefined;
}

function rowsKey({ tasks }: RunRecord, name: string, split: Split): Rows {
  const task = tasks.find((candidate) => candidate.name === name);
  return { count: task?.[split]?.examples, digest: task?.data?.[split] };
}

function sameRows(all: readonly Rows[]): boolean {
  const digests = new Set(all.flatMap(({ digest }) => digest ?? []));
  return digests.size <= 1 && new Set(all.map(({ count }) => count)).size === 1;
}

function unscored(runs: readonly NamedRun[], { split, tasks }: { split: Split; tasks: readonly string[] }): string[] {
  const none = runs.filter(({ record }) => mergedScores(record, split).length === 0).map(({ name }) => name);
  if (none.length === 0) return [];
  return [
    tasks.length === 0
      ? 'No run was evaluated: there are no accuracies to compare.'
      : `${listed(none)} ${none.length === 1 ? 'was' : 'were'} not evaluated on the ${split} split.`,
  ];
}

interface TaskAmongRuns {
  task: string;
  split: Split;
  shared: readonly string[];
  /** Whether each run was scored on it. */
  scored: readonly boolean[];
}

/** Why a task is not among those that are compared. */
function noteOf(runs: readonly NamedRun[], { task, split, shared, scored }: TaskAmongRuns): string[] {
  if (shared.includes(task)) return [];
  if (!scored.every(Boolean)) {
    const having = runs.filter((_, index) => scored[index]).map(({ name }) => name);
    return [`The task ${task} is only in ${listed(having)}: it is left out of the means.`];
  }
  const rows = runs.map(({ name, record }) => ({ name, count: rowsKey(record, task, split).count ?? 0 }));
  const alike = rows.every(({ count }) => count === rows[0].count);
  const why = alike ? 'their files differ' : listed(rows.map(({ name, count }) => `${name}: ${counted(count, 'row')}`));
  return [
    `The runs were scored on different rows of ${task} (${why}): its accuracies are not to be compared, and it is left out of the means and tests.`,
  ];
}
