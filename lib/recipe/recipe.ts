import type { ComputeDtype } from '../../bindings/index.js';
import type { MethodName, SearchMethodName } from '../methods/index.js';
import type { ParameterValues } from '../methods/parameter.js';
import type { FisherPlace } from '../methods/method.js';
import type { FisherRows } from '../tasks/prepare.js';

export const ACQUISITIONS = ['ei', 'logei', 'ucb'] as const;
export type Acquisition = (typeof ACQUISITIONS)[number];

export const OPTIMIZERS = ['default', 'bayes_opt'] as const;
export type OptimizerMode = (typeof OPTIMIZERS)[number];

export const OUTPUT_DTYPES = ['float32', 'float16', 'bfloat16'] as const;
export type OutputDtype = (typeof OUTPUT_DTYPES)[number];

/** A file or folder a recipe names: where it is, and how the user wrote it (for reports, which must not depend on the machine). */
export interface RecipePath {
  /** Absolute; relative paths are resolved against the recipe's folder. */
  path: string;
  /** As it stands in the recipe. */
  written: string;
}

/** One fine-tuned model; `path` is its folder. */
export interface RecipeModel extends RecipePath {
  /** The task it was fine-tuned for: a name in `Recipe.tasks`. No two models share one. */
  task?: string;
  /** What the recipe says of the method's parameters for this model, here or for all models; absent where it says nothing. */
  parameters?: Readonly<Record<string, number>>;
  /** A `fisher.safetensors` to use instead of measuring. */
  fisher?: RecipePath;
}

/** A model of a recipe that was checked for merging. */
export interface MergeModel extends RecipeModel {
  /** λ of the method's formula, which the method makes out of its parameters. */
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
  /** Added to every entry, so that a division by a sum of Fishers is always defined. */
  epsilon: number;
  /** Choices of a lower p̃ are skipped, except for the likeliest one of an input; 0 skips none. */
  minWeight: number;
}

/** How the coefficients are searched (METHOD §4). */
export interface SearchSettings {
  acquisition: Acquisition;
  /** Exploration margin of EI and LogEI. */
  xi: number;
  /** Exploration weight of UCB. */
  kappa: number;
  /** Trials before the model of the objective is trusted. */
  init: number;
  /** Trials after those. */
  iterations: number;
  /** Part of each validation split that scores a trial, in (0, 1]. */
  validationRatio: number;
  /** Whether a candidate that can no longer come up to the best is scored no further. */
  earlyStopping: boolean;
  /** By how many percentage points of mean accuracy it must fail to. */
  earlyStoppingMargin: number;
  /** Of everything random in a run: the Fisher's inputs, the validation subset, the optimiser. */
  seed: number;
  optimizer: OptimizerMode;
  /** Lower and upper limit of every coefficient. */
  bounds: [lower: number, upper: number];
}

/** A recipe that was read and checked: every default filled in, every path absolute. */
export interface Recipe {
  mergeMethod: MethodName;
  /** θ0. */
  baseModel: RecipePath;
  /** θ_1 … θ_M, in the order of the coefficients. */
  models: RecipeModel[];
  /** In the recipe's order; empty where the recipe has none. */
  tasks: RecipeTask[];
  fisher: FisherSettings;
  search: SearchSettings;
  /** Every parameter of the method, with its default where the recipe gives none. Those that a search looks for are absent in its recipe. */
  parameters: ParameterValues;
  /** Of the weights that are written. */
  dtype: OutputDtype;
  /** Of matrix products' operands; ComputeOptions.dtype goes before it. */
  computeDtype: ComputeDtype;
}

/** What `recipeForMerge` returns. */
export interface MergeRecipe extends Recipe {
  models: MergeModel[];
}

/** What `recipeForSearch` returns: no model has a weight, every task is there. */
export interface SearchRecipe extends Recipe {
  mergeMethod: SearchMethodName;
}
