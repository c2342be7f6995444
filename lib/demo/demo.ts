import { checkCall, FLAG, HANDLER, PATH, SEED, type Kind } from '../core/kinds.js';
import { availableParallelism } from 'node:os';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { whileLocked } from '../core/output_lock.js';
import { outputPath } from '../core/paths.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { architectures } from '../architectures/index.js';
import { checkComputeOptions, COMPUTE_KINDS, type ComputeOptions } from '../engine/session.js';
import { Pace } from '../core/pace.js';
import type { RunOptions } from '../core/progress.js';
import { sum } from '../core/statistics.js';
import { recipeForSearch } from '../recipe/read.js';
import { duration, percent } from '../report/format.js';
import { COMPARISONS } from '../run/comparison.js';
import type { RunRecord } from '../run/record.js';
import { search } from '../commands/search.js';
import { crossEvaluate, fineTuneChildren } from './children.js';
import { makeData, taskFiles, type MadeData } from './data.js';
import { DemoFolder } from './folder.js';
import { DemoCourse } from './course.js';
import { FULL_PLAN, type Plan } from './plan.js';
import { pretrain } from './pretrain.js';
import { recipeText } from './recipe.js';
import { makeTable, type DemoTable } from './table.js';

export { demoTable, type DemoRow, type DemoTable } from './table.js';

/** Options of the demo. */
export interface DemoOptions extends RunOptions, ComputeOptions {
  /** The folder for everything that is made: data/TASK, models/base, models/TASK, recipe.yaml, merged, and demo.json, which lists it. */
  out: string;
  /** Whether what an earlier demo made there is replaced. All other files stay; one that is in the way is kept as NAME.kept. */
  overwrite?: boolean;
  /** The seed of everything random. Default 1. */
  seed?: number;
  /** Is called with a line at the end of each stage, and with some in between. */
  log?: (line: string) => void;
  /** @internal How much is made and done, for tests. */
  plan?: Plan;
}

/** A stage of the demo. */
export type DemoPhase = 'data' | 'pretrain' | 'finetune' | 'evaluate' | 'search';

export interface DemoResult {
  /** The demo's folder, as an absolute path. */
  out: string;
  /** The path of the merged model's report.html. */
  report: string;
  /** The record of the search, as merged/dfmerge.json holds it. */
  record: RunRecord;
  /** The accuracies of every model on the test splits. */
  table: DemoTable;
  /** Wall time of the whole demo, in seconds. */
  seconds: number;
  /** Wall seconds by stage. */
  phases: Record<DemoPhase, number>;
}

const PLAN: Kind<object> = {
  expected: 'a plan',
  accepts: (value): value is object => typeof value === 'object' && value !== null,
};

const KINDS = { ...COMPUTE_KINDS, out: PATH, overwrite: FLAG, seed: SEED, log: HANDLER, plan: PLAN };

/**
 * Shows DF-Merge from nothing: makes small tasks, pre-trains a small T5 on plain text, fine-tunes a child of it per task, searches the
 * coefficients that merge the children best, and compares the merge with other methods. It downloads nothing, and the same seed gives the
 * same numbers whatever the number of threads.
 *
 * `threads` is the number of an engine's threads and, while children are fine-tuned on one thread each, the number of children at a time.
 * Errors: EXISTS, LOCKED, INVALID_ARGUMENT for `out`; those of train, finetune and search.
 */
export async function demo(options: DemoOptions): Promise<DemoResult> {
  checkCall('demo', options, { kinds: KINDS, needed: ['out'] });
  checkComputeOptions(options);
  const out = outputPath(options.out);
  await mkdir(dirname(out), { recursive: true });
  return whileLocked(out, () => demoIn(out, options));
}

