import { DfMergeError, type ErrorCode } from '../core/errors.js';

/** Makes a native call that works on this thread, and turns its errors into DfMergeErrors. */
export function callNative<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw toDfMergeError(cause);
  }
}

/** A native error as a DfMergeError, made here so that it carries the caller's stack. */
export function toDfMergeError(cause: unknown): unknown {
  if (cause instanceof DfMergeError || !(cause instanceof Error)) return cause;
  const code = (cause as Error & { code?: unknown }).code;
  return typeof code === 'string' ? new DfMergeError(code as ErrorCode, cause.message, { cause }) : cause;
}
