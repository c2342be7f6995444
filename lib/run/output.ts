import { mergeCard } from '../card/merge_card.js';
import { originOf } from '../card/origin.js';
import type { Overwrite } from '../checkpoint/write.js';
import type { ManifestFiles } from '../core/manifest.js';
import { inStage } from '../core/course.js';
import type { RunOptions } from '../core/progress.js';
import { Pace } from '../core/pace.js';
import { sumOfSeconds, totalSeconds, type Seconds } from '../core/timing.js';
import { VERSION } from '../core/version.js';
import { folderForRecord } from '../recipe/record_folder.js';
import { resolvedRecipe } from '../recipe/resolved.js';
import type { MergeOutcome } from '../engine/merge.js';
import { partOfJournal, type Journal } from '../search/journal.js';
import type { ComparisonRecord } from '../search/journal_event.js';
import type { SearchResult } from '../search/search.js';
import type { PreparedTask } from '../tasks/prepare.js';
import type { Score, TaskScores } from '../tasks/scores.js';
import { compare, idleModels, toScore, type Comparison } from './comparison.js';
import { FINE_TUNED_LABEL } from './labels.js';
import { mergeAt, mergePlan, type RunContext } from './context.js';
import { environmentRecord } from './environment.js';
import { isWhole, saysTheSame } from './finished.js';
import { journalPart } from './journal_header.js';
import { keptScores, once, type Prepared } from './kept_scores.js';
import type { RunRecord, TaskRecord } from './record.js';

/** The journal of a finished search, in its folder. */
export const JOURNAL_FILE = 'journal.jsonl';

/** What the end of a run needs, where the coefficients are known. */
export interface FinishOptions extends RunOptions {
  out: string;
  overwrite?: Overwrite;
  coefficients: readonly number[];
  compare: readonly Comparison[];
  /** The search that found the coefficients, where there was one. */
  search?: SearchResult;
  /** The journal of that search. What an earlier process has evaluated is taken from it, and what is evaluated now is added. */
  journal?: Journal;
  /** The record that `out` has already: where the journal holds everything and this is what it says, nothing is merged and written again. */
  finished?: RunRecord;
}

/**
 * Evaluates the comparisons, merges at the coefficients, evaluates the merge on every task and writes it, all at once, as a model folder
 * with `dfmerge.json`, `report.html` and a model card, and with the journal of a search.
 */
export async function finishRun(context: RunContext, options: FinishOptions): Promise<RunRecord> {
  const { session, recipe, tasks } = context;
  const { coefficients, search, journal, finished } = options;
  const spent: Seconds[] = [{ load: context.loadSeconds }, search?.seconds ?? {}];
  const scored = tasks.filter(({ validation }) => validation);
  const comparisons: ComparisonRecord[] = [];
  for (const name of scored.length > 0 ? options.compare : []) {
    const { comparison, seconds } = await compare(context, name, options);
    comparisons.push(comparison);
    spent.push(seconds);
  }
  idleModels(recipe, comparisons).forEach(context.warnings.add);
  let outcome: MergeOutcome | undefined;
  const merged = once(async () => {
    outcome = await mergeAt(context, { plan: mergePlan(context), coefficients }, inStage(options, 'merge'));
    spent.push(outcome.seconds);
    return { seconds: {} };
  });
  const validation = await finalScores(context, { ...options, split: 'validation', merged }, spent);
  const test = await finalScores(context, { ...options, split: 'test', merged }, spent);
  const recipeFolder = await folderForRecord(options.out, recipe.folder);
  const record = (): RunRecord => ({
    dfmerge: VERSION,
    method: recipe.mergeMethod,
    recipe: resolvedRecipe(recipe),
    recipeFolder,
    seed: recipe.search.seed,
    environment: environmentRecord(session),
    models: recipe.models.map(({ written, task }, i) => ({
      model: written,
      ...(task === undefined ? {} : { task }),
      coefficient: coefficients[i],
    })),
    coefficients: [...coefficients],
    trials: search?.trials ?? [],
    ...(search && search.failed.length > 0 ? { failed: search.failed } : {}),
    ...(search ? { best: { trial: search.best.trial, objective: search.best.objective } } : {}),
    tasks: scored.map((task) => taskRecord(task, validation, test)),
    comparisons,
    ...(outcome?.skipped ? { skipped: outcome.skipped } : {}),
    ...(context.warnings.messages.length > 0 ? { warnings: context.warnings.messages } : {}),
    timing: timingOf(spent),
  });
  if (finished && journal && !journal.grew && (await isWhole(options.out, context)) && saysTheSame(finished, record()))
    return finished;
  await merged();
  return writeRun(context, options, { record, spent });
}

/** The scores of the final merge, which `merged` puts into the session where some are not in the journal. */
async function finalScores(
  context: RunContext,
  { split, coefficients, journal, merged, ...options }: FinalOptions,
  spent: Seconds[],
): Promise<TaskScores> {
  // A search that was resumed with more iterations may end at other coefficients, which make another part.
  const part = journal && partOfJournal(journal, journalPart(context, 'final', { split, coefficients }));
  const work = toScore(context, split, merged);
  const { scores, seconds } = await keptScores(context.session, { work, journal: part }, inStage(options, split));
  spent.push(seconds);
  return scores;
}

interface FinalOptions extends FinishOptions {
  split: 'validation' | 'test';
  merged: () => Promise<Prepared>;
}

async function writeRun(
  { session, recipe, method }: RunContext,
  options: FinishOptions,
  { record, spent }: { record: () => RunRecord; spent: Seconds[] },
): Promise<RunRecord> {
  const progress = (done: number) =>
    options.onProgress?.({ stage: 'writing', phase: 'write', done, total: 1, subject: options.out });
  progress(0);
  // Loading the plots takes a good part of a second, which is not spent before there is something to plot.
  const { numbersInSteps, renderRun } = await import('../report/report.js');
  const numbers = await new Pace(options.signal).finish(numbersInSteps(record()));
  const start = performance.now();
  let written: RunRecord | undefined;
  const extraFiles = () => {
    spent.push({ write: (performance.now() - start) / 1000 });
    written = record();
    return {
      'report.html': renderRun(written, numbers),
      ...(options.journal ? { [JOURNAL_FILE]: options.journal.bytes() } : {}),
    };
  };
  const { overwrite, onWarning } = options;
  const { architecture, base, models } = session.set;
  const origins = [await originOf(base.dir, base.checkpoint.config)];
  for (const { dir } of models) origins.push(await originOf(dir));
  const card = () => {
    const run = written as RunRecord;
    const fineTuned = run.comparisons.find(({ label }) => label === FINE_TUNED_LABEL);
    return mergeCard(run, { method, architecture, origins, fineTuned });
  };
  const recorded = (files: ManifestFiles) => (written = { ...(written as RunRecord), files });
  const folder = { dtype: recipe.dtype, overwrite, extraFiles, card, record: recorded, onWarning };
  await session.write(options.out, folder, options.signal);
  progress(1);
  return written as RunRecord;
}

function timingOf(spent: readonly Seconds[]): RunRecord['timing'] {
  const phases = sumOfSeconds(spent);
  return { totalSeconds: totalSeconds(phases), phases };
}

function taskRecord(task: PreparedTask, validation: TaskScores, test: TaskScores): TaskRecord {
  const { name } = task;
  const tested = test.get(name);
  const digest = task.validation?.digest;
  const data =
    digest === undefined ? {} : { data: { validation: digest, ...(task.test ? { test: task.test.digest } : {}) } };
  return { name, validation: validation.get(name) as Score, ...(tested ? { test: tested } : {}), ...data };
}
