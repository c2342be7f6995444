/** What a long call is doing. `done` and `total` count the phase's own units: batches, models, trials or steps. */
export interface ProgressEvent {
  phase: 'load' | 'fisher' | 'merge' | 'evaluate' | 'suggest' | 'write' | 'train' | 'search';
  done: number;
  total: number;
  /** The task or model that is being worked on. */
  subject?: string;
  /** The number of the trial in a search, counted from 1. */
  trial?: number;
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
