import { randomBytes } from 'node:crypto';
import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { acquireLock, parseHolder, type Lock } from './lock.js';
import { outputLockFile } from './output_lock.js';
import { recover } from './replace_folder.js';

type Warn = (message: string) => void;

const LOCK = '.dfmerge-lock';
const LOCK_FILE = /^\.(.+)\.tmp-[0-9a-f]{16}\.dfmerge-lock$/;

/** A hidden name beside a target, for the file or folder that will take its place. */
export interface Temporary {
  /** `.NAME.tmp-ID` in the target's folder; nothing is there yet. */
  readonly path: string;
  /** Removes what lies at `path`, unless it was renamed to the target, and gives the lock up. To be called whatever happened. */
  remove(): Promise<void>;
}

/**
 * A new temporary beside `target`. Until it is removed this process holds the lock `.NAME.tmp-ID.dfmerge-lock` next to it, so that other
 * processes can tell work in progress from what a killed process left behind. The latter is cleared up here first.
 * What is in a temporary folder goes with it, but for what replaceFolder has moved there; the caller holds the lock of a folder that it replaces.
 * Errors: those of the operating system, where the target's folder cannot be written.
 */
export async function temporaryBeside(target: string, warn: Warn = () => undefined): Promise<Temporary> {
  const folder = dirname(target);
  await removeAbandoned(folder, { own: target, warn });
  for (;;) {
    const path = join(folder, `.${basename(target)}.tmp-${randomBytes(8).toString('hex')}`);
    const lock = await acquireLock(path + LOCK);
    if (lock.taken) return { path, remove: () => clear(lock, { path, target, warn }) };
  }
}

/**
 * Clears up the temporaries in a folder whose process is gone: those with a lock file of dfmerge's that can be taken. What a killed overwriting
 * left is ended by recover(), under the lock of its output, which this process holds of `own`. What cannot be removed stays, without an error,
 * for the next call.
 */
export async function removeAbandoned(
  folder: string,
  { own, warn = () => undefined }: { own?: string; warn?: Warn } = {},
): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const base = LOCK_FILE.exec(name)?.[1];
    if (base === undefined) continue;
    const target = join(folder, base);
    const path = join(folder, name.slice(0, -LOCK.length));
    await clearUp({ path, target, warn }, target === own).catch(() => undefined);
  }
}

/** A temporary that somebody left. */
interface Left {
  path: string;
  target: string;
  warn: Warn;
}

async function clearUp(left: Left, isOwn: boolean): Promise<void> {
  const lockFile = left.path + LOCK;
  const found = await lstat(left.path).catch(() => undefined);
  const text = await readFile(lockFile, 'utf8');
  // A file of that name with anything else in it is not known to be dfmerge's; an empty one was left before there was anything to guard.
  if (!parseHolder(text) && (text !== '' || found)) return;
  const output = found?.isDirectory() && !isOwn ? await acquireLock(outputLockFile(left.target)) : undefined;
  if (output?.taken === false) return;
  try {
    const lock = await acquireLock(lockFile);
    if (lock.taken) await clear(lock, left);
  } finally {
    await output?.release();
  }
}

/** Removes a temporary whose lock this process has, or ends what was begun with it. */
async function clear(lock: Lock, { path, target, warn }: Left): Promise<void> {
  const found = () => lstat(path).catch(() => undefined);
  try {
    if ((await found())?.isDirectory()) await recover(path, target, warn);
    else await rm(path, { force: true });
  } finally {
    // Where something is left, the record of this process stays beside it, for the next call to find.
    if (await found()) await lock.leave();
    else await lock.release();
  }
}
