import { open, rm, stat, statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { DfMergeError } from './errors.js';
import { fileError } from './files.js';
import { passingName } from './lock.js';

/** Memory in bytes: what this process may take at most, and what is free at present. */
export interface MemoryLimits {
  total: number;
  available: number;
}

/** The memory of the machine or, where that is less, of the container (control group) that the process runs in. */
export function memoryLimits(): MemoryLimits {
  const limit = process.constrainedMemory?.() ?? 0;
  const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const free = process.availableMemory?.() ?? freemem();
  return { total, available: Math.min(free > 0 ? free : freemem(), total) };
}

/** The nearest folder at or above `path` that is there. Errors: NOT_FOUND where a file lies in the way. */
export async function nearestFolder(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return path;
  if (found) throw new DfMergeError('NOT_FOUND', `${path}: expected a folder, found a file`);
  return dirname(path) === path ? path : nearestFolder(dirname(path));
}

/**
 * Checks that a file or folder can be made at `path`, by making and removing a file in the nearest folder that is there: permissions, read-only
 * disks and quotas are then known before the work. Errors: NOT_FOUND, IO naming the folder.
 */
export async function assertCanCreate(path: string): Promise<void> {
  const target = resolve(path);
  const folder = await nearestFolder(dirname(target));
  const probe = passingName(join(folder, basename(target)));
  try {
    await (await open(probe, 'wx')).close();
    await rm(probe, { force: true }); // Another process may have cleared it up.
  } catch (error) {
    throw fileError(error, `cannot write ${path}: no file can be made in ${folder}`);
  }
}

/** How many bytes are free for what is written to `path`; undefined where the file system does not tell. */
export async function freeSpace(path: string): Promise<number | undefined> {
  const disk = await statfs(await nearestFolder(dirname(resolve(path)))).catch(() => undefined);
  return disk && disk.blocks > 0 ? disk.bavail * disk.bsize : undefined;
}

/** Bytes as people say them: `512 MB`, `3.2 GB`. */
export function sizeWords(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return bytes >= 1e6 ? `${Math.ceil(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
