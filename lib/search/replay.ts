import { sumOfSeconds, totalSeconds, type Phase, type Seconds } from '../core/timing.js';
import type { Candidate, Objective } from '../objectives/objective.js';
import type { Journal, JournalOfPart } from './journal.js';
import type { Proposals } from './proposals.js';
import { better, type FailedTrial, type SearchEvents, type TrialRecord } from './trial.js';

/** What a journal knows of a search. */
export interface SearchPast {
  trials: TrialRecord[];
  failed: FailedTrial[];
  best?: TrialRecord;
  /** Candidates that were asked and have neither a score nor a failure, in the order of their trials. */
  inFlight: Candidate[];
  seconds: Record<Phase, number>;
}

/**
 * Repeats the events of a journal to the proposals and the objective, in their order, so that both are in the state in which the earlier
 * process left them. Trials beyond the number of proposals are passed over: the recipe now asks for fewer.
 */
export function replay(
  { proposals, objective, journal }: { proposals: Proposals; objective: Objective; journal?: Journal | JournalOfPart },
  options: SearchEvents,
): SearchPast {
  const trials: TrialRecord[] = [];
  const failed: FailedTrial[] = [];
  const inFlight = new Map<number, Candidate>();
  const spent: Seconds[] = [];
  let best: TrialRecord | undefined;
  const end = (trial: number, seconds: Seconds): Candidate => {
    const candidate = inFlight.get(trial) as Candidate; // The journal lets no trial end that was not asked.
    inFlight.delete(trial);
    spent.push(seconds);
    return candidate;
  };
  const part = journal && 'part' in journal ? journal.part.part : undefined;
  for (const entry of journal?.events ?? []) {
    if (!('trial' in entry) || entry.part !== part || entry.trial > proposals.total) continue;
    if (entry.event === 'asked') {
      const { trial, coefficients } = entry;
      inFlight.set(trial, { trial, coefficients });
      proposals.asked({ trial, coefficients });
    } else if (entry.event === 'told') {
      const { trial, outcome, seconds } = entry;
      const candidate = end(trial, seconds);
      const record: TrialRecord = { ...candidate, ...outcome };
      objective.recall?.(record);
      proposals.tell(candidate, record.objective);
      trials.push(record);
      best = better(record, best);
      options.onTrial?.(record, best, totalSeconds(seconds));
    } else {
      const candidate = end(entry.trial, entry.seconds);
      proposals.failed(candidate);
      failed.push({ ...candidate, reason: entry.reason });
      options.onFailure?.(failed[failed.length - 1]);
    }
  }
  return { trials, failed, best, inFlight: [...inFlight.values()], seconds: sumOfSeconds(spent) };
}
