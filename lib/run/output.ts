import { mergeCandidate, type Candidate } from './candidate.js';
import { bitsets, compare, type Comparison } from './comparison.js';
import type { Evaluation } from '../engine/evaluate.js';
import { environmentRecord } from '../commands/info.js';
import type { RunOptions } from '../core/progress.js';
import { resolvedRecipe } from '../recipe/resolved.js';
import type { ComparisonRecord, RunRecord, Score, TaskRecord, TrialRecord } from './record.js';
import { evaluateTasks, type PreparedTask } from '../tasks/prepare.js';
import { VERSION } from '../core/version.js';

/** The end of a run: the coefficients are known. */
export interface FinishOptions extends RunOptions {
  out: string;
  overwrite?: boolean;
  coefficients: readonly number[];
  trials: TrialRecord[];
  best?: TrialRecord;
  compare: readonly Comparison[];
}

/**
 * Evaluates the comparisons, merges at the coefficients, evaluates the merge on every task and writes it, all at once, as a model folder
 * with `dfmerge.json` and `report.html`.
 */
export async function finishRun(candidate: Candidate, options: FinishOptions): Promise<RunRecord> {
  const { model, recipe, tasks, stopwatch } = candidate;
  const comparisons: ComparisonRecord[] = [];
  const scored = tasks.filter(({ validation }) => validation);
  if (scored.length > 0)
    for (const comparison of options.compare) comparisons.push(await compare(candidate, comparison, options));
  const notes = await mergeCandidate(candidate, recipe.mergeMethod, options.coefficients, options);
  const validation = await stopwatch.time('evaluate', () => evaluateTasks(model, tasks, 'validation', options));
  const test = await stopwatch.time('evaluate', () => evaluateTasks(model, tasks, 'test', options));
  const record = (): RunRecord => ({
    dfmerge: VERSION,
    method: recipe.mergeMethod,
    recipe: resolvedRecipe(recipe),
    seed: recipe.search.seed,
    environment: environmentRecord(model),
    models: recipe.models.map(({ written, task }, i) => ({
      model: written,
      ...(task === undefined ? {} : { task }),
      coefficient: options.coefficients[i],
    })),
    coefficients: [...options.coefficients],
    trials: options.trials,
    ...(options.best ? { best: { trial: options.best.trial, objective: options.best.objective } } : {}),
    tasks: scored.map((task) => taskRecord(task, validation, test)),
    comparisons,
    ...notes,
    timing: { totalSeconds: stopwatch.total, phases: { ...stopwatch.seconds } },
  });
  return writeRun(candidate, options, record);
}

async function writeRun(
  { model, recipe, stopwatch }: Candidate,
  options: FinishOptions,
  record: () => RunRecord,
): Promise<RunRecord> {
  const progress = (done: number) => options.onProgress?.({ phase: 'write', done, total: 1, subject: options.out });
  progress(0);
  // Loading the plots takes a good part of a second: not before there is something to plot.
  const { renderReport } = await import('../report/report.js');
  const start = performance.now();
  let written: RunRecord | undefined;
  const extraFiles = () => {
    stopwatch.seconds.write += (performance.now() - start) / 1000;
    written = record();
    return { 'dfmerge.json': `${JSON.stringify(written, null, 2)}\n`, 'report.html': renderReport(written) };
  };
  await model.write(options.out, { dtype: recipe.dtype, overwrite: options.overwrite, extraFiles }, options.signal);
  progress(1);
  return written as RunRecord;
}

function taskRecord(
  { name }: PreparedTask,
  validation: ReadonlyMap<string, Evaluation>,
  test: ReadonlyMap<string, Evaluation>,
): TaskRecord {
  const tested = test.get(name);
  return { name, validation: score(validation, name), ...(tested ? { test: score(test, name) } : {}) };
}

function score(results: ReadonlyMap<string, Evaluation>, name: string): Score {
  const { accuracy, examples } = results.get(name) as Evaluation;
  return { accuracy, examples, correct: bitsets(results)[name] };
}
