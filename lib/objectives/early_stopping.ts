import { bitsets } from '../run/comparison.js';
import { evaluateRows, type Evaluation, type PartialEvaluation } from '../engine/evaluate.js';
import type { Session } from '../engine/session.js';
import type { RunOptions } from '../core/progress.js';
import type { SearchSettings } from '../recipe/recipe.js';
import type { TrialRecord } from '../run/record.js';
import { accuracies, meanAccuracy, type PreparedTask } from '../tasks/prepare.js';

/** What a trial is scored against. */
export interface Incumbents {
  /** The objective that the trial must still be able to reach; -Infinity: it is scored to its end whatever comes. */
  least: number;
  /** Earlier trials that were scored to their end, in order. */
  finished: readonly TrialRecord[];
}

/** The trials so far as a new one's incumbents. */
export function incumbentsOf(
  trials: readonly TrialRecord[],
  best: TrialRecord | undefined,
  { earlyStopping, earlyStoppingMargin }: SearchSettings,
): Incumbents {
  return {
    least: earlyStopping && best ? best.objective - earlyStoppingMargin / 100 : -Infinity,
    finished: trials.filter(({ stopped }) => !stopped),
  };
}

/**
 * Scores the model's current parameters on the tasks' subsets, in order. It stops where not even all of the rows left, answered rightly,
 * would bring the objective to `least`; what was scored to its end could therefore not have been better.
 *
 * The objective of a stopped trial is an estimate, for the optimiser: the mean over tasks of the accuracy on the rows seen, for a task not
 * seen that of its mean accuracy over the finished trials (0 without any). It is below `least` too: each part is at most what the bound
 * had in its place.
 */
export async function scoreTrial(
  model: Session,
  tasks: readonly PreparedTask[],
  { least, finished }: Incumbents,
  options: RunOptions = {},
): Promise<Omit<TrialRecord, 'trial' | 'coefficients'>> {
  const parts = tasks.flatMap(({ name, validation, subset }) =>
    validation ? [{ name, rows: validation.rows, subset }] : [],
  );
  const highest = parts.map(() => 1);
  const isHopeless = () => mean(highest) < least;
  const results = new Map<string, Evaluation>();
  for (const [i, { name, rows, subset }] of parts.entries()) {
    const onPartial = ({ done, total, correct }: PartialEvaluation) => {
      highest[i] = (correct + total - done) / total;
      return isHopeless();
    };
    results.set(name, await evaluateRows(model, rows, subset, { ...options, subject: name, onPartial }));
    if (isHopeless()) break;
  }
  const seen = (name: string) => results.get(name)?.results.length ?? 0;
  if (parts.every(({ name, subset }) => seen(name) === subset.length)) {
    return { objective: meanAccuracy(results), accuracy: accuracies(results), correct: bitsets(results) };
  }
  const usual = (name: string) => (finished.length > 0 ? mean(finished.map(({ accuracy }) => accuracy[name])) : 0);
  return {
    objective: mean(parts.map(({ name }) => results.get(name)?.accuracy ?? usual(name))),
    accuracy: accuracies(results),
    correct: bitsets(new Map([...results].filter(([, { stopped }]) => !stopped))),
    stopped: true,
    rowsSeen: Object.fromEntries(parts.map(({ name }) => [name, seen(name)])),
  };
}

/** Summed in order, as meanAccuracy does, so that a bound and what it bounds are rounded alike. */
function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
