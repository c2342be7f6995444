import { DfMergeError } from './errors.js';

/** What a long call is doing. `done` and `total` count the phase's own steps (batches, models, trials, steps). */
export interface ProgressEvent {
  phase: 'load' | 'fisher' | 'merge' | 'evaluate' | 'suggest' | 'write' | 'train' | 'search';
  done: number;
  total: number;
  /** The task or model that is worked on. */
  subject?: string;
  /** In a search: the trial, from 1. */
  trial?: number;
}

/** Options that every long call takes. */
export interface RunOptions {
  /** Stops at the end of the current slice of native work; the call then throws DfMergeError ABORTED. */
  signal?: AbortSignal;
  onProgress?: (event: ProgressEvent) => void;
}

/** Throws ABORTED where the signal has fired. */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DfMergeError('ABORTED', 'stopped', { cause: signal.reason });
}
