import { assertModelFolder } from '../checkpoint/folder.js';
import { DfMergeError } from '../core/errors.js';
import type { RunOptions } from '../core/progress.js';
import { timed } from '../core/timing.js';
import { runMerge, type FisherSource, type MergeOutcome, type MergePlan } from '../engine/merge.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import type { MergeMethod } from '../methods/method.js';
import { methodNamed } from '../methods/index.js';
import { defaultsOf } from '../methods/parameter.js';
import { Warnings } from '../core/warnings.js';
import type { Recipe } from '../recipe/recipe.js';
import { prepareTasks, type PreparedTask, type PrepareOptions } from '../tasks/prepare.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { tokenizerOf } from '../tasks/tokenize.js';

/** What all the merges and evaluations of a run share. */
export interface RunContext {
  recipe: Recipe;
  /** The recipe's method. */
  method: MergeMethod;
  session: Session;
  /** The tasks of the recipe; empty where the run reads none. */
  tasks: readonly PreparedTask[];
  /** The digest of the tokenizer; absent where no task is read, or where the tokenizer has none. */
  tokenizer?: string;
  /** The digest of each model's Fisher file, where it has one; absent where they were not hashed. */
  fisherFiles?: readonly (string | undefined)[];
  /** What is odd about the run so far. */
  warnings: Warnings;
  /** Wall seconds that opening all this took. */
  loadSeconds: number;
}

/** Which parts of a recipe's tasks a run needs. */
export interface RunNeeds extends Pick<PrepareOptions, 'validationRatio' | 'scored'> {
  /** Whether Fishers are measured: by the method itself or by one that it is compared with. */
  fisher: boolean;
  /** What was odd before anything was opened. */
  warnings?: Warnings;
}

/** Opens the models of a recipe and prepares its tasks. Errors: those of Session.open and prepareTasks. */
export async function openRun(
  recipe: Recipe,
  needs: RunNeeds,
  options: RunOptions & ComputeOptions & DataOptions,
): Promise<RunContext> {
  const warnings = needs.warnings ?? new Warnings(options.onWarning);
  const { value, seconds } = await timed(async () => {
    for (const { path, written } of [recipe.baseModel, ...recipe.models]) await assertModelFolder(path, written);
    const models = recipe.models.map(({ path }) => path);
    const compute = { ...options, computeDtype: recipe.computeDtype };
    const onWarning = warnings.add;
    const session = await Session.open(recipe.baseModel.path, models, { ...compute, onWarning });
    try {
      return { session, ...(await tasksOf(session, recipe, { ...needs, ...options, onWarning })) };
    } catch (error) {
      session.close();
      throw error;
    }
  });
  return { ...value, recipe, warnings, method: methodNamed(recipe.mergeMethod), loadSeconds: seconds };
}

async function tasksOf(
  session: Session,
  { tasks, fisher, search }: Recipe,
  {
    fisher: measured,
    scored,
    validationRatio,
    cache,
    signal,
    onWarning,
  }: RunNeeds & DataOptions & Pick<RunOptions, 'signal' | 'onWarning'>,
): Promise<Pick<RunContext, 'tasks' | 'tokenizer'>> {
  if (tasks.length === 0 || (scored === 'no' && !measured)) return { tasks: [] };
  const tokenizer = await tokenizerOf(session);
  const prepared = await prepareTasks(session, tasks, {
    tokenizer,
    seed: search.seed,
    validationRatio,
    fisher: measured ? fisher : undefined,
    scored,
    cache,
    signal,
    onWarning,
  });
  return { tasks: prepared, ...(tokenizer.digest === undefined ? {} : { tokenizer: tokenizer.digest }) };
}

/**
 * How a method merges the models of a run. Fishers are measured where the method needs them. The recipe's choice of the place and of
 * parameters holds for the recipe's own method, and the defaults hold for others.
 * Errors: INVALID_RECIPE where a model has neither a task nor a file to take its Fisher from.
 */
export function mergePlan({ recipe, method: own, tasks }: RunContext, method: MergeMethod = own): MergePlan {
  const { needs } = method;
  const parameters = method === own ? recipe.parameters : defaultsOf(method.parameters, recipe.models.length);
  if (!needs.fisher) {
    const fisher = { at: 'model', fromFile: [] } as const;
    return { passes: (coefficients) => method.plan({ coefficients, parameters, fisher }), fishers: [] };
  }
  const fisher = {
    at: method === own ? recipe.fisher.at : needs.fisher.at,
    fromFile: recipe.models.map(({ fisher: file }) => file !== undefined),
  };
  const { mode, epsilon, minWeight } = recipe.fisher;
  const { seed } = recipe.search;
  const fishers = recipe.models.map(({ task: name, fisher: file, written }): FisherSource => {
    if (file) return { file: file.path };
    const inputs = tasks.find((task) => task.name === name)?.fisher?.rows;
    if (name !== undefined && inputs) return { task: name, inputs, seed, mode, epsilon, minWeight };
    throw new DfMergeError('INVALID_RECIPE', `${written}: its Fisher needs a task, and it has none`);
  });
  return { passes: (coefficients) => method.plan({ coefficients, parameters, fisher }), fishers };
}

/** Merges at coefficients by a plan of mergePlan's. The merged parameters become the session's. Errors: those of runMerge. */
export function mergeAt(
  { session }: RunContext,
  { plan, coefficients }: { plan: MergePlan; coefficients: readonly number[] },
  options: RunOptions = {},
): Promise<MergeOutcome> {
  const { signal, onProgress } = options;
  return runMerge(session, plan.passes(coefficients), { fishers: plan.fishers, signal, onProgress });
}
