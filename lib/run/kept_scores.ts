import type { RunOptions } from '../core/progress.js';
import { sumOfSeconds, timed, type Seconds } from '../core/timing.js';
import type { BatchedRows } from '../engine/batch.js';
import { evaluateRows } from '../engine/evaluate.js';
import type { SkippedChoices } from '../engine/fisher.js';
import type { Session } from '../engine/session.js';
import type { JournalOfPart } from '../search/journal.js';
import type { JournalEvent } from '../search/journal_event.js';
import { scoreOf, type Score, type TaskScores } from '../tasks/scores.js';

/** What putting the parameters into a session took, and what was left out of the Fishers of the merge that it was. */
export interface Prepared {
  seconds: Seconds;
  skipped?: Record<string, SkippedChoices>;
}

/** Rows of a task to score, at parameters that `prepare` puts into the session. */
export interface ToScore {
  task: string;
  split: 'validation' | 'test';
  rows: BatchedRows;
  prepare: () => Promise<Prepared>;
}

/** What came of scoring tasks. */
export interface KeptScores extends Prepared {
  scores: TaskScores;
}

/**
 * Scores tasks one after another. What a part of a journal has is taken from it, without preparing anything, and each score that is new is
 * in it before the next task begins. Errors: those of `prepare` and of evaluateRows.
 */
export async function keptScores(
  session: Session,
  { work, journal }: { work: readonly ToScore[]; journal: JournalOfPart | undefined },
  options: RunOptions = {},
): Promise<KeptScores> {
  const scores = new Map<string, Score>();
  const spent: Seconds[] = [];
  let skipped: Prepared['skipped'];
  for (const { task, split, rows, prepare } of work) {
    const kept = journal?.events.find((event) => isScoreOf(event, task, split));
    if (kept?.event === 'scored') {
      scores.set(task, kept.score);
      spent.push(kept.seconds);
      skipped ??= kept.skipped;
      continue;
    }
    const prepared = await prepare();
    skipped ??= prepared.skipped;
    const evaluation = await timed(() => evaluateRows(session, rows, { ...options, subject: task }));
    const score = scoreOf(evaluation.value);
    const seconds = sumOfSeconds([prepared.seconds, { evaluate: evaluation.seconds }]);
    const left = prepared.skipped ? { skipped: prepared.skipped } : {};
    journal?.append({ event: 'scored', split, task, score, ...left, seconds });
    scores.set(task, score);
    spent.push(seconds);
  }
  return { scores, seconds: sumOfSeconds(spent), ...(skipped ? { skipped } : {}) };
}

function isScoreOf(event: JournalEvent, task: string, split: string): boolean {
  return event.event === 'scored' && event.task === task && event.split === split;
}

/** A step that is taken once. Whoever asks again waits for it, and no time is counted twice. */
export function once(step: () => Promise<Prepared>): () => Promise<Prepared> {
  let first: Promise<Prepared> | undefined;
  return async () => {
    if (!first) return (first = step());
    await first;
    return { seconds: {} };
  };
}
