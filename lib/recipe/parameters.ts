import { defaultOf, type MethodParameter, type NumberParameter, type ParameterValues } from '../methods/parameter.js';
import type { MergeMethod } from '../methods/method.js';
import type { ShapedRecipe } from './schema.js';

/** A parameter without a value, and the index of the model that lacks it, which is absent where one value is for all models. */
export interface MissingParameter {
  parameter: NumberParameter;
  model?: number;
}

/** The values of a method's parameters in a recipe. */
export interface ReadParameters {
  /** The values that are given or hold by default, without those that are missing. */
  values: ParameterValues;
  missing: MissingParameter[];
}

/** What a recipe says of the parameters that a model has of its own; undefined where it says nothing. */
export function givenParameters(
  recipe: ShapedRecipe,
  { parameters }: MergeMethod,
  model: number,
): Record<string, number> | undefined {
  const given = parameters.flatMap(({ name, perModel }) => {
    const value = perModel ? givenValue(recipe, name, model) : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}

/** The value that a model has of its own, or else the one for all models. */
function givenValue(recipe: ShapedRecipe, name: string, model: number): number | undefined {
  return recipe.models[model].parameters?.[name] ?? (recipe.parameters[name] as number | undefined);
}

/**
 * Reads the values of a method's parameters.
 *
 * @param parameters - the parameters of the method to read, which are all for a merge and those that are not searched for a search
 */
export function readParameters(recipe: ShapedRecipe, parameters: MergeMethod['parameters']): ReadParameters {
  const values: Record<string, ParameterValues[string]> = {};
  const missing: MissingParameter[] = [];
  for (const parameter of parameters) {
    const { name } = parameter;
    if (parameter.perModel) {
      const list = listOf(recipe, parameter);
      missing.push(...list.flatMap((value, model) => (value === undefined ? [{ parameter, model }] : [])));
      if (list.every((value) => value !== undefined)) values[name] = list;
    } else {
      const value = recipe.parameters[name] ?? defaultOf(parameter, recipe.models.length);
      if (value !== undefined) values[name] = value;
      else if (parameter.type !== 'boolean') missing.push({ parameter });
    }
  }
  return { values, missing };
}

/** One value per model, undefined for those that are missing. */
function listOf(recipe: ShapedRecipe, parameter: NumberParameter): (number | undefined)[] {
  const given = recipe.models.map((_, model) => givenValue(recipe, parameter.name, model));
  if (parameter.default === '1/M' && given.some((value) => value !== undefined)) return given;
  const defaults = defaultOf(parameter, recipe.models.length) as readonly number[] | undefined;
  return given.map((value, model) => value ?? defaults?.[model]);
}

/** The parameters that a search does not look for. */
export function parametersBesideSearch({ parameters }: MergeMethod): readonly MethodParameter[] {
  return parameters.filter((parameter) => parameter.type === 'boolean' || !parameter.searchable);
}
