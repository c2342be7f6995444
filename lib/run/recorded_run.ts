import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { decodeUtf8, exists, readBytes } from '../core/files.js';
import { MANIFEST_FILE } from '../core/manifest.js';
import type { RunRecord } from './record.js';
import { problemOfRecord } from './record_schema.js';

/** A run that has finished, as its folder holds it. */
export interface RecordedRun {
  /** The folder. */
  dir: string;
  /** Its dfmerge.json. */
  file: string;
  record: RunRecord;
}

/** The folder of a run, which may be named by its dfmerge.json too. */
export async function runFolder(path: string): Promise<string> {
  const isRecord = basename(path) === MANIFEST_FILE && (await stat(path).catch(() => undefined))?.isFile();
  return resolve(isRecord ? dirname(path) : path);
}

/** Whether a folder holds the dfmerge.json of something that dfmerge made. */
export async function hasRecord(dir: string): Promise<boolean> {
  return exists(join(dir, MANIFEST_FILE));
}

/**
 * Reads the record of a finished search or merge. Errors: NOT_FOUND, IO; INVALID_DATA, which names the file and the key, where it is no record of
 * one or is damaged.
 */
export async function readRun(dir: string): Promise<RecordedRun> {
  const file = join(dir, MANIFEST_FILE);
  const text = decodeUtf8(await readBytes(file));
  const bad = (problem: string, cause?: unknown) => new DfMergeError('INVALID_DATA', `${file}: ${problem}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch (error) {
    throw bad(text === undefined ? 'not UTF-8 text' : `not JSON: ${(error as Error).message}`, error);
  }
  const has = (key: string) => typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  if (!has('recipe') || !has('trials'))
    throw bad('it is not the record of a search or a merge, and holds nothing to report');
  const problem = problemOfRecord(value);
  if (problem) throw bad(`the record is damaged at ${problem.path.join('.') || 'its top'}: ${problem.message}`);
  return { dir, file, record: value as RunRecord };
}
