import type { Recipe } from './recipe.js';
import type { KeyPath, RecipeSource } from './source.js';

/** Copies of a recipe share the object of its base, and therefore the source is found by it. */
const sources = new WeakMap<object, RecipeSource>();

/** Keeps what a recipe was read from, for placeOf. */
export function keepSource({ baseModel }: Recipe, source: RecipeSource): void {
  sources.set(baseModel, source);
}

/** `FILE:LINE:COLUMN: ` of a value of a recipe, or '' where the recipe was no file. */
export function placeOf({ baseModel }: Recipe, path: KeyPath): string {
  return sources.get(baseModel)?.prefixOf({ path, message: '' }) ?? '';
}
