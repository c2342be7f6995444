import { jsonText } from '../core/json.js';
import type { RunOptions } from '../core/progress.js';
import { sumOfSeconds, timed, totalSeconds, type Seconds } from '../core/timing.js';
import { VERSION } from '../core/version.js';
import { resolvedRecipe } from '../recipe/resolved.js';
import type { ComparisonRecord, Journal } from '../search/journal.js';
import type { SearchResult } from '../search/search.js';
import { scoreTasks, type Score, type TaskScores } from '../tasks/scores.js';
import { compare, idleModels, type Comparison } from './comparison.js';
import { mergeAt, mergePlan, type RunContext } from './context.js';
import { environmentRecord } from './environment.js';
import type { RunRecord, TaskRecord } from './record.js';

/** What the end of a run needs, where the coefficients are known. */
export interface FinishOptions extends RunOptions {
  out: string;
  overwrite?: boolean;
  coefficients: readonly number[];
  compare: readonly Comparison[];
  /** The search that found the coefficients, where there was one. */
  search?: SearchResult;
  /** The journal of that search. What an earlier process has evaluated is taken from it, and what is evaluated now is added. */
  journal?: Journal;
}

/**
 * Evaluates the comparisons, merges at the coefficients, evaluates the merge on every task and writes it, all at once, as a model folder
 * with `dfmerge.json` and `report.html`.
 */
export async function finishRun(context: RunContext, options: FinishOptions): Promise<RunRecord> {
  const { session, recipe, tasks } = context;
  const { coefficients, search } = options;
  const spent: Seconds[] = [{ load: context.loadSeconds }, search?.seconds ?? {}];
  const scored = tasks.filter(({ validation }) => validation);
  const comparisons = scored.length > 0 ? await compareAll(context, options, spent) : [];
  idleModels(recipe, comparisons).forEach(context.warnings.add);
  const { skipped, seconds } = await mergeAt(context, { plan: mergePlan(context), coefficients }, options);
  spent.push(seconds);
  const validation = await finalScores(context, { ...options, split: 'validation' }, spent);
  const test = await finalScores(context, { ...options, split: 'test' }, spent);
  const record = (): RunRecord => ({
    dfmerge: VERSION,
    method: recipe.mergeMethod,
    recipe: resolvedRecipe(recipe),
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
    tasks: scored.map(({ name }) => taskRecord(name, validation, test)),
    comparisons,
    ...(skipped ? { skipped } : {}),
    ...(context.warnings.messages.length > 0 ? { warnings: context.warnings.messages } : {}),
    timing: timingOf(spent),
  });
  return writeRun(context, options, { record, spent });
}

/** The records of all comparisons, in their order. */
async function compareAll(context: RunContext, options: FinishOptions, spent: Seconds[]): Promise<ComparisonRecord[]> {
  const { journal } = options;
  const records: ComparisonRecord[] = [];
  for (const name of options.compare) {
    const found = journal?.events.find((entry) => entry.event === 'compared' && entry.name === name);
    const kept = found?.event === 'compared' ? found : undefined;
    const { comparison, seconds } = kept ?? (await compare(context, name, options));
    if (!kept) journal?.append({ event: 'compared', name, comparison, seconds });
    records.push(comparison);
    spent.push(seconds);
  }
  return records;
}

/** The scores of the final merge, which the session holds. */
async function finalScores(
  { session, tasks }: RunContext,
  { split, coefficients, journal, ...options }: FinishOptions & { split: 'validation' | 'test' },
  spent: Seconds[],
): Promise<TaskScores> {
  // A search that was resumed with more iterations may end at other coefficients.
  const found = journal?.events.find(
    (entry) => entry.event === 'final' && entry.split === split && entry.coefficients.join() === coefficients.join(),
  );
  if (found?.event === 'final') {
    spent.push(found.seconds);
    return new Map(found.scores);
  }
  const { value: scores, seconds } = await timed(() => scoreTasks(session, { tasks, split }, options));
  spent.push({ evaluate: seconds });
  const entry = { split, coefficients: [...coefficients], scores: [...scores], seconds: { evaluate: seconds } };
  journal?.append({ event: 'final', ...entry });
  return scores;
}

async function writeRun(
  { session, recipe }: RunContext,
  options: FinishOptions,
  { record, spent }: { record: () => RunRecord; spent: Seconds[] },
): Promise<RunRecord> {
  const progress = (done: number) => options.onProgress?.({ phase: 'write', done, total: 1, subject: options.out });
  progress(0);
  // Loading the plots takes a good part of a second, which is not spent before there is something to plot.
  const { renderReport } = await import('../report/report.js');
  const start = performance.now();
  let written: RunRecord | undefined;
  const extraFiles = () => {
    spent.push({ write: (performance.now() - start) / 1000 });
    written = record();
    return { 'dfmerge.json': jsonText(written), 'report.html': renderReport(written) };
  };
  await session.write(options.out, { dtype: recipe.dtype, overwrite: options.overwrite, extraFiles }, options.signal);
  progress(1);
  return written as RunRecord;
}

function timingOf(spent: readonly Seconds[]): RunRecord['timing'] {
  const phases = sumOfSeconds(spent);
  return { totalSeconds: totalSeconds(phases), phases };
}

function taskRecord(name: string, validation: TaskScores, test: TaskScores): TaskRecord {
  const tested = test.get(name);
  return { name, validation: validation.get(name) as Score, ...(tested ? { test: tested } : {}) };
}
