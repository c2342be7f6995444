import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { native } from '../../bindings/index.js';
import { BayesianOptimizer } from '../bayes/index.js';
import { mergeCandidate, usesFisher, type Candidate } from '../run/candidate.js';
import { checkpointFingerprint } from '../checkpoint/fingerprint.js';
import { assertWritable } from '../checkpoint/write.js';
import { DEFAULT_COMPARISONS, GRID, type Comparison } from '../run/comparison.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { incumbentsOf, scoreTrial } from '../objectives/early_stopping.js';
import { DfMergeError } from '../core/errors.js';
import { productsOf } from '../commands/info.js';
import { openJournal, type Journal, type JournalHeader, type JournalTrial, type Json } from './journal.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import { finishRun } from '../run/output.js';
import { checkAborted, type RunOptions } from '../core/progress.js';
import type { Recipe, SearchRecipe } from '../recipe/recipe.js';
import { resolvedRecipe } from '../recipe/resolved.js';
import type { Phase } from '../core/timing.js';
import type { RunRecord, TrialRecord } from '../run/record.js';
import { prepareTasks, type PreparedTask } from '../tasks/prepare.js';
import { phasesSince, Stopwatch } from '../core/timing.js';
import { VERSION } from '../core/version.js';

/** Options of a search besides its recipe. */
export interface SearchOptions extends RunOptions, ComputeOptions, DataOptions {
  /** Folder of the merged model; made at the end, all at once. The journal lies beside it until then. */
  out: string;
  /** Go on with the journal of a search that was interrupted; without one, begin. */
  resume?: boolean;
  /** Replace the model folder `out`. */
  overwrite?: boolean;
  /** Other merges to evaluate beside the best one. Default: base, fine-tuned, average. */
  compare?: readonly Comparison[];
  /** Called after every trial, those read back from a journal included. */
  onTrial?: (trial: TrialRecord, best: TrialRecord, seconds: number) => void;
}

/**
 * DF-Merge (paper, section 3): looks for the coefficients λ whose merge has the highest mean validation accuracy, merges there once
 * more, evaluates and writes `out` with `dfmerge.json` and `report.html`. `gta` is the same without Fishers; `task_arithmetic` tries one λ
 * for all models, 0, 0.1 … 1.
 *
 * Every finished trial is on the disk before the next begins; a search that was killed at any moment goes on with `resume` to the
 * same bytes (but for wall times). Errors: INVALID_RECIPE, EXISTS, MISMATCH, NUMERIC, ABORTED and those of the parts.
 */
export async function search(written: SearchRecipe, options: SearchOptions): Promise<RunRecord> {
  const recipe = { ...written, computeDtype: options.dtype ?? written.computeDtype };
  const out = resolve(options.out);
  if (options.resume && !existsSync(journalPath(out)) && existsSync(join(out, 'dfmerge.json')))
    return finishedRecord(out);
  await mkdir(dirname(out), { recursive: true });
  await assertWritable(out, { overwrite: options.overwrite || (options.resume && existsSync(journalPath(out))) });
  const stopwatch = new Stopwatch();
  const model = await stopwatch.time('load', () =>
    Session.open(
      recipe.baseModel.path,
      recipe.models.map(({ path }) => path),
      { ...options, dtype: recipe.computeDtype },
    ),
  );
  try {
    const tasks = await stopwatch.time('load', () =>
      prepareTasks(model, recipe, { ...needed(recipe), cache: options.cache }),
    );
    const journal = openJournal(
      journalPath(out),
      await stopwatch.time('load', () => journalHeader(model, { recipe, tasks, options })),
      { resume: options.resume, absent: ABSENT },
    );
    try {
      const { trials, best } = await runTrials({ model, recipe, tasks, stopwatch }, { journal, options });
      const record = await finishRun(
        { model, recipe, tasks, stopwatch },
        {
          ...options,
          out,
          overwrite: options.overwrite || options.resume,
          coefficients: best.coefficients,
          trials,
          best,
          compare: options.compare ?? DEFAULT_COMPARISONS,
        },
      );
      journal.close();
      await rm(journalPath(out), { force: true });
      return record;
    } finally {
      journal.close();
    }
  } finally {
    model.close();
  }
}

/** The journal of a search into `out`: one line per trial. */
export function journalPath(out: string): string {
  return `${resolve(out)}.journal.jsonl`;
}

