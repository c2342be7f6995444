import { methodNamed } from '../methods/index.js';
import type { Recipe, RecipeModel } from './recipe.js';

/** A recipe as `dfmerge.json` keeps it: in the YAML's own shape, with every default spelled out and paths as the user wrote them. */
export interface ResolvedRecipe {
  merge_method: string;
  base_model: string;
  models: {
    model: string;
    task?: string;
    parameters?: Record<string, number>;
    fisher?: string | { path: string; force: true };
  }[];
  parameters?: Record<string, number | boolean>;
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

/** The JSON form of a recipe; reading it back gives the same recipe. */
export function resolvedRecipe(recipe: Recipe): ResolvedRecipe {
  const { fisher, search } = recipe;
  const parameters = parametersForAll(recipe);
  const tasks = recipe.tasks.map(({ name, written }) => [name, { data: written }] as const);
  return {
    merge_method: recipe.mergeMethod,
    base_model: recipe.baseModel.written,
    models: recipe.models.map(resolvedModel),
    ...(Object.keys(parameters).length > 0 ? { parameters } : {}),
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

/** The values that hold for all models, without those that leave no choice. */
function parametersForAll({ mergeMethod, parameters }: Recipe): Record<string, number | boolean> {
  const shared: Record<string, number | boolean> = {};
  for (const parameter of methodNamed(mergeMethod).parameters) {
    const value = parameters[parameter.name];
    if (parameter.type === 'boolean' && parameter.only) continue;
    if (typeof value === 'number' || typeof value === 'boolean') shared[parameter.name] = value;
  }
  return shared;
}

function resolvedModel({ written, task, parameters, fisher }: RecipeModel): ResolvedRecipe['models'][number] {
  return {
    model: written,
    ...(task === undefined ? {} : { task }),
    ...(parameters === undefined ? {} : { parameters: { ...parameters } }),
    ...(fisher === undefined ? {} : { fisher: fisher.force ? { path: fisher.written, force: true } : fisher.written }),
  };
}
