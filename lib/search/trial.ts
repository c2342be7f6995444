import type { RunOptions } from '../core/progress.js';
import type { SkippedChoices } from '../engine/fisher.js';
import type { Candidate, TrialScore } from '../objectives/objective.js';

/** What came of a candidate that has a score. */
export interface TrialOutcome extends TrialScore {
  /** What `min_weight` left out of the Fishers, by task name; absent where it is 0. */
  skipped?: Record<string, SkippedChoices>;
}

/** One candidate of a search and what came of it. */
export interface TrialRecord extends Candidate, TrialOutcome {}

/** A candidate without a score: its merge or its objective was not finite. */
export interface FailedTrial extends Candidate {
  /** The message of the error. */
  reason: string;
}

/** How a search tells how far it has come. */
export interface SearchEvents extends RunOptions {
  /** Is called after every trial, those read back from a journal included; `seconds` is the wall time of the trial. */
  onTrial?: (trial: TrialRecord, best: TrialRecord, seconds: number) => void;
  /** Is called after every trial without a score, those read back included. */
  onFailure?: (trial: FailedTrial) => void;
}

/** The better of a trial and the best one before it: the earlier of equals, and never a stopped one. */
export function better(trial: TrialRecord, best: TrialRecord | undefined): TrialRecord {
  return !best || (!trial.stopped && trial.objective > best.objective) ? trial : best;
}
