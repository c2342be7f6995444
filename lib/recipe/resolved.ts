import type { MergeMethod, Recipe, RecipeModel } from './recipe.js';

/** A recipe as `dfmerge.json` keeps it: the YAML's own shape with every default spelled out, paths as the user wrote them. */
export interface ResolvedRecipe {
  merge_method: string;
  base_model: string;
  models: { model: string; task?: string; parameters?: { weight: number }; fisher?: string }[];
  parameters?: { normalize: boolean };
  tasks?: Record<string, { data: string }>;
  fisher: { mode: string; samples: number | 'all'; split: string; at: string; epsilon: number; min_weight: number };
  search: {
    acquisition: string;
    xi: number;
    kappa: number;
    init: number;
    iterations: number;
    validation_ratio: number;
    early_stopping: boolean;
    early_stopping_margin: number;
    seed: number;
    optimizer: string;
    bounds: [number, number];
  };
  dtype: string;
  compute_dtype: string;
}

/** Methods that know `normalize`; its default depends on the method, so it is always spelled out. */
const NORMALIZING: ReadonlySet<MergeMethod> = new Set(['linear', 'gta', 'task_arithmetic']);

/** The JSON form of a recipe; reading it back gives the same recipe. */
export function resolvedRecipe(recipe: Recipe): ResolvedRecipe {
  const { fisher, search } = recipe;
  const tasks = recipe.tasks.map(({ name, written }) => [name, { data: written }] as const);
  return {
    merge_method: recipe.mergeMethod,
    base_model: recipe.baseModel.written,
    models: recipe.models.map(resolvedModel),
    ...(NORMALIZING.has(recipe.mergeMethod) ? { parameters: { normalize: recipe.normalize } } : {}),
    ...(tasks.length > 0 ? { tasks: Object.fromEntries(tasks) } : {}),
    fisher: {
      mode: fisher.mode,
      samples: fisher.samples,
      split: fisher.split,
      at: fisher.at,
      epsilon: fisher.epsilon,
      min_weight: fisher.minWeight,
    },
    search: {
      acquisition: search.acquisition,
      xi: search.xi,
      kappa: search.kappa,
      init: search.init,
      iterations: search.iterations,
      validation_ratio: search.validationRatio,
      early_stopping: search.earlyStopping,
      early_stopping_margin: search.earlyStoppingMargin,
      seed: search.seed,
      optimizer: search.optimizer,
      bounds: search.bounds,
    },
    dtype: recipe.dtype,
    compute_dtype: recipe.computeDtype,
  };
}

function resolvedModel({ written, task, weight, fisher }: RecipeModel): ResolvedRecipe['models'][number] {
  return {
    model: written,
    ...(task === undefined ? {} : { task }),
    ...(weight === undefined ? {} : { parameters: { weight } }),
    ...(fisher === undefined ? {} : { fisher: fisher.written }),
  };
}
