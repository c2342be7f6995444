import type { FileHandle } from 'node:fs/promises';

/**
 * Tries to lock an open file for this handle alone, without waiting. The kernel keeps the lock (an open file description's on Linux, flock's on
 * macOS): another handle of the same process is refused too, a program that is started does not inherit it, and it ends when the handle is
 * closed or the process ends, however it ends.
 * @param handle a file opened for writing
 * @returns true where the lock was taken, false where another handle holds it, undefined where the platform or the file system has no locks
 */
export async function tryLock(handle: FileHandle): Promise<boolean | undefined> {
  try {
    const { tryLock } = await import('fs-native-extensions');
    return tryLock(handle.fd);
  } catch {
    return undefined; // No binary for this platform, or a file system that refuses to lock.
  }
}

/**
 * Exchanges two files or folders of one file system in a single step: at no moment does either name stand for nothing.
 * @returns false where that could not be done, most often because the platform or the file system does not know how; nothing has changed then
 */
export async function exchange(one: string, other: string): Promise<boolean> {
  try {
    const { swap } = await import('fs-native-extensions');
    await swap(one, other);
    return true;
  } catch {
    return false;
  }
}
