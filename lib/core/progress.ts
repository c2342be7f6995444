/**
 * The stages of a run. A search opens, reads the models and the Fisher files that it hashes, goes through its trials, makes each comparison, merges, evaluates on the validation and the test splits
 * and writes; other calls have some of these, or an evaluation, the measurement of a Fisher or a training in their place.
 */
export type Stage =
  | 'opening'
  | 'reading'
  | 'trials'
  | `comparison ${string}`
  | 'merge'
  | 'validation'
  | 'test'
  | 'evaluation'
  | 'fisher'
  | 'training'
  | 'writing';

/** What a long call is doing. `done` and `total` count the phase's own units: batches, models, trials or steps, and MiB in
 * `read`. */
export interface ProgressEvent {
  phase: 'read' | 'load' | 'fisher' | 'merge' | 'evaluate' | 'suggest' | 'write' | 'train' | 'generate' | 'search';
  done: number;
  total: number;
  /** The task, model or file that is being worked on. */
  subject?: string;
  /** The number of the trial in a search, counted from 1. */
  trial?: number;
  /** The stage of the run. */
  stage?: Stage;
  /** How much of the whole run is done, from 0 to 1; it never falls. */
  fraction?: number;
  /** How many seconds the rest of the whole run will take by the speed so far; absent until something is measured. */
  secondsLeft?: number;
  /** The best trial of a search so far. */
  best?: { trial: number; objective: number };
}

/** Is called with whatever is odd and not wrong, in a sentence that is meant for the user. The run goes on. */
export type OnWarning = (message: string) => void;

/** Options that every long call takes. */
export interface RunOptions {
  /** Ends the call after the current slice of native work; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  onProgress?: (event: ProgressEvent) => void;
  /** Is called with whatever is odd and not wrong, in a sentence that is meant for the user. The run goes on. */
  onWarning?: OnWarning;
}

/** Throws the signal's reason where it has fired. */
export function checkAborted(signal: AbortSignal | undefined): void {
  signal?.throwIfAborted();
}