async function demoIn(out: string, options: DemoOptions): Promise<DemoResult> {
  const { seed = 1, plan = FULL_PLAN, log = () => undefined } = options;
  const { signal, onProgress, computeDtype, device, batchMemory } = options;
  const threads = options.threads ?? availableParallelism();
  // The data is generated here, so that no run on another folder could use the cached token ids.
  const run = { signal, onProgress, computeDtype, device, batchMemory, threads, cache: false as const };
  const course = new DemoCourse(onProgress);
  const part = (stage: Exclude<DemoPhase, 'data'>) => ({ ...run, onProgress: course.of(stage) });
  const phases: Record<DemoPhase, number> = { data: 0, pretrain: 0, finetune: 0, evaluate: 0, search: 0 };
  const timed = async <T>(phase: DemoPhase, body: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await body();
    phases[phase] = (performance.now() - start) / 1000;
    return result;
  };
  const took = (phase: DemoPhase) => duration(phases[phase]);

  const { data, folder } = await timed('data', () => prepare(out, { ...options, seed, plan }));
  const tasks = data.tasks.map(({ skill }) => skill.name);
  log(
    `${tasks.length} tasks of ${count(plan.rows.train)} rows to learn from, ${count(plan.rows.validation)} to search with and ${count(plan.rows.test)} to test on:`,
  );
  for (const { skill, splits } of data.tasks)
    log(
      `  ${skill.name}: ${skill.question} "${splits.test[0].input}" ${splits.test[0].choices[splits.test[0].label ?? 0]}`,
    );

  const base = await timed('pretrain', () =>
    pretrain({ out: join(out, 'models/base'), data, plan, seed }, part('pretrain')),
  );
  await folder.made('models/base');
  const millions = (base.parameters / 1e6).toFixed(2);
  log(
    `Pre-trained a ${architectures()[0].title} of ${millions} M parameters on ${count(plan.stories)} generated texts: loss ${base.firstLoss.toFixed(2)} → ${base.lastLoss.toFixed(2)} in ${took('pretrain')}`,
  );

  const family = { out, tasks };
  const children = {
    plan: plan.finetuning,
    seed,
    atOnce: threads,
    onChild: (task: string, { step, accuracy }: { step: number; accuracy: number }) => {
      log(`  ${task}: ${percent(accuracy)} on its validation split after ${step} steps`);
      return folder.made(`models/${task}`);
    },
  };
  await timed('finetune', () => fineTuneChildren(family, children, { ...part('finetune'), threads: 1 }));
  log(`Fine-tuned a child per task in ${took('finetune')}`);
  const cross = await timed('evaluate', () => crossEvaluate(family, part('evaluate')));

  const record = await timed('search', () => searched(folder, { ...run, log }));
  log(
    `Searched ${record.trials.length} merges in ${took('search')}: ${record.models.map(({ task, coefficient }) => `λ(${task}) = ${coefficient.toFixed(2)}`).join(', ')}`,
  );
  await folder.end();
  const seconds = sum(Object.values(phases));
  return {
    out,
    report: join(out, 'merged/report.html'),
    record,
    table: makeTable(tasks, cross, record),
    seconds,
    phases,
  };
}

async function prepare(
  out: string,
  options: Pick<DemoOptions, 'overwrite' | 'onWarning' | 'signal'> & { seed: number; plan: Plan },
): Promise<{ data: MadeData; folder: DemoFolder }> {
  const { seed, plan, overwrite, onWarning, signal } = options;
  const pace = new Pace(signal);
  const data = await makeData(seed, plan, pace);
  const tasks = data.tasks.map(({ skill }) => skill.name);
  const files = new Map([[RECIPE, recipeText(tasks, plan.search, seed)]]);
  for (const task of data.tasks) for (const [name, text] of await taskFiles(task, pace)) files.set(name, text);
  const models = ['base', ...tasks].map((name) => `models/${name}`);
  const parts = [...files.keys(), ...models, 'merged', JOURNAL];
  const folder = await DemoFolder.open(out, { overwrite, parts, warn: onWarning });
  await folder.write(files);
  await mkdir(folder.path('models'), { recursive: true });
  return { data, folder };
}

/** Does what `dfmerge search recipe.yaml` does, with every comparison there is. */
async function searched(
  folder: DemoFolder,
  { log, ...run }: RunOptions & ComputeOptions & DataOptions & { log: (line: string) => void },
): Promise<RunRecord> {
  let highest = -1;
  try {
    const record = await search(recipeForSearch(folder.path(RECIPE)), {
      ...run,
      out: folder.path('merged'),
      compare: COMPARISONS,
      onTrial: ({ trial, objective }) => {
        if (objective <= highest) return;
        highest = objective;
        log(`  trial ${trial}: ${percent(objective)} mean validation accuracy, the best so far`);
      },
    });
    await folder.made('merged');
    return record;
  } catch (error) {
    // A journal with a trial of this search in it is this demo's.
    if (highest >= 0) await folder.made(JOURNAL).catch(() => undefined);
    throw error;
  }
}

const RECIPE = 'recipe.yaml';
const JOURNAL = 'merged.journal.jsonl';

const count = (n: number) => n.toLocaleString('en-US');
