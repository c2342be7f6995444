import { DfMergeError, type ErrorCode } from '../core/errors.js';

/** Makes a native call that works on this thread, and turns its errors into DfMergeErrors. */
export function callNative<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw toDfMergeError(cause);
  }
}

/** The native code of a job that was stopped before its end: by a signal, or because its engine was closed. */
const STOPPED = 'ABORTED';

/** A native error as a DfMergeError, made here so that it carries the caller's stack. */
export function toDfMergeError(cause: unknown): unknown {
  if (cause instanceof DfMergeError || !(cause instanceof Error)) return cause;
  const code = (cause as Error & { code?: unknown }).code;
  if (code === STOPPED) return new DfMergeError('CLOSED', 'the engine was closed during a job', { cause });
  return typeof code === 'string' ? new DfMergeError(code as ErrorCode, cause.message, { cause }) : cause;
}

/** What a job that failed with `cause` rejects with: the signal's reason where that is what stopped it. */
export function jobError(cause: unknown, signal: AbortSignal | undefined): unknown {
  const stopped = cause instanceof Error && (cause as Error & { code?: unknown }).code === STOPPED;
  return stopped && signal?.aborted ? signal.reason : toDfMergeError(cause);
}
