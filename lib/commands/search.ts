import { checkArgument, checkCall, DATA_KINDS, FLAG, HANDLER, listOf, PATH } from '../core/kinds.js';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { outputPath } from '../core/paths.js';
import { assertWritable, type Overwrite } from '../checkpoint/write.js';
import { assertFolderSpares } from '../core/inputs.js';
import { Course, inStage } from '../core/course.js';
import { DfMergeError } from '../core/errors.js';
import { Pace } from '../core/pace.js';
import { lockOutput } from '../core/output_lock.js';
import { realTarget } from '../core/real_path.js';
import { removeAbandoned } from '../core/temporary.js';
import { Warnings } from '../core/warnings.js';
import { timed } from '../core/timing.js';
import { COMPUTE_KINDS, type ComputeOptions } from '../engine/session.js';
import { methodNamed } from '../methods/index.js';
import { TaskAccuracy } from '../objectives/task_accuracy.js';
import { searchRecipeOf, type RecipeInput } from '../recipe/read.js';
import type { SearchRecipe } from '../recipe/recipe.js';
import {
  COMPARISONS,
  comparesWithFisher,
  DEFAULT_COMPARISONS,
  plannedComparisons,
  checkScorable,
  type Comparison,
} from '../run/comparison.js';
import { mergePlan, openRun, type RunContext } from '../run/context.js';
import { checkFisherFiles } from '../run/fisher_files.js';
import { headerNames, inputDigests, journalHeader } from '../run/journal_header.js';
import { recipeInputs } from '../run/inputs.js';
import { assertRunnable } from '../run/preflight.js';
import { recordIn } from '../run/finished.js';
import { finishRun, JOURNAL_FILE } from '../run/output.js';
import type { RunRecord } from '../run/record.js';
import { comparisonsAskedFor, openJournal, type Journal } from '../search/journal.js';
import { checkSettings } from '../run/settings.js';
import { plannedStages } from '../run/stages.js';
import { proposalsOf } from '../search/proposals.js';
import { searchCoefficients, type SearchParts } from '../search/search.js';
import type { SearchEvents } from '../search/trial.js';
import { checkSearchable } from '../tasks/degenerate.js';
import type { DataOptions } from '../tasks/prepared_split.js';

/** Options of a search besides its recipe. */
export interface SearchOptions extends SearchEvents, ComputeOptions, DataOptions {
  /** The folder of the merged model, which is made at the end and all at once. The journal lies beside it until then, and in it from then on. */
  out: string;
  /**
   * Whether to go on with the journal of an earlier search, interrupted or finished; that search's own `out` is replaced. Where there is no
   * journal, the search begins anew.
   */
  resume?: boolean;
  /**
   * Whether to go on as with `resume` where lines of the journal are damaged: from the last line before them. A copy of the damaged journal is
   * kept beside it.
   */
  repair?: boolean;
  /** Whether the model folder `out` is replaced. */
  overwrite?: boolean;
  /** Other merges to evaluate beside the best one. The default is those that a resumed search was asked for, else base, fine-tuned and average. */
  compare?: readonly Comparison[];
}

const KINDS = {
  ...COMPUTE_KINDS,
  ...DATA_KINDS,
  out: PATH,
  overwrite: FLAG,
  resume: FLAG,
  repair: FLAG,
  onTrial: HANDLER,
  onFailure: HANDLER,
  compare: listOf(COMPARISONS),
};

/**
 * Searches the coefficients of a merge (searchCoefficients tells how), merges at the best once more, evaluates and writes `out` with
 * `dfmerge.json` and `report.html`. The recipe's method decides what is proposed and how it is merged: Bayesian optimisation over a coefficient
 * per model, or a grid of one coefficient for all of them.
 *
 * Every trial and every task of a comparison or a final evaluation is on the disk before the next begins; a search that was killed at any
 * moment goes on with `resume` to the same bytes, except for wall times. A finished one goes on too, where more iterations, comparisons or
 * another dtype of the output are asked for, and is returned as it is where nothing is. One process at a time writes to `out`.
 * Errors: INVALID_RECIPE, EXISTS, MISMATCH, INVALID_DATA (a damaged journal), LOCKED, NUMERIC and those of the parts.
 */
export async function search(given: SearchRecipe | RecipeInput | string, options: SearchOptions): Promise<RunRecord> {
  checkCall('search', options, { kinds: KINDS, needed: ['out'] });
  const written = searchRecipeOf(given);
  const recipe = { ...written, computeDtype: options.computeDtype ?? written.computeDtype };
  checkSettings(recipe, options);
  const out = outputPath(options.out);
  await assertFolderSpares(out, await recipeInputs(recipe));
  await assertRunnable({ recipe, out, compare: options.compare ?? [], scored: 'yes' }, options);
  await mkdir(dirname(out), { recursive: true });
  const lock = await lockOutput(out);
  try {
    // A finished search that is given again writes nothing, and ends all the same what a killed one left to be cleared up.
    const target = await realTarget(out);
    await removeAbandoned(dirname(target), { own: target, warn: options.onWarning });
    return await searchInto(out, recipe, options);
  } finally {
    await lock.release();
  }
}

