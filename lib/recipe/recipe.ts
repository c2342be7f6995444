import type { ComputeDtype } from '../../bindings/index.js';
import type { AcquisitionName, OptimizerMode } from '../bayes/index.js';
import type { OutputDtype } from '../checkpoint/write.js';
import type { MethodName, SearchMethodName } from '../methods/index.js';
import type { ParameterValues } from '../methods/parameter.js';
import type { FisherPlace } from '../methods/method.js';
import type { FisherRows } from '../tasks/prepare.js';

export const ACQUISITIONS = ['ei', 'logei', 'ucb'] as const satisfies readonly AcquisitionName[];

export const OPTIMIZERS = ['default', 'bayes_opt'] as const satisfies readonly OptimizerMode[];

/** Below this ε a product with a coefficient and a small change of a weight underflows in float32, and what is left is 0/0 or noise. */
export const LEAST_EPSILON = 1e-30;

/** A file or folder that a recipe names: where it is, and how the user wrote it, for reports, which must not depend on the machine. */
export interface RecipePath {
  /** The absolute path; relative ones are resolved against the recipe's folder. */
  path: string;
  /** The path as it stands in the recipe. */
  written: string;
}

/** A file with a Fisher. */
export interface RecipeFisher extends RecipePath {
  /** Whether it is used although it was measured at another model, coefficient or mode than the merge needs; that is warned of then. */
  force?: true;
}

/** One fine-tuned model, whose folder is `path`. */
export interface RecipeModel extends RecipePath {
  /** The name in `Recipe.tasks` of the task that it was fine-tuned for. No two models share one. */
  task?: string;
  /** What the recipe says of the method's parameters for this model, here or for all models; absent where it says nothing. */
  parameters?: Readonly<Record<string, number>>;
  /** A file of `dfmerge fisher` to use instead of measuring. */
  fisher?: RecipeFisher;
}

/** A model of a recipe that was checked for merging. */
export interface MergeModel extends RecipeModel {
  /** The λ of the method's formula, which the method makes out of its parameters. */
  coefficient: number;
}

/** One task; `path` is the folder of its `train.jsonl`, `validation.jsonl`, `test.jsonl`. */
export interface RecipeTask extends RecipePath {
  name: string;
}

/** How the diagonal Fisher of each model is measured on the inputs of its task (paper, eq. 2-3). */
export interface FisherSettings extends FisherRows {
  /** The place that the merge method names, unless the recipe names another. */
  at: FisherPlace;
  /** Is added to every entry, so that a division by a sum of Fishers is always defined. */
  epsilon: number;
  /** Choices of a lower p̃ are skipped, except for the likeliest one of an input; 0 skips none. */
  minWeight: number;
}

/** How the coefficients are searched (METHOD §4). */
export interface SearchSettings {
  acquisition: AcquisitionName;
  /** The exploration margin of EI and LogEI. */
  xi: number;
  /** The exploration weight of UCB. */
  kappa: number;
  /** How many trials there are before the model of the objective is trusted. */
  init: number;
  /** How many trials there are after those. */
  iterations: number;
  /** The part of each validation split that scores a trial, in (0, 1]. */
  validationRatio: number;
  /** Whether a candidate that can no longer come up to the best is scored no further. */
  earlyStopping: boolean;
  /** By how many percentage points of mean accuracy it must certainly miss the best for that. */
  earlyStoppingMargin: number;
  /** The seed of everything random in a run: the Fisher's inputs, the validation subset and the optimiser. */
  seed: number;
  optimizer: OptimizerMode;
  /** The lower and the upper limit of every coefficient. */
  bounds: [lower: number, upper: number];
}

/** A recipe that was read and checked, with every default filled in and every path absolute. */
export interface Recipe {
  /** The absolute path of the folder that its relative paths start in. */
  folder: string;
  /** The file that it was read from; absent where it was given as an object. */
  file?: string;
  mergeMethod: MethodName;
  /** The base θ0. */
  baseModel: RecipePath;
  /** The models θ_1 … θ_M, in the order of the coefficients. */
  models: RecipeModel[];
  /** The tasks in the recipe's order; empty where the recipe has none. */
  tasks: RecipeTask[];
  fisher: FisherSettings;
  search: SearchSettings;
  /** Every parameter of the method, with its default where the recipe gives none. Those that a search looks for are absent in its recipe. */
  parameters: ParameterValues;
  /** The dtype of the weights that are written. */
  dtype: OutputDtype;
  /** The dtype of matrix products' operands, unless ComputeOptions.computeDtype gives another. */
  computeDtype: ComputeDtype;
}

/** What `recipeForMerge` returns. */
export interface MergeRecipe extends Recipe {
  models: MergeModel[];
}

/** What `recipeForSearch` returns: no model has a weight, and every task is there. */
export interface SearchRecipe extends Recipe {
  mergeMethod: SearchMethodName;
}
