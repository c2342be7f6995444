import type { RunOptions } from '../core/progress.js';
import { mean } from '../core/statistics.js';
import { evaluateRows, type Evaluation } from '../engine/evaluate.js';
import type { Session } from '../engine/session.js';
import type { PreparedTask } from './prepare.js';

/** Which fraction of a task's examples is answered rightly, and how many were asked. */
export interface Score {
  accuracy: number;
  examples: number;
  /** A bitset in base64, lowest bit first: bit i is set where example i of the split was answered rightly. */
  correct?: string;
}

/** Scores by task name, in the order of the tasks. */
export type TaskScores = ReadonlyMap<string, Score>;

/** The part of an evaluation that records keep. */
export function scoreOf({ accuracy, examples, correct }: Evaluation): Score {
  return { accuracy, examples, correct: Buffer.from(correct).toString('base64') };
}

/** Scores the session's current parameters on a split of every task that has it. Errors: those of evaluateRows. */
export async function scoreTasks(
  session: Session,
  { tasks, split }: { tasks: readonly PreparedTask[]; split: 'validation' | 'test' },
  options: RunOptions = {},
): Promise<TaskScores> {
  const scores = new Map<string, Score>();
  for (const task of tasks) {
    const part = task[split];
    if (part)
      scores.set(task.name, scoreOf(await evaluateRows(session, part.rows, { ...options, subject: task.name })));
  }
  return scores;
}

/** The unweighted mean over tasks, which is the paper's objective. */
export function meanAccuracy(scores: TaskScores): number {
  return mean([...scores.values()].map(({ accuracy }) => accuracy));
}

/** The accuracies by task name. */
export function accuracies(scores: TaskScores): Record<string, number> {
  return Object.fromEntries([...scores].map(([name, { accuracy }]) => [name, accuracy]));
}

/** The bitsets of the scores that have one, by task name. */
export function bitsets(scores: TaskScores): Record<string, string> {
  return Object.fromEntries(
    [...scores].flatMap(([name, { correct }]) => (correct === undefined ? [] : [[name, correct]])),
  );
}