/** The loop: ask → (per task: θ0 + λ_i τ_i, Fisher, fold) → merge → evaluate → tell. The best trial is the first of equals, never a stopped one. */
async function runTrials(
  candidate: Candidate,
  { journal, options }: { journal: Journal; options: SearchOptions },
): Promise<{ trials: TrialRecord[]; best: TrialRecord }> {
  const { model, recipe, tasks, stopwatch } = candidate;
  const proposals = proposalsOf(recipe);
  const trials: TrialRecord[] = [];
  let best: TrialRecord | undefined;
  const finish = (trial: TrialRecord, seconds: number) => {
    trials.push(trial);
    if (!best || (!trial.stopped && trial.objective > best.objective)) best = trial; // the first is never stopped: there is no best to miss
    proposals.tell(trial);
    options.onTrial?.(trial, best, seconds);
  };
  for (const trial of journal.trials.slice(0, proposals.total)) {
    stopwatch.add(trial.phases as Record<Phase, number>);
    finish(trialRecord(trial), trial.seconds);
  }
  for (let trial = trials.length + 1; trial <= proposals.total; trial++) {
    checkAborted(options.signal);
    const before = { ...stopwatch.seconds };
    const run: RunOptions = {
      signal: options.signal,
      onProgress: (event) => options.onProgress?.({ ...event, trial }),
    };
    run.onProgress?.({ phase: 'search', done: trial - 1, total: proposals.total });
    const coefficients = await stopwatch.time('suggest', async () => proposals.ask(trial));
    const notes = await mergeCandidate(candidate, recipe.mergeMethod, coefficients, run);
    const incumbents = incumbentsOf(trials, best, recipe.search);
    const score = await stopwatch.time('evaluate', () => scoreTrial(model, tasks, incumbents, run));
    const record: TrialRecord = { trial, coefficients, ...score, ...notes };
    const phases = phasesSince(stopwatch.seconds, before);
    const seconds = Object.values(phases).reduce((a, b) => a + b, 0);
    journal.append({ ...record, seconds, phases });
    finish(record, seconds);
  }
  options.onProgress?.({ phase: 'search', done: proposals.total, total: proposals.total });
  if (!best) throw new DfMergeError('INVALID_RECIPE', 'a search needs at least one trial');
  return { trials, best };
}

/** Which coefficients to try next. */
interface Proposals {
  total: number;
  ask(trial: number): number[];
  tell(trial: TrialRecord): void;
}

function proposalsOf({ mergeMethod, models, search: settings }: Recipe): Proposals {
  if (mergeMethod === 'task_arithmetic') {
    return { total: GRID.length, ask: (trial) => models.map(() => GRID[trial - 1]), tell: () => undefined };
  }
  const { seed, acquisition, xi, kappa, init, iterations, optimizer, bounds } = settings;
  // Averaging's coefficients first: a search then never ends below them on its own objective, and good coefficients are seldom far.
  const first =
    optimizer === 'default' ? models.map(() => Math.min(bounds[1], Math.max(bounds[0], 1 / models.length))) : undefined;
  const bayes = new BayesianOptimizer({
    bounds: models.map(() => bounds),
    seed,
    acquisition,
    xi,
    kappa,
    init: Math.max(1, init),
    mode: optimizer,
  });
  return {
    total: init + iterations,
    ask: (trial) => (trial === 1 && first) || bayes.ask(),
    tell: ({ coefficients, objective }) => bayes.tell(coefficients, objective),
  };
}

function needed({ mergeMethod, fisher, search: { seed, validationRatio } }: SearchRecipe) {
  return { seed, validationRatio, fisher: usesFisher(mergeMethod) ? fisher : undefined, scored: 'yes' as const };
}

/** What a header's missing keys stand for. */
const ABSENT = { 'recipe.compute_dtype': 'float32' };

/** All that decides the numbers of a search; the count of iterations does not, so that a search can be gone on with for longer. */
async function journalHeader(
  model: Session,
  { recipe, tasks, options }: { recipe: SearchRecipe; tasks: readonly PreparedTask[]; options: SearchOptions },
): Promise<JournalHeader> {
  const resolved = resolvedRecipe(recipe);
  const searchSettings: Partial<typeof resolved.search> = { ...resolved.search };
  delete searchSettings.iterations;
  if (!recipe.search.earlyStopping) {
    // As before there was such a thing: journals of that time are gone on with.
    delete searchSettings.early_stopping;
    delete searchSettings.early_stopping_margin;
  }
  const data = tasks.map(({ name, validation, test, fisher }) => [
    name,
    { validation: validation?.digest, test: test?.digest, fisher: fisher?.split.digest },
  ]);
  const models: string[] = [];
  for (const member of [model.set.base, ...model.set.models])
    models.push(await checkpointFingerprint(member.checkpoint));
  const header = {
    version: VERSION,
    seed: recipe.search.seed,
    recipe: { ...resolved, search: searchSettings },
    data: Object.fromEntries(data) as Record<string, Json>,
    models,
    isa: native().info().isa,
    ...productsOf(model),
    ...(options.batchMemory === undefined ? {} : { batchMemory: options.batchMemory }),
  };
  return JSON.parse(JSON.stringify(header)) as JournalHeader; // without the undefined
}

function trialRecord({
  trial,
  coefficients,
  objective,
  accuracy,
  correct,
  stopped,
  rowsSeen,
  skipped,
}: JournalTrial): TrialRecord {
  const early = stopped === true ? { stopped, rowsSeen: rowsSeen as Record<string, number> } : {};
  const notes = skipped === undefined ? {} : { skipped: skipped as TrialRecord['skipped'] };
  return { trial, coefficients, objective, accuracy, correct: correct as Record<string, string>, ...early, ...notes };
}

async function finishedRecord(out: string): Promise<RunRecord> {
  return JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as RunRecord;
}
