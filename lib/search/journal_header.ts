import { isDeepStrictEqual } from 'node:util';
import { DfMergeError } from '../core/errors.js';
import type { Json } from './journal_file.js';

/** The first event of a journal: all that decides the numbers of a search. Resuming under a different one is refused. */
export interface JournalHeader {
  /** The version of dfmerge. */
  version: string;
  seed: number;
  /** The resolved recipe and the digests of data and models belong here: a refusal names the keys that differ. */
  [key: string]: Json | undefined;
}

/** Throws MISMATCH, naming the keys that differ, where a journal was begun by another search. */
export function checkSameSearch(path: string, found: Json, wanted: JournalHeader): void {
  // The header goes through JSON, so that an absent key and an undefined one are the same.
  const differences = differingKeys(found, JSON.parse(JSON.stringify(wanted)) as Json, '');
  if (differences.length === 0) return;
  const shown = differences
    .slice(0, 8)
    .map(({ key, found, wanted }) => `\n  ${key || 'header'}: ${excerptOf(found)} there, ${excerptOf(wanted)} now`);
  throw new DfMergeError(
    'MISMATCH',
    `${path} is the journal of a different search, so it cannot be resumed:${shown.join('')}`,
  );
}

interface Difference {
  key: string;
  found: Json | undefined;
  wanted: Json | undefined;
}

function differingKeys(found: Json | undefined, wanted: Json | undefined, key: string): Difference[] {
  if (isDeepStrictEqual(found, wanted)) return [];
  if (!isObject(found) || !isObject(wanted)) return [{ key, found, wanted }];
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  return keys.flatMap((name) => differingKeys(found[name], wanted[name], key === '' ? name : `${key}.${name}`));
}

function excerptOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function isObject(value: Json | undefined): value is { [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
