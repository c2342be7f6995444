import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { assertWritable } from '../checkpoint/write.js';
import { DfMergeError } from '../core/errors.js';
import { Warnings } from '../core/warnings.js';
import { timed } from '../core/timing.js';
import type { ComputeOptions } from '../engine/session.js';
import { methodNamed } from '../methods/index.js';
import { TaskAccuracy } from '../objectives/task_accuracy.js';
import type { SearchRecipe } from '../recipe/recipe.js';
import {
  comparesWithFisher,
  DEFAULT_COMPARISONS,
  plannedComparisons,
  checkScorable,
  type Comparison,
} from '../run/comparison.js';
import { mergePlan, openRun, type RunContext } from '../run/context.js';
import { journalHeader } from '../run/journal_header.js';
import { finishRun } from '../run/output.js';
import type { RunRecord } from '../run/record.js';
import { checkSettings } from '../run/settings.js';
import { openJournal } from '../search/journal.js';
import { proposalsOf } from '../search/proposals.js';
import { searchCoefficients, type SearchParts } from '../search/search.js';
import type { SearchEvents } from '../search/trial.js';
import type { DataOptions } from '../tasks/prepared_split.js';

/** Options of a search besides its recipe. */
export interface SearchOptions extends SearchEvents, ComputeOptions, DataOptions {
  /** The folder of the merged model, which is made at the end and all at once. The journal lies beside it until then. */
  out: string;
  /** Whether to go on with the journal of a search that was interrupted. Where there is no journal, the search begins anew. */
  resume?: boolean;
  /** Whether the model folder `out` is replaced. */
  overwrite?: boolean;
  /** Other merges to evaluate beside the best one. The default is base, fine-tuned and average. */
  compare?: readonly Comparison[];
}

/**
 * Searches the coefficients of a merge (searchCoefficients tells how), merges at the best once more, evaluates and writes `out` with
 * `dfmerge.json` and `report.html`. The recipe's method decides what is proposed and how it is merged: Bayesian optimisation over a coefficient
 * per model, or a grid of one coefficient for all of them.
 *
 * Every trial, comparison and final evaluation is on the disk before the next begins; a search that was killed at any moment goes on with
 * `resume` to the same bytes, except for wall times. Errors: INVALID_RECIPE, EXISTS, MISMATCH, NUMERIC, ABORTED and those of the parts.
 */
export async function search(written: SearchRecipe, options: SearchOptions): Promise<RunRecord> {
  const recipe = { ...written, computeDtype: options.dtype ?? written.computeDtype };
  checkSettings(recipe, options);
  const out = resolve(options.out);
  const resumes = options.resume && existsSync(journalPath(out));
  if (options.resume && !resumes && existsSync(join(out, 'dfmerge.json'))) return finishedRecord(out);
  await mkdir(dirname(out), { recursive: true });
  await assertWritable(out, { overwrite: options.overwrite || resumes });
  const warnings = new Warnings(options.onWarning);
  const compare = plannedComparisons(recipe, { asked: options.compare, usual: DEFAULT_COMPARISONS }, warnings.add);
  const fisher = methodNamed(recipe.mergeMethod).needs.fisher !== undefined || comparesWithFisher(compare);
  const { validationRatio } = recipe.search;
  const opened = await openRun(recipe, { fisher, validationRatio, scored: 'yes', warnings }, options);
  try {
    checkScorable(opened, compare);
    const { value: journal, seconds } = await timed(async () =>
      openJournal(journalPath(out), await journalHeader(opened, options), { resume: options.resume }),
    );
    try {
      const context = { ...opened, loadSeconds: opened.loadSeconds + seconds };
      const found = await searchCoefficients({ ...partsOf(context), journal }, options);
      const { coefficients } = found.best;
      const overwrite = options.overwrite || options.resume;
      const record = await finishRun(context, {
        ...options,
        out,
        overwrite,
        coefficients,
        search: found,
        compare,
        journal,
      });
      journal.close();
      await rm(journalPath(out), { force: true });
      return record;
    } finally {
      journal.close();
    }
  } finally {
    opened.session.close();
  }
}

/** The path of the journal of a search into `out`, which has a line per event. */
export function journalPath(out: string): string {
  return `${resolve(out)}.journal.jsonl`;
}

function partsOf(context: RunContext): SearchParts {
  const { session, recipe, method, tasks } = context;
  if (!method.search)
    throw new DfMergeError('INVALID_RECIPE', `merge_method ${method.name} leaves nothing to search for`);
  const { earlyStopping, earlyStoppingMargin } = recipe.search;
  return {
    session,
    proposals: proposalsOf(method.search, { models: recipe.models.length, settings: recipe.search }),
    plan: mergePlan(context),
    objective: new TaskAccuracy(session, tasks, earlyStopping ? { margin: earlyStoppingMargin } : undefined),
  };
}

async function finishedRecord(out: string): Promise<RunRecord> {
  return JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as RunRecord;
}
