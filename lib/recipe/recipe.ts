import { COMPUTE_DTYPES, FISHER_MODES, type ComputeDtype, type FisherMode } from '../../bindings/index.js';

/** How the models are combined; METHOD's table: `gta` is DF-Merge without Fisher, `fisher` is DF-Merge without the search. */
export const MERGE_METHODS = ['df_merge', 'gta', 'fisher', 'task_arithmetic', 'linear'] as const;
export type MergeMethod = (typeof MERGE_METHODS)[number];

export { COMPUTE_DTYPES, FISHER_MODES, type ComputeDtype, type FisherMode };

/** Where a Fisher is measured: at the fine-tuned model θ_i, or at the candidate θ0 + λ_i τ_i. */
export const FISHER_PLACES = ['model', 'candidate'] as const;
export type FisherPlace = (typeof FISHER_PLACES)[number];

export const SPLITS = ['train', 'validation', 'test'] as const;
export type Split = (typeof SPLITS)[number];

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
  /** As written, or the recipe's top-level `parameters.weight`. */
  weight?: number;
  /** A `fisher.safetensors` to use instead of measuring. */
  fisher?: RecipePath;
}

/** A model of a recipe that was checked for merging. */
export interface MergeModel extends RecipeModel {
  /** λ of METHOD's formulas, always present: normalised for `linear`, 1/M for `fisher` without weights, else the weight. */
  coefficient: number;
}

/** One task; `path` is the folder of its `train.jsonl`, `validation.jsonl`, `test.jsonl`. */
export interface RecipeTask extends RecipePath {
  name: string;
}

/** How the diagonal Fisher of each model is measured (METHOD §3). */
export interface FisherSettings {
  mode: FisherMode;
  /** Inputs drawn from the split, once per task; `all` takes every row. */
  samples: number | 'all';
  split: Split;
  /** `model` for Fisher merging, `candidate` for DF-Merge, unless set (METHOD §2). */
  at: FisherPlace;
  /** Added to every entry, so that a division by a sum of Fishers is always defined. */
  epsilon: number;
  /** Choices with a lower p̃ are skipped, all but an input's likeliest; 0 skips none. */
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
  mergeMethod: MergeMethod;
  /** θ0. */
  baseModel: RecipePath;
  /** θ_1 … θ_M, in the order of the coefficients. */
  models: RecipeModel[];
  /** In the recipe's order; empty where the recipe has none. */
  tasks: RecipeTask[];
  fisher: FisherSettings;
  search: SearchSettings;
  /** Whether weights are divided by their sum; only `linear`, `gta` and `task_arithmetic` can. */
  normalize: boolean;
  /** Of the weights that are written. */
  dtype: OutputDtype;
  /** Of matrix products' operands; ComputeOptions.dtype goes before it. */
  computeDtype: ComputeDtype;
}

/** What `recipeForMerge` returns. */
export interface MergeRecipe extends Recipe {
  models: MergeModel[];
}

/** Methods that leave coefficients open. `task_arithmetic` is a grid over one coefficient for all: 0, 0.1 … 1. */
export const SEARCH_METHODS = ['df_merge', 'gta', 'task_arithmetic'] as const satisfies readonly MergeMethod[];
export type SearchMethod = (typeof SEARCH_METHODS)[number];

/** What `recipeForSearch` returns: no model has a weight, every task is there. */
export interface SearchRecipe extends Recipe {
  mergeMethod: SearchMethod;
}