async function searchInto(out: string, written: SearchRecipe, given: SearchOptions): Promise<RunRecord> {
  const course = new Course(given.onProgress);
  const options = { ...given, onProgress: course.report };
  const earlier = options.resume || options.repair ? await earlierSearch(out) : {};
  const overwrite: Overwrite = earlier.inside ? 'unlisted' : options.overwrite || earlier.journal !== undefined;
  await assertWritable(out, { overwrite });
  const recipe = withIterationsOf(earlier.finished, written, options);
  const askedBefore = earlier.journal === undefined ? undefined : comparisonsAskedFor(earlier.journal);
  const warnings = new Warnings(options.onWarning);
  const asked = options.compare ?? askedBefore;
  const compare = plannedComparisons(recipe, { asked, usual: DEFAULT_COMPARISONS }, warnings.add);
  const fisher = methodNamed(recipe.mergeMethod).needs.fisher !== undefined || comparesWithFisher(compare);
  const { validationRatio } = recipe.search;
  const opened = await openRun(recipe, { fisher, validationRatio, scored: 'yes', warnings }, options);
  let journal: Journal | undefined;
  try {
    checkScorable(opened, compare);
    const subsets = opened.tasks.flatMap(({ subset }) => (subset ? [subset.rows] : []));
    await checkSearchable(subsets, new Pace(options.signal));
    course.plan(plannedStages(opened, { compare, search: true, hashes: true }));
    const { value: digests, seconds } = await timed(() => inputDigests(opened, options));
    await checkFisherFiles(opened, { compare }, { ...options, checkpoints: digests.checkpoints });
    const context = { ...opened, loadSeconds: opened.loadSeconds + seconds, fisherFiles: digests.fisherFiles };
    journal = openJournal(journalPath(out), journalHeader(context, digests), {
      ...options,
      finished: join(out, JOURNAL_FILE),
      names: headerNames(context),
    });
    for (const event of journal.events) {
      if (event.event !== 'told' || event.part !== undefined) continue;
      const { trial, outcome, seconds: took } = event;
      course.learn(trial, outcome.stopped ? { ...took, evaluate: undefined } : took);
    }
    noteComparisons(journal, options.compare);
    const found = await searchCoefficients({ ...partsOf(context), journal }, inStage(options, 'trials'));
    const { coefficients } = found.best;
    const { finished } = earlier;
    const ending = { ...options, out, overwrite, coefficients, search: found, compare, journal, finished };
    const record = await finishRun(context, ending);
    journal.close();
    await rm(journalPath(out), { force: true });
    return record;
  } finally {
    journal?.close();
    opened.session.close();
  }
}

/** The path of the journal of a search into `out`, which has a line per event. It lies there until the search has finished. */
export function journalPath(out: string): string {
  checkArgument('journalPath', ['out', out], PATH);
  return `${resolve(out)}.journal.jsonl`;
}

/** What an earlier search into `out` left. */
interface EarlierSearch {
  /** The journal to go on with. */
  journal?: string;
  /** Whether that journal lies in the folder, which is then dfmerge's own. */
  inside?: boolean;
  /** The record of a finished one. */
  finished?: RunRecord;
}

async function earlierSearch(out: string): Promise<EarlierSearch> {
  const beside = journalPath(out);
  const inside = join(out, JOURNAL_FILE);
  // Killed between finishing the folder and removing the journal beside it, a search has left both.
  if (existsSync(beside) && existsSync(inside) && (await readFile(beside)).equals(await readFile(inside)))
    await rm(beside);
  if (existsSync(beside)) return { journal: beside };
  return existsSync(inside) ? { journal: inside, inside: true, finished: await recordIn(out) } : {};
}

/** Keeps what a run was asked for, so that it need not be said again where the run is resumed. */
function noteComparisons(journal: Journal, names: readonly Comparison[] | undefined): void {
  if (!names) return;
  const last = journal.events.findLast((event) => event.event === 'comparisons');
  const same = last?.event === 'comparisons' && last.names.join() === names.join();
  if (!same) journal.append({ event: 'comparisons', names: [...names] });
}

/** A search that has finished with more iterations than are asked for stays as it is. */
function withIterationsOf(
  finished: RunRecord | undefined,
  recipe: SearchRecipe,
  { out, onWarning }: SearchOptions,
): SearchRecipe {
  const { iterations } = recipe.search;
  const had = finished?.recipe?.search?.iterations;
  if (typeof had !== 'number' || had <= iterations) return recipe;
  onWarning?.(`the search in ${out} has ${had} iterations, and stays as it is where ${iterations} are asked for`);
  return { ...recipe, search: { ...recipe.search, iterations: had } };
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
