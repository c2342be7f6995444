import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkCall, DATA_KINDS, FLAG, listOf, oneOf, PATH, SEED } from '../core/kinds.js';
import type { RunOptions } from '../core/progress.js';
import { Pace } from '../core/pace.js';
import { timed } from '../core/timing.js';
import { Warnings } from '../core/warnings.js';
import { COMPUTE_KINDS, Session, type ComputeOptions } from '../engine/session.js';
import { methodNamed } from '../methods/index.js';
import {
  checkRecipeInput,
  recipeForMerge,
  recipeForSearch,
  type RecipeInput,
  type RecipeOptions,
} from '../recipe/read.js';
import type { Recipe } from '../recipe/recipe.js';
import { resolvedRecipe, type ResolvedRecipe } from '../recipe/resolved.js';
import {
  checkScorable,
  COMPARISONS,
  comparesWithFisher,
  DEFAULT_COMPARISONS,
  plannedComparisons,
  type Comparison,
} from '../run/comparison.js';
import type { RunContext } from '../run/context.js';
import { estimateTime, type TimeEstimate } from '../run/estimate.js';
import { checkFisherFiles } from '../run/fisher_files.js';
import { checkOutput, preflight, type PlannedRun } from '../run/preflight.js';
import { checkedModels, type CheckedModel } from '../run/checked_models.js';
import type { RunRoom } from '../run/room.js';
import { Problems, type Problem } from '../run/problems.js';
import { placeOf } from '../recipe/places.js';
import { checkSearchable } from '../tasks/degenerate.js';
import { describeTask, type TaskDescription } from '../tasks/describe.js';
import { prepareTasks, type PreparedTask } from '../tasks/prepare.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { loadSplit, SPLITS, type SplitName } from '../tasks/rows.js';
import { tokenizerOf } from '../tasks/tokenize.js';

/** Options of `check`. */
export interface CheckOptions extends RunOptions, ComputeOptions, DataOptions, RecipeOptions {
  /** What the recipe is for. By default it is a search where it can be one, and else a merge. */
  purpose?: 'search' | 'merge';
  /** The folder that the run would write; without it nothing is checked about the output. */
  out?: string;
  overwrite?: boolean;
  /** What the run would be compared with; the default is the run's own. */
  compare?: readonly Comparison[];
  /** Whether a merge would be evaluated, as in `merge`. */
  evaluate?: boolean;
  /** In place of the recipe's seed. */
  seed?: number;
  /** Whether the time is measured, which takes a few seconds. The default is true. */
  time?: boolean;
}

const KINDS = {
  ...COMPUTE_KINDS,
  ...DATA_KINDS,
  folder: PATH,
  purpose: oneOf(['search', 'merge']),
  out: PATH,
  overwrite: FLAG,
  compare: listOf(COMPARISONS),
  evaluate: FLAG,
  seed: SEED,
  time: FLAG,
};

/** What a run would do, and all that keeps it from being done. */
export interface CheckResult {
  purpose: 'search' | 'merge';
  /** Everything that is wrong; the run can be done where the list is empty. */
  problems: Problem[];
  /** What is odd and not wrong. */
  warnings: string[];
  /** Absent where the recipe cannot be read. */
  recipe?: ResolvedRecipe;
  /** The base and then the models; empty where they do not make a set. */
  models: CheckedModel[];
  tasks: TaskDescription[];
  /** The folder of the tokenizer. */
  tokenizer?: string;
  compare: string[];
  memory?: RunRoom['memory'];
  disk?: RunRoom['disk'];
  time?: TimeEstimate;
}

/**
 * Checks a recipe and everything that a run of it reads and writes, without running it: all problems are collected, and nothing is written but
 * token ids that are kept between runs.
 * @param input a path of a recipe, or its keys as an object
 * Errors: INVALID_ARGUMENT for what is no recipe and for options; the reason of a signal that has fired and those that are defects; what is wrong with the run is in the result.
 */
export async function check(input: string | RecipeInput | Recipe, options: CheckOptions = {}): Promise<CheckResult> {
  checkCall('check', options, { kinds: KINDS });
  checkRecipeInput('check', input);
  const problems = new Problems();
  const warnings = new Warnings(options.onWarning);
  const result: CheckResult = {
    purpose: options.purpose ?? 'search',
    problems: problems.list,
    warnings: [],
    models: [],
    tasks: [],
    compare: [],
  };
  const read = await readFor(input, options, problems);
  if (read) {
    const { recipe, purpose } = read;
    if (options.seed !== undefined) recipe.search.seed = options.seed;
    recipe.computeDtype = options.computeDtype ?? recipe.computeDtype;
    Object.assign(result, { purpose, recipe: resolvedRecipe(recipe) });
    await checkRun({ recipe, result, warnings, problems }, options);
  }
  return { ...result, warnings: warnings.messages };
}

async function readFor(
  input: string | RecipeInput | Recipe,
  options: CheckOptions,
  problems: Problems,
): Promise<{ recipe: Recipe; purpose: 'search' | 'merge' } | undefined> {
  if (typeof input === 'object' && 'mergeMethod' in input) {
    const recipe = { ...input, search: { ...input.search } };
    const weighted = recipe.models.every((model) => 'coefficient' in model);
    return { recipe, purpose: options.purpose ?? (weighted ? 'merge' : 'search') };
  }
  const reading = { search: recipeForSearch, merge: recipeForMerge };
  const wanted = options.purpose ? [options.purpose] : (['search', 'merge'] as const);
  const attempts: Problems[] = [];
  for (const purpose of wanted) {
    const attempt = new Problems();
    const recipe = await attempt.attempt('', () => reading[purpose](input, { folder: options.folder }));
    if (recipe) return { recipe, purpose };
    attempts.push(attempt);
  }
  // A recipe that is neither is told by what is fewer to mend.
  attempts.sort((a, b) => a.list.length - b.list.length);
  problems.list.push(...(attempts[0]?.list ?? []));
  return undefined;
}

