import { basename, dirname, join } from 'node:path';
import { DfMergeError } from './errors.js';
import { fileError } from './files.js';
import { acquireLock, type Lock } from './lock.js';
import { realTarget } from './real_path.js';

/** The lock file of an output whose path has no links. */
export function outputLockFile(target: string): string {
  return join(dirname(target), `.${basename(target)}.dfmerge-lock`);
}

/**
 * Makes this run the only writer of an output until it releases the lock, a hidden file `.NAME.dfmerge-lock` beside the output, whose folder
 * must be there. Links are resolved, so that every spelling of the output has the same lock.
 * Errors: LOCKED, which says who holds it and since when; IO, NOT_FOUND.
 */
export async function lockOutput(out: string): Promise<Lock> {
  try {
    const target = await realTarget(out);
    const lock = await acquireLock(outputLockFile(target));
    if (lock.taken) return lock;
    throw new DfMergeError('LOCKED', `another run is writing ${out}: ${lock.path} is ${lock.message}`);
  } catch (error) {
    throw fileError(error, `cannot write ${out}`);
  }
}

/** Runs `body` as the only writer of an output. Errors: those of lockOutput and of `body`. */
export async function whileLocked<T>(out: string, body: () => Promise<T>): Promise<T> {
  const lock = await lockOutput(out);
  try {
    return await body();
  } finally {
    await lock.release();
  }
}
