import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { openCheckpoint } from '../checkpoint/folder.js';
import type { RunContext } from './context.js';
import type { RunRecord } from './record.js';

/** What a record says of one run only, and not of what was asked for and came of it. */
const OF_ONE_RUN: readonly (keyof RunRecord)[] = ['timing', 'environment', 'warnings', 'skipped', 'files'];

/** The record in the folder of a finished run; undefined where there is none that can be read. */
export async function recordIn(out: string): Promise<RunRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as RunRecord;
  } catch {
    return undefined; // A search that goes on writes it anew.
  }
}

/** Whether two records tell of the same merge, on whatever machine and in whatever time it was made. */
export function saysTheSame(one: RunRecord, other: RunRecord): boolean {
  const lasting = (record: RunRecord) => {
    const copy = JSON.parse(JSON.stringify(record)) as Partial<RunRecord>;
    for (const key of OF_ONE_RUN) delete copy[key];
    return copy;
  };
  return isDeepStrictEqual(lasting(one), lasting(other));
}

/** Whether the files of a finished run are all there, and its weights as long as their headers say. */
export async function isWhole(out: string, { session }: RunContext): Promise<boolean> {
  try {
    const { shards } = await openCheckpoint(out);
    const report = await stat(join(out, 'report.html'));
    return report.size > 0 && isDeepStrictEqual(shards, session.set.base.checkpoint.shards);
  } catch {
    return false; // It is written anew.
  }
}
