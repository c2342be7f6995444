import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isObject } from './files.js';
import { tryLock } from './file_system.js';
import { stateOf, thisProcess, type ProcessIdentity } from './process_identity.js';

/** How often a holder gives a sign of life, in seconds. */
const HEARTBEAT_SECONDS = 10;

/** After how many seconds without a sign of life a holder that cannot be looked at, on another host or in another container, counts as gone. */
export const GONE_AFTER_SECONDS = 120;

/** Who holds a lock, as the lock's file says it in JSON. */
export interface LockHolder extends ProcessIdentity {
  /** Differs between any two locks that were ever taken. */
  id: string;
  /** Whether the kernel keeps the lock too, so that the kernel of that host knows when it has ended. */
  kernel: boolean;
  /** When the lock was taken, in ISO 8601. */
  since: string;
  /** The last sign of life, in ISO 8601. Ages are taken from the file's time instead, which is the file system's own. */
  heartbeat: string;
}

/** A lock that this call took. */
export interface Lock {
  readonly taken: true;
  readonly path: string;
  /** Whether the lock's file still says so. It does not where another host took this holder for gone, after a long standstill. */
  isHeld(): Promise<boolean>;
  /** Gives the lock up and removes its file. */
  release(): Promise<void>;
  /** Gives the lock up and leaves its file behind, as a process does that is killed. */
  leave(): Promise<void>;
}

/** A lock that somebody else holds. */
export interface Held {
  readonly taken: false;
  readonly path: string;
  /** Who holds it; absent where the file does not say. */
  readonly holder?: LockHolder;
  /** Who holds it and since when, to end a sentence with: `held by process 7 on host a since …`. */
  readonly message: string;
}

/**
 * Takes the lock of a name: creates the file `path`, which must be for that alone, or takes it over where its holder is gone. It does not wait.
 *
 * Where the kernel has locks, it decides about the holders of its own host, whatever their PID namespaces: a lock ends with the process, however
 * that ends. Where it has none, a holder in this PID namespace is gone if its process is. Nothing can be seen of others: they count as gone after
 * GONE_AFTER_SECONDS without a sign of life, or at once where the host has started again and the file system is its own.
 * Errors: those of the operating system, where the file cannot be made.
 */
export async function acquireLock(path: string): Promise<Lock | Held> {
  for (;;) {
    const result = (await create(path)) ?? (await takeOver(path));
    if (result) return result;
  }
}

/** The lock of a file that is not there yet; undefined where it is. */
async function create(path: string): Promise<Lock | undefined> {
  const handle = await open(path, 'wx').catch(ignore('EEXIST'));
  if (!handle) return undefined;
  const kernel = await tryLock(handle);
  // Somebody else locked it between the two steps.
  if (kernel === false) return close(handle);
  return write(path, handle, kernel === true);
}

/** The lock of a file that is there, or its holder; undefined where the file went meanwhile. */
async function takeOver(path: string): Promise<Lock | Held | undefined> {
  const handle = await open(path, 'r+').catch(ignore('ENOENT'));
  if (!handle) return undefined;
  const free = await tryLock(handle);
  const text = await handle.readFile('utf8');
  const holder = parseHolder(text);
  if (free === false) {
    await handle.close();
    return { taken: false, path, holder, message: heldBy(holder) };
  }
  const held = await isHeld(path, holder, free === true);
  if (held) {
    await handle.close();
    return { taken: false, path, holder, message: held };
  }
  if (free) return write(path, handle, true);
  await handle.close();
  await setAside(path, text);
  return undefined;
}

/** Puts this process's record into the file; undefined where the name stands for another file by then. */
async function write(path: string, handle: FileHandle, kernel: boolean): Promise<Lock | undefined> {
  const identity = await thisProcess();
  const now = new Date().toISOString();
  const holder: LockHolder = { id: randomBytes(8).toString('hex'), ...identity, kernel, since: now, heartbeat: now };
  const isMine = async () => parseHolder(await readFile(path, 'utf8').catch(() => ''))?.id === holder.id;
  try {
    await handle.truncate(0);
    await handle.write(textOf(holder), 0);
  } catch (error) {
    // Without a record the file would say nothing of who made it.
    await rm(path, { force: true });
    await handle.close();
    throw error;
  }
  if (!(await isMine())) return close(handle);
  let beating: Promise<unknown> = Promise.resolve();
  const beat = async () => {
    await handle.write(textOf({ ...holder, heartbeat: new Date().toISOString() }), 0);
    await handle.datasync();
  };
  const timer = setInterval(() => void (beating = beat().catch(() => undefined)), HEARTBEAT_SECONDS * 1000).unref();
  const stop = async () => {
    clearInterval(timer);
    await beating;
  };
  return {
    taken: true,
    path,
    isHeld: isMine,
    release: async () => {
      await stop();
      if (await isMine()) await rm(path, { force: true });
      await handle.close();
    },
    leave: async () => {
      await stop();
      await handle.close();
    },
  };
}

