import { randomBytes } from 'node:crypto';
import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { acquireLock, parseHolder } from './lock.js';
import { recover } from './replace_folder.js';

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
 * Errors: those of the operating system, where the target's folder cannot be written.
 */
export async function temporaryBeside(target: string): Promise<Temporary> {
  const folder = dirname(target);
  await removeAbandoned(folder);
  for (;;) {
    const path = join(folder, `.${basename(target)}.tmp-${randomBytes(8).toString('hex')}`);
    const lock = await acquireLock(path + LOCK);
    if (!lock.taken) continue;
    const remove = async () => {
      await rm(path, { recursive: true, force: true });
      await lock.release();
    };
    return { path, remove };
  }
}

/**
 * Clears up the temporaries in a folder whose process is gone: those with a lock file of dfmerge's that can be taken. What a killed overwriting
 * left is ended by recover(). What cannot be removed stays, without an error, for the next call.
 */
export async function removeAbandoned(
  folder: string,
  warn: (message: string) => void = () => undefined,
): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const target = LOCK_FILE.exec(name)?.[1];
    if (target !== undefined) await clearUp(join(folder, name), join(folder, target), warn).catch(() => undefined);
  }
}

async function clearUp(lockFile: string, target: string, warn: (message: string) => void): Promise<void> {
  const path = lockFile.slice(0, -LOCK.length);
  const found = await lstat(path).catch(() => undefined);
  const text = await readFile(lockFile, 'utf8');
  // A file of that name with anything else in it is not known to be dfmerge's; an empty one was left before there was anything to guard.
  if (!parseHolder(text) && (text !== '' || found)) return;
  const lock = await acquireLock(lockFile);
  if (!lock.taken) return;
  let cleared = false;
  try {
    if (found?.isDirectory()) await recover(path, target, warn);
    else await rm(path, { force: true });
    cleared = (await lstat(path).catch(() => undefined)) === undefined;
  } finally {
    // Where something is left, the record of this process stays beside it, for the next call to find.
    if (cleared) await lock.release();
    else await lock.leave();
  }
}
