import { lstat, rename } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../core/atomic_write.js';
import { DfMergeError } from '../core/errors.js';
import { fileError, readBytes } from '../core/files.js';
import { assertFileSpares } from '../core/inputs.js';
import { jsonText } from '../core/json.js';
import { checkCall, FLAG, PATH } from '../core/kinds.js';
import { isUnchanged, type ManifestFiles } from '../core/manifest.js';
import { writeOutputLines } from '../core/output_file.js';
import { whileLocked } from '../core/output_lock.js';
import { tildeAdvice } from '../core/paths.js';
import { Pace } from '../core/pace.js';
import type { RunOptions } from '../core/progress.js';
import { numbersInSteps, type RunNumbers } from '../report/numbers.js';
import type { RunRecord } from '../run/record.js';
import { hasRecord, readRun, runFolder } from '../run/recorded_run.js';
import { unfinishedRecord } from '../run/unfinished.js';
import { journalPath } from './search.js';

/** Options of `report`. */
export interface ReportOptions extends Pick<RunOptions, 'signal' | 'onWarning'> {
  /** The folder that a search or a merge has written, or its dfmerge.json; or the `out` of a search that has not finished. */
  run: string;
  /** The page's file. By default the report.html of the folder is made anew. */
  out?: string;
  /** Whether `out` may replace a file. */
  overwrite?: boolean;
}

/** What a report tells, in numbers. */
export interface ReportResult {
  /** The page that was written. */
  report: string;
  /** False for a search that has not finished: the numbers are those of its trials so far. */
  finished: boolean;
  /** What the numbers are taken from. */
  record: RunRecord;
  numbers: RunNumbers;
}

const REPORT_FILE = 'report.html';

const KINDS = { run: PATH, out: PATH, overwrite: FLAG };

/**
 * Renders the page of a run again, from its dfmerge.json alone: where dfmerge has learned to show more, where the page was lost, or, with `out`,
 * somewhere else. In the folder, it takes the place of report.html as a whole and dfmerge.json lists it; a report.html that was changed by hand is
 * kept under another name. A search that has not finished is rendered with the trials so far, and only to `out`.
 * Errors: NOT_FOUND; INVALID_DATA for a damaged record or journal; INVALID_ARGUMENT for an unfinished search without `out`; LOCKED while
 * something writes the folder; EXISTS, IO.
 */
export async function report(options: ReportOptions): Promise<ReportResult> {
  checkCall('report', options, { kinds: KINDS, needed: ['run'] });
  const { run, out, overwrite, signal, onWarning } = options;
  const dir = await runFolder(run);
  const going = existsSync(journalPath(dir));
  if (!(await hasRecord(dir))) {
    if (!going) throw nothingThere(run, dir);
    return await reportUnfinished(dir, options);
  }
  if (going)
    onWarning?.(
      `a search goes on beyond this record, or was interrupted: ${journalPath(dir)} has its trials, which dfmerge search --resume brings in`,
    );
  if (out === undefined) return whileLocked(dir, () => renewReport(dir, options));
  const { record, file } = await readRun(dir);
  await assertFileSpares(out, [
    { path: file, what: 'the record' },
    { path: dir, what: 'the run', reads: isOther },
  ]);
  const { renderRun } = await import('../report/report.js');
  const numbers = await new Pace(signal).finish(numbersInSteps(record));
  await writeOutputLines(out, [renderRun(record, numbers)], { overwrite, signal });
  return { report: out, finished: true, record, numbers };
}

/** In a run's folder only its report may be written. */
function isOther(name: string): boolean {
  return name !== REPORT_FILE;
}

function nothingThere(run: string, dir: string): DfMergeError {
  const there = existsSync(dir) ? 'it has no dfmerge.json' : 'there is no such folder';
  return new DfMergeError(
    'NOT_FOUND',
    `${run} is no run: ${there}, and no journal ${journalPath(dir)} lies beside it${tildeAdvice(run)}`,
  );
}

async function reportUnfinished(dir: string, { out, overwrite, signal }: ReportOptions): Promise<ReportResult> {
  const record = unfinishedRecord(journalPath(dir));
  const done = record.trials.length + (record.failed?.length ?? 0);
  if (out === undefined)
    throw new DfMergeError(
      'INVALID_ARGUMENT',
      `the search into ${dir} has not finished (${done} trials so far), and there is no folder for its report yet: --out FILE (out) shows what there is`,
    );
  await assertFileSpares(out, [{ path: journalPath(dir), what: 'the journal' }]);
  const { renderUnfinished } = await import('../report/report.js');
  const numbers = await new Pace(signal).finish(numbersInSteps(record));
  await writeOutputLines(out, [renderUnfinished(record, numbers)], { overwrite, signal });
  return { report: out, finished: false, record, numbers };
}

/** Makes the report.html of a folder whose lock is held, and lists it in dfmerge.json. */
async function renewReport(dir: string, { signal, onWarning }: ReportOptions): Promise<ReportResult> {
  const { record, file } = await readRun(dir);
  const { renderRun } = await import('../report/report.js');
  const numbers = await new Pace(signal).finish(numbersInSteps(record));
  const page = Buffer.from(renderRun(record, numbers));
  const path = join(dir, REPORT_FILE);
  const entry = { bytes: page.length, sha256: createHash('sha256').update(page).digest('hex') };
  const found = await lstat(path).catch(() => undefined);
  const same = found?.isFile() && (await readBytes(path)).equals(page);
  try {
    if (!same) {
      if (found && !(await isUnchanged(path, record.files?.[REPORT_FILE]))) await keep(path, onWarning);
      await writeFileAtomic(path, page);
    }
    const listed = record.files?.[REPORT_FILE];
    if (listed?.sha256 !== entry.sha256 || listed.bytes !== entry.bytes)
      await writeFileAtomic(file, jsonText({ ...record, files: withEntry(record.files ?? {}, entry) }));
  } catch (error) {
    throw fileError(error, `cannot write ${path}`);
  }
  return { report: path, finished: true, record, numbers };
}

/** Moves away a page that is not as dfmerge wrote it. */
async function keep(path: string, onWarning: RunOptions['onWarning']): Promise<void> {
  for (let number = 1; ; number++) {
    const kept = number === 1 ? `${path}.kept` : `${path}.kept-${number}`;
    if (existsSync(kept)) continue;
    await rename(path, kept);
    onWarning?.(`${path}, which dfmerge did not write as it was, is kept as ${kept}`);
    return;
  }
}

function withEntry(files: ManifestFiles, entry: ManifestFiles[string]): ManifestFiles {
  const all = Object.entries({ ...files, [REPORT_FILE]: entry });
  return Object.fromEntries(all.sort(([one], [other]) => (one < other ? -1 : 1)));
}