/** Why a file's holder counts as there, in the words of Held.message; undefined where it is gone. `free` where the kernel could lock the file. */
async function isHeld(path: string, holder: LockHolder | undefined, free: boolean): Promise<string | undefined> {
  const { boot } = await thisProcess();
  if (free) {
    if (!holder) return undefined; // Killed between making the file and writing its record.
    if (holder.kernel && boot !== '' && holder.boot === boot) return undefined;
  }
  if (holder) {
    const state = await stateOf(holder);
    if (state === 'alive') return heldBy(holder);
    if (state === 'dead') return undefined;
    const restarted = boot !== '' && holder.boot !== '' && holder.boot !== boot && (await isLocal(path));
    if (restarted) return undefined;
  }
  const age = await secondsSinceChange(path);
  if (age > GONE_AFTER_SECONDS) return undefined;
  return `${heldBy(holder)}; its last sign of life was ${Math.round(age)} s ago, and it counts as gone after ${GONE_AFTER_SECONDS} s without one`;
}

/** Moves a dead holder's file away, unless another process has taken it over meanwhile. */
async function setAside(path: string, text: string): Promise<void> {
  const aside = `${path}-${randomBytes(8).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    return ignore('ENOENT')(error as NodeJS.ErrnoException);
  }
  // A link, unlike a rename, does not replace what a third process may have put there.
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, path).catch(ignore('EEXIST'));
  await rm(aside, { force: true });
}

/**
 * A name beside `path` for an empty file that is removed at once. It looks like the lock of a temporary that nothing was written to yet, so that
 * removeAbandoned clears it up where this process is killed in between.
 */
export const passingName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.tmp-${randomBytes(8).toString('hex')}.dfmerge-lock`);

/** The age of a file in seconds by the file system's own clock, which on a network need not be this host's. */
async function secondsSinceChange(path: string): Promise<number> {
  const probe = passingName(path);
  let now = Date.now();
  try {
    const handle = await open(probe, 'wx');
    now = (await handle.stat()).mtimeMs;
    await handle.close();
  } catch {
    // A folder that takes no file leaves this host's clock.
  }
  await rm(probe, { force: true });
  const found = await stat(path).catch(() => undefined);
  return found ? Math.max(0, (now - found.mtimeMs) / 1000) : Infinity;
}

/** The types, as Linux numbers them, of file systems that one host alone can write: ext, XFS, Btrfs, tmpfs, overlay, F2FS, ZFS, bcachefs. */
const LOCAL_TYPES = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1, 0xca451a4e,
]);

async function isLocal(path: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  return statfs(dirname(path)).then(
    ({ type }) => LOCAL_TYPES.has(type),
    () => false,
  );
}

/** The record in a lock's file; undefined where there is none that is whole. */
export function parseHolder(text: string): LockHolder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const strings = ['id', 'host', 'boot', 'pidNamespace', 'started', 'since', 'heartbeat'];
  if (!isObject(value) || strings.some((key) => typeof value[key] !== 'string')) return undefined;
  if (!Number.isSafeInteger(value.pid) || (value.pid as number) <= 0) return undefined;
  return { ...(value as unknown as LockHolder), kernel: value.kernel === true };
}

function heldBy(holder: LockHolder | undefined): string {
  if (!holder) return 'held by a process that is just taking it';
  return `held by process ${holder.pid} on host ${holder.host} since ${holder.since}`;
}

/** One line, which for one holder always has the same length, so that it can be written over itself. */
function textOf(holder: LockHolder): string {
  return `${JSON.stringify(holder)}\n`;
}

async function close(handle: FileHandle): Promise<undefined> {
  await handle.close();
}

/** Turns errors of one code into undefined. */
function ignore(code: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error;
    return undefined;
  };
}