interface Checking {
  recipe: Recipe;
  result: CheckResult;
  warnings: Warnings;
  problems: Problems;
}

async function checkRun({ recipe, result, warnings, problems }: Checking, options: CheckOptions): Promise<void> {
  const { purpose } = result;
  const usual = purpose === 'search' ? DEFAULT_COMPARISONS : [];
  const compare =
    (await problems.attempt('', () => plannedComparisons(recipe, { asked: options.compare, usual }, warnings.add))) ??
    [];
  const { evaluate } = options;
  const scored = purpose === 'search' ? 'yes' : evaluate === undefined ? 'where labelled' : evaluate ? 'yes' : 'no';
  const out = options.out === undefined ? undefined : resolve(options.out);
  const run: PlannedRun = { recipe, out, overwrite: options.overwrite, compare, scored };
  const { set, parameters = 0, room } = await preflight(run, { ...options, onWarning: warnings.add }, problems);
  await checkOutput(run, problems);
  Object.assign(result, { compare, ...room });
  if (!set) return;
  const written = [recipe.baseModel, ...recipe.models].map(({ written: model }, i) => ({
    model,
    task: i > 0 ? recipe.models[i - 1].task : undefined,
  }));
  result.models = checkedModels(set, written, parameters);
  if (set.tokenizerDir !== undefined) result.tokenizer = set.tokenizerDir;
  const { memory } = room ?? {};
  if (memory && memory.needed > memory.total) return;
  const opened = await problems.attempt('', () =>
    timed(() =>
      Session.open(
        recipe.baseModel.path,
        recipe.models.map(({ path }) => path),
        { ...options, computeDtype: recipe.computeDtype, onWarning: warnings.add },
      ),
    ),
  );
  if (!opened) return;
  const session = opened.value;
  try {
    const { value: tasks, seconds } = await timed(() => tasksOf(session, run, { warnings, problems, options }));
    const pace = new Pace(options.signal);
    for (const task of tasks) result.tasks.push(await describeTask(task, pace));
    const method = methodNamed(recipe.mergeMethod);
    const context: RunContext = { recipe, method, session, tasks, warnings, loadSeconds: opened.seconds + seconds };
    const coefficients = recipe.models.flatMap((model) =>
      'coefficient' in model && typeof model.coefficient === 'number' ? [model.coefficient] : [],
    );
    const use = { compare, ...(coefficients.length === recipe.models.length ? { coefficients } : {}) };
    await problems.attempt('', () => checkFisherFiles(context, use, { ...options, problems }));
    if (tasks.length < recipe.tasks.length || problems.list.length > 0) return;
    await problems.attempt('', () => checkScorable(context, compare));
    const subsets = tasks.flatMap(({ subset }) => (subset ? [subset.rows] : []));
    if (purpose === 'search') await problems.attempt('', () => checkSearchable(subsets, pace));
    if (options.time === false || problems.list.length > 0) return;
    const asked = { compare, search: purpose === 'search', parameters };
    const time = await problems.attempt('', () => estimateTime(context, asked, options));
    if (time) result.time = time;
  } finally {
    session.close();
  }
}

/** The tasks that can be read; what is wrong with the others is told for each of them. */
async function tasksOf(
  session: Session,
  { recipe, scored, compare }: PlannedRun,
  { warnings, problems, options }: { warnings: Warnings; problems: Problems; options: CheckOptions },
): Promise<PreparedTask[]> {
  const measured =
    methodNamed(recipe.mergeMethod).needs.fisher !== undefined || comparesWithFisher(compare)
      ? recipe.models.some(({ fisher }) => !fisher)
      : false;
  if (recipe.tasks.length === 0 || (scored === 'no' && !measured)) return [];
  const tokenizer = await problems.attempt('', () => tokenizerOf(session));
  if (!tokenizer) return [];
  const prepared: PreparedTask[] = [];
  for (const task of recipe.tasks) {
    const one = await problems.attempt(placeOf(recipe, ['tasks', task.name, 'data']), () =>
      prepareTasks(session, [task], {
        tokenizer,
        seed: recipe.search.seed,
        validationRatio: recipe.search.validationRatio,
        fisher: measured ? recipe.fisher : undefined,
        scored,
        cache: options.cache,
        signal: options.signal,
        onWarning: warnings.add,
      }),
    );
    if (one) prepared.push(...one);
    else await tellOtherFiles(task, { scored, fisher: measured ? recipe.fisher.split : undefined }, problems);
  }
  return prepared;
}

/** Tells what is wrong with the rows of a task's other files, where one of them ended its preparation. */
async function tellOtherFiles(
  { path }: Recipe['tasks'][number],
  { scored, fisher }: Pick<PlannedRun, 'scored'> & { fisher: SplitName | undefined },
  problems: Problems,
): Promise<void> {
  const found = new Problems();
  for (const split of SPLITS) {
    const isScored = scored !== 'no' && split !== 'train';
    if ((isScored || split === fisher) && existsSync(join(path, `${split}.jsonl`)))
      await found.attempt('', () => loadSplit(path, split, { needLabels: isScored && scored === 'yes' }));
  }
  const told = new Set(problems.list.map(({ message }) => message));
  problems.list.push(...found.list.filter(({ message }) => !told.has(message)));
}
