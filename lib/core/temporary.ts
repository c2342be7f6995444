import { randomBytes } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tryLock } from './file_system.js';

const LOCK = '.dfmerge-lock';
const LOCK_FILE = /\.tmp-[0-9a-f]{16}\.dfmerge-lock$/;

/** A hidden name beside a target, for the file or folder that will take its place. */
export interface Temporary {
  /** `.NAME.tmp-ID` in the target's folder; nothing is there yet. */
  readonly path: string;
  /** Removes what lies at `path`, unless it was renamed to the target, and gives the lock up. To be called whatever happened. */
  remove(): Promise<void>;
}

/**
 * A new temporary beside `target`. Until it is removed, an empty file `.NAME.tmp-ID.dfmerge-lock` next to it is locked by this process, so that
 * other processes can tell work in progress from what a killed process left behind. The latter is removed here first.
 * Errors: those of the operating system, where the target's folder cannot be written.
 */
export async function temporaryBeside(target: string): Promise<Temporary> {
  const folder = dirname(target);
  await removeAbandoned(folder);
  for (;;) {
    const path = join(folder, `.${basename(target)}.tmp-${randomBytes(8).toString('hex')}`);
    const release = await holdLock(path + LOCK);
    if (!release) continue;
    const remove = async () => {
      await rm(path, { recursive: true, force: true });
      await release();
    };
    return { path, remove };
  }
}

/**
 * Creates and locks a file.
 * @returns what removes it again; undefined where removeAbandoned of another process came between creating and locking it
 */
async function holdLock(file: string): Promise<(() => Promise<void>) | undefined> {
  const handle = await open(file, 'wx');
  const locked = await tryLock(handle);
  if (locked === undefined) {
    // Without locks there must be no lock file: what is never locked would pass for abandoned on a machine that has locks.
    await rm(file, { force: true });
    await handle.close();
    return async () => {};
  }
  if (!locked || (await handle.stat()).nlink === 0) {
    await handle.close();
    return undefined;
  }
  return async () => {
    await rm(file, { force: true });
    await handle.close();
  };
}

/**
 * Removes the temporaries in a folder whose process is gone: exactly those with a lock file that can be locked. Where the platform or the file
 * system has no locks, nothing is ever removed. What cannot be removed stays, without an error, for the next call.
 */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names)
    if (LOCK_FILE.test(name)) await removeIfAbandoned(join(folder, name)).catch(() => undefined);
}

async function removeIfAbandoned(lockFile: string): Promise<void> {
  const handle = await open(lockFile, 'r+');
  try {
    if (!(await tryLock(handle))) return;
    await rm(lockFile.slice(0, -LOCK.length), { recursive: true, force: true });
    await rm(lockFile, { force: true });
  } finally {
    await handle.close();
  }
}
