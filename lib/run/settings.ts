import { OptimizerError } from '../bayes/index.js';
import { numberOption, seedOption, wholeOption } from '../core/arguments.js';
import { DfMergeError } from '../core/errors.js';
import { checkComputeOptions, type ComputeOptions } from '../engine/session.js';
import { methodNamed } from '../methods/index.js';
import { LEAST_EPSILON, type Recipe } from '../recipe/recipe.js';
import { proposalsOf } from '../search/proposals.js';

/**
 * Checks the numbers of a run before anything is opened: those of its options, and those of a recipe that a program may have changed since it
 * was read. Errors: INVALID_ARGUMENT, INVALID_RECIPE naming the setting; UNSUPPORTED.
 */
export function checkSettings(recipe: Recipe, options: ComputeOptions): void {
  checkComputeOptions(options);
  const { search, models } = recipe;
  seedOption(search.seed);
  wholeOption('search.init', search.init, { least: 1 });
  wholeOption('search.iterations', search.iterations, { least: 0 });
  numberOption('search.validationRatio', search.validationRatio, { least: 0, most: 1 });
  numberOption('search.earlyStoppingMargin', search.earlyStoppingMargin, { least: 0, most: 100 });
  numberOption('fisher.epsilon', recipe.fisher.epsilon, { least: LEAST_EPSILON });
  const method = methodNamed(recipe.mergeMethod);
  if (!method.search) return;
  try {
    proposalsOf(method.search, { models: models.length, settings: search });
  } catch (error) {
    if (!(error instanceof OptimizerError)) throw error;
    throw new DfMergeError('INVALID_RECIPE', `search: ${error.message}`, { cause: error });
  }
}
