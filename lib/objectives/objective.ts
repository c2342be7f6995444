import type { ProgressEvent } from '../core/progress.js';

/** One point that a search tries. */
export interface Candidate {
  /** The number of the trial, counted from 1. */
  trial: number;
  /** One coefficient per model, in the order of `RunRecord.models`. */
  coefficients: number[];
}

/** What an objective says of one candidate. */
export interface TrialScore {
  /**
   * What the search maximises; with tasks, the unweighted mean of `accuracy`. For a stopped trial it is an estimate below the best, in which
   * a task that was not seen counts with its mean accuracy over the earlier trials that were not stopped.
   */
  objective: number;
  /** Validation accuracy by task name. For a stopped trial it covers the rows that were seen, and leaves out tasks that were not. */
  accuracy: Record<string, number>;
  /**
   * A bitset per task in base64, lowest bit first, over the rows of the validation subset in ascending order; only of tasks that were
   * scored to their end.
   */
  correct?: Record<string, string>;
  /** True where `search.early_stopping` ended the scoring because the trial could no longer be the best. */
  stopped?: true;
  /** How many rows of the validation subset were scored in a stopped trial, by task name. */
  rowsSeen?: Record<string, number>;
}

/** What an objective may use while it works on a candidate. */
export interface EvaluationContext {
  /** Where it fires, `evaluate` throws its reason as soon as it can. */
  signal?: AbortSignal;
  /** Is called with progress events. */
  report?: (event: ProgressEvent) => void;
}

/**
 * What a search maximises. The candidate's merge is the session's current model while `evaluate` runs, and an objective that needs the
 * model is made with that session.
 */
export interface Objective {
  /**
   * Scores one candidate. Throws NUMERIC where the candidate has no finite score: the trial then counts as failed, and the search goes on
   * with others.
   */
  evaluate(candidate: Candidate, context: EvaluationContext): Promise<TrialScore>;
  /** Is told of each trial that a resumed search reads back from its journal, in the order in which they ended. */
  recall?(trial: Candidate & TrialScore): void;
}
