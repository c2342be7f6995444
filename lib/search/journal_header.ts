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

/** The header that a journal has, the one it would have now, and what the user calls that which a key is about. */
export interface ComparedHeaders {
  found: Json;
  wanted: JournalHeader;
  names?: Readonly<Record<string, string>>;
}

/** Throws MISMATCH, naming the keys that differ, where a journal was begun by another search. */
export function checkSameSearch(path: string, { found, wanted, names = {} }: ComparedHeaders): void {
  // The header goes through JSON, so that an absent key and an undefined one are the same.
  const differences = differingKeys(found, JSON.parse(JSON.stringify(wanted)) as Json, '');
  if (differences.length === 0) return;
  const shown = differences
    .slice(0, 8)
    .map(
      ({ key, found, wanted }) =>
        `\n  ${key || 'header'}${key in names ? ` (${names[key]})` : ''}: ${excerptOf(found)} there, ${excerptOf(wanted)} now`,
    );
  const more = differences.length > shown.length ? `\n  and ${differences.length - shown.length} more` : '';
  throw new DfMergeError(
    'MISMATCH',
    `${path} is the journal of a different search, so it cannot be resumed:${shown.join('')}${more}`,
  );
}

/** A key of two headers that differ there. */
export interface Difference {
  key: string;
  found: Json | undefined;
  wanted: Json | undefined;
}

/** Where two values differ, key by key; `key` is that of the values themselves. */
export function differingKeys(found: Json | undefined, wanted: Json | undefined, key: string): Difference[] {
  if (isDeepStrictEqual(found, wanted)) return [];
  const lists = Array.isArray(found) && Array.isArray(wanted) && found.length === wanted.length;
  // Two lists of one length are compared item by item, unless their items are so short that the whole list says more.
  if (!(isObject(found) && isObject(wanted)) && !(lists && JSON.stringify(wanted).length > 60))
    return [{ key, found, wanted }];
  const [there, now] = [found, wanted] as { [key: string]: Json | undefined }[];
  const keys = [...new Set([...Object.keys(now), ...Object.keys(there)])];
  return keys.flatMap((name) => differingKeys(there[name], now[name], key === '' ? name : `${key}.${name}`));
}

function excerptOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function isObject(value: Json | undefined): value is { [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
