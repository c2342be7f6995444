import { checkCall, DATA_KINDS, FLAG, listOf, PATH } from '../core/kinds.js';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { outputPath } from '../core/paths.js';
import { assertWritable } from '../checkpoint/write.js';
import { assertFolderSpares } from '../core/inputs.js';
import { whileLocked } from '../core/output_lock.js';
import { Course } from '../core/course.js';
import type { RunOptions } from '../core/progress.js';
import { COMPUTE_KINDS, type ComputeOptions } from '../engine/session.js';
import { methodNamed } from '../methods/index.js';
import { mergeRecipeOf, type RecipeInput } from '../recipe/read.js';
import type { MergeRecipe } from '../recipe/recipe.js';
import {
  COMPARISONS,
  comparesWithFisher,
  plannedComparisons,
  checkScorable,
  type Comparison,
} from '../run/comparison.js';
import { openRun } from '../run/context.js';
import { checkFisherFiles } from '../run/fisher_files.js';
import { finishRun } from '../run/output.js';
import { recipeInputs } from '../run/inputs.js';
import { assertRunnable } from '../run/preflight.js';
import type { RunRecord } from '../run/record.js';
import { isOfSearch, warnOfOtherInputs } from '../run/searched_inputs.js';
import { checkSettings } from '../run/settings.js';
import { plannedStages } from '../run/stages.js';
import type { DataOptions } from '../tasks/prepared_split.js';

/** Options of a merge besides its recipe. */
export interface MergeOptions extends RunOptions, ComputeOptions, DataOptions {
  /** The folder of the merged model, which is made at the end and all at once. */
  out: string;
  /** Whether the model folder `out` is replaced. */
  overwrite?: boolean;
  /** Whether the merged model is evaluated on the recipe's tasks, which then need labels. By default it is on those that have them. */
  evaluate?: boolean;
  /** Other merges to evaluate beside it. By default there are none. */
  compare?: readonly Comparison[];
}

const KINDS = {
  ...COMPUTE_KINDS,
  ...DATA_KINDS,
  out: PATH,
  overwrite: FLAG,
  evaluate: FLAG,
  compare: listOf(COMPARISONS),
};

/**
 * Merges once, at the coefficients of a recipe (paper, eq. 7), and writes a model folder with `dfmerge.json` and `report.html`.
 * Errors: INVALID_RECIPE, EXISTS, LOCKED, MISMATCH, NUMERIC and those of the parts.
 */
export async function merge(given: MergeRecipe | RecipeInput | string, options: MergeOptions): Promise<RunRecord> {
  checkCall('merge', options, { kinds: KINDS, needed: ['out'] });
  const written = mergeRecipeOf(given);
  const recipe = { ...written, computeDtype: options.computeDtype ?? written.computeDtype };
  checkSettings(recipe, options);
  const out = outputPath(options.out);
  await assertFolderSpares(out, await recipeInputs(recipe));
  await assertRunnable({ recipe, out, compare: options.compare ?? [], scored: scoredBy(options) }, options);
  await mkdir(dirname(out), { recursive: true });
  return whileLocked(out, () => mergeInto(out, recipe, options));
}

async function mergeInto(out: string, recipe: MergeRecipe, given: MergeOptions): Promise<RunRecord> {
  const course = new Course(given.onProgress);
  const options = { ...given, onProgress: course.report };
  await assertWritable(out, options);
  const compare = plannedComparisons(recipe, { asked: options.compare, usual: [] });
  const usesFisher = methodNamed(recipe.mergeMethod).needs.fisher !== undefined || comparesWithFisher(compare);
  const needs = {
    fisher: usesFisher && recipe.models.some(({ fisher }) => !fisher),
    validationRatio: 1,
    scored: scoredBy(options),
  } as const;
  const context = await openRun(recipe, needs, options);
  try {
    checkScorable(context, compare);
    const hashes = recipe.models.some(({ fisher }) => fisher !== undefined) || isOfSearch(recipe);
    course.plan(plannedStages(context, { compare, search: false, hashes }));
    const coefficients = recipe.models.map(({ coefficient }) => coefficient);
    await checkFisherFiles(context, { coefficients, compare }, options);
    await warnOfOtherInputs(context, options);
    return await finishRun(context, { ...options, out, coefficients, compare });
  } finally {
    context.session.close();
  }
}

function scoredBy(options: MergeOptions): 'where labelled' | 'yes' | 'no' {
  return options.evaluate === undefined ? 'where labelled' : options.evaluate ? 'yes' : 'no';
}
