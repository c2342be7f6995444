import { basename, resolve } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { assertFileSpares } from '../core/inputs.js';
import { checkCall, FLAG, PATH, type Kind } from '../core/kinds.js';
import { Pace } from '../core/pace.js';
import { assertFileWritable, writeOutputLines } from '../core/output_file.js';
import type { RunOptions } from '../core/progress.js';
import { sideBySideInSteps, type NamedRun, type SideBySide } from '../report/side_by_side.js';
import { readRun, runFolder } from '../run/recorded_run.js';

/** Options of `compareRuns`. */
export interface CompareRunsOptions extends Pick<RunOptions, 'signal' | 'onWarning'> {
  /** Two or more folders that searches or merges have written, or their dfmerge.json. The others are tested against the first. */
  runs: readonly string[];
  /** A file that gets a page with the comparison. By default there is none. */
  out?: string;
  /** Whether `out` may replace a file. */
  overwrite?: boolean;
}

const RUNS: Kind<readonly string[]> = {
  expected: 'two or more paths',
  accepts: (value): value is readonly string[] =>
    Array.isArray(value) && value.length > 1 && value.every((entry) => typeof entry === 'string' && entry !== ''),
};

const KINDS = { runs: RUNS, out: PATH, overwrite: FLAG };

/**
 * Sets finished runs side by side: accuracies with intervals, what is kept of the fine-tuned models, coefficients, and paired tests of each later
 * run against the first, on the rows that both were scored on. Tasks of which runs were scored on different rows are told apart by the digests in
 * the records, and said. Nothing is computed anew, and no model is read.
 * Errors: INVALID_ARGUMENT for fewer than two runs or a run given twice; those of reading a record; EXISTS, IO for `out`.
 */
export async function compareRuns(options: CompareRunsOptions): Promise<SideBySide> {
  checkCall('compareRuns', options, { kinds: KINDS, needed: ['runs'] });
  const { runs: paths, out, overwrite, signal } = options;
  const dirs = await Promise.all(paths.map(runFolder));
  const twice = dirs.findIndex((dir, index) => dirs.indexOf(dir) !== index);
  if (twice >= 0) throw new DfMergeError('INVALID_ARGUMENT', `${paths[twice]} is given twice; expected different runs`);
  if (out !== undefined) await assertFileWritable(out, { overwrite });
  const runs: NamedRun[] = [];
  for (const [index, dir] of dirs.entries()) {
    const { record, file } = await readRun(dir);
    if (out !== undefined)
      await assertFileSpares(out, [
        { path: file, what: 'the record' },
        { path: dir, what: 'the run' },
      ]);
    runs.push({ name: nameOf(paths, index), path: paths[index], record });
  }
  const compared = await new Pace(signal).finish(sideBySideInSteps(runs));
  if (out !== undefined) {
    const { renderSideBySide } = await import('../report/side_by_side_page.js');
    await writeOutputLines(out, [renderSideBySide(runs, compared)], { overwrite, signal });
  }
  return compared;
}

/** A run's name in tables: its folder's, or the whole path where another folder has that name too. */
function nameOf(paths: readonly string[], index: number): string {
  const names = paths.map((path) =>
    basename(path) === 'dfmerge.json' ? basename(resolve(path, '..')) : basename(resolve(path)),
  );
  return names.filter((name) => name === names[index]).length === 1 ? names[index] : paths[index];
}
