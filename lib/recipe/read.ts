import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { decodeUtf8, fileError, isObject, refuseUtf16 } from '../core/files.js';
import { checkArgument, checkOptions, PATH, type Kind } from '../core/kinds.js';
import { tildeAdvice } from '../core/paths.js';
import { methodNamed } from '../methods/index.js';
import type { MergeMethod } from '../methods/method.js';
import type { MethodParameter, ParameterValues } from '../methods/parameter.js';
import { methodOf, problemsForMerge, problemsForSearch } from './check.js';
import { givenParameters, parametersBesideSearch, readParameters } from './parameters.js';
import { keepSource } from './places.js';
import { problemsOf, recipeError } from './problems.js';
import { isRecord, recordedFolder, type RunRecordFile } from './record_folder.js';
import type { MergeRecipe, Recipe, RecipePath, SearchRecipe } from './recipe.js';
import { defaultFisher, recipeSchema, type RecipeInput, type ShapedRecipe } from './schema.js';
import { copyOf, objectSource, valueAt, yamlSource, type KeyPath, type Problem, type RecipeSource } from './source.js';

export type { RecipeInput } from './schema.js';

/** Where the relative paths of a recipe given as an object start; the working directory unless set. */
export interface RecipeOptions {
  folder?: string;
}

/**
 * Reads a recipe for one merge at the coefficients it gives.
 *
 * @param input - path of a YAML file, or of the `dfmerge.json` of a merged folder, or the same keys as an object
 * @throws INVALID_RECIPE with a line `FILE:LINE:COLUMN: what is wrong; expected …` per mistake (key paths for an object),
 * NOT_FOUND
 */
export function recipeForMerge(input: string | RecipeInput, options: RecipeOptions = {}): MergeRecipe {
  checkReading('recipeForMerge', input, options);
  const recipe = read(input, options, { check: problemsForMerge, parametersOf: ({ parameters }) => parameters });
  const coefficients = methodNamed(recipe.mergeMethod).coefficients(recipe.parameters, recipe.models.length);
  return { ...recipe, models: recipe.models.map((model, index) => ({ ...model, coefficient: coefficients[index] })) };
}

/**
 * Reads a recipe for a search: methods with free coefficients, no weights, tasks to score on.
 *
 * @param input - path of a YAML file, or of the `dfmerge.json` of a merged folder, or the same keys as an object
 * @throws what `recipeForMerge` throws
 */
export function recipeForSearch(input: string | RecipeInput, options: RecipeOptions = {}): SearchRecipe {
  checkReading('recipeForSearch', input, options);
  // The check let only search methods through.
  return read(input, options, { check: problemsForSearch, parametersOf: parametersBesideSearch }) as SearchRecipe;
}

/** A recipe for a merge from whatever may stand for one. Errors: INVALID_ARGUMENT for what is no recipe; those of recipeForMerge. */
export function mergeRecipeOf(given: MergeRecipe | RecipeInput | string): MergeRecipe {
  const recipe = isRead('merge', given) ? given : recipeForMerge(given);
  if (recipe.models.some(({ coefficient }) => typeof coefficient !== 'number'))
    throw new DfMergeError(
      'INVALID_ARGUMENT',
      'merge: the recipe was read for a search; expected one of recipeForMerge',
    );
  return recipe;
}

/** A recipe for a search from whatever may stand for one. Errors: INVALID_ARGUMENT for what is no recipe; those of recipeForSearch. */
export function searchRecipeOf(given: SearchRecipe | RecipeInput | string): SearchRecipe {
  return isRead('search', given) ? given : recipeForSearch(given);
}

/** Throws INVALID_ARGUMENT for what is neither a path nor an object, and for options that there are not. */
function checkReading(what: string, input: unknown, options: unknown): void {
  checkOptions(what, options, { kinds: { folder: PATH } });
  checkRecipeInput(what, input);
}

/** Throws INVALID_ARGUMENT for what cannot stand for a recipe: it is no path and no object. */
export function checkRecipeInput(what: string, input: unknown): void {
  checkArgument(what, ['the recipe', input], RECIPE);
}

const RECIPE: Kind<string | object> = {
  expected: 'the path of a YAML file, an object with its keys, or a recipe that was read',
  accepts: (value): value is string | object => (typeof value === 'string' && value !== '') || isObject(value),
};

/** Whether a recipe was read already, and is no path or object of the YAML's keys. */
function isRead<R extends Recipe>(what: string, given: R | RecipeInput | string): given is R {
  checkRecipeInput(what, given);
  if (typeof given === 'string') return false;
  if (!('mergeMethod' in given)) return false;
  const parts = ['baseModel', 'models', 'tasks', 'fisher', 'search', 'parameters', 'dtype', 'computeDtype'];
  const missing = parts.find((part) => !(part in given));
  if (missing === undefined) return true;
  throw new DfMergeError(
    'INVALID_ARGUMENT',
    `${what}: the recipe has no ${missing}; expected what ${what === 'merge' ? 'recipeForMerge' : 'recipeForSearch'} returns`,
  );
}

/** The value of a recipe in which a task that is a plain path has the section that it is short for. What is no recipe stays as it is. */
function longForms(value: unknown): unknown {
  if (!isObject(value) || !isObject(value.tasks)) return value;
  const tasks = Object.entries(value.tasks).map(([name, task]) => [
    name,
    typeof task === 'string' ? { data: task } : task,
  ]);
  return { ...value, tasks: Object.fromEntries(tasks) as unknown };
}

type Check = (recipe: ShapedRecipe) => Problem[];

/** What a merge and a search read differently. */
interface Reading {
  check: Check;
  /** The parameters that have values in a recipe for it. */
  parametersOf: (method: MergeMethod) => readonly MethodParameter[];
}

function read(input: string | RecipeInput, options: RecipeOptions, { check, parametersOf }: Reading): Recipe {
  const given = typeof input === 'string' ? fileSource(input) : objectSource(input, resolve(options.folder ?? '.'));
  const source = { ...given, value: longForms(given.value) };
  const shaped = shape(source, check);
  const { values } = readParameters(shaped, parametersOf(methodOf(shaped)));
  const recipe: Recipe = {
    ...(typeof input === 'string' ? { file: resolve(input) } : {}),
    ...complete(shaped, values, source.folder),
  };
  keepSource(recipe, source);
  return recipe;
}

function fileSource(file: string): RecipeSource {
  const source = yamlSource(textOf(file), { file, folder: dirname(resolve(file)) });
  if (isRecord(source.value)) return recordSource(source.value, file);
  if (source.problems.length > 0 && file.endsWith('.jsonl'))
    throw new DfMergeError('INVALID_RECIPE', `${file}: is no YAML; expected a recipe, and not rows of data`);
  return source;
}

/** The text of a recipe's file. Errors: NOT_FOUND, IO; INVALID_RECIPE for what is not UTF-8. */
function textOf(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new DfMergeError('NOT_FOUND', `there is no recipe ${file}${tildeAdvice(file)}`, { cause });
    throw fileError(cause, `cannot read recipe ${file}`);
  }
  refuseUtf16(bytes, file);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new DfMergeError('INVALID_RECIPE', `${file}: is not UTF-8; expected a recipe in YAML`);
  return text.replace(/^\uFEFF/, '');
}

/** The recipe of a record `dfmerge.json`, whose relative paths start where it lay. */
function recordSource({ recipe, recipeFolder }: RunRecordFile, file: string): RecipeSource {
  return { ...objectSource(recipe, recordedFolder(file, recipeFolder)), prefixOf: () => `${file}: ` };
}

/** Throws one error with all mistakes: of the shape, and between values as far as the shape lets them be compared. */
function shape(source: RecipeSource, check: Check): ShapedRecipe {
  if (source.problems.length > 0) throw recipeError(source, source.problems);
  const shaped = recipeSchema.safeParse(source.value).data;
  const problems = shaped === undefined ? problemsOfShape(source.value, check) : check(shaped);
  if (shaped === undefined || problems.length > 0) throw recipeError(source, problems);
  return shaped;
}

/** Each stage reads on as if the mistakes before it were mended, so that one typo is one complaint. */
function problemsOfShape(value: unknown, check: Check): Problem[] {
  const renames: Rename[] = [];
  const problems: Problem[] = [];
  const add = (found: readonly Problem[]) =>
    problems.push(...found.map((problem) => ({ ...problem, path: pathAsWritten(problem.path, renames) })));
  let known = value;
  // A section that was misspelt may have misspelt keys within; every round leaves fewer.
  for (let unknown = wrongKeys(known); unknown.length > 0; unknown = wrongKeys(known)) {
    add(unknown);
    known = mended(known, unknown, renames);
  }
  const wrong = shapeProblems(known);
  const shaped = recipeSchema.safeParse(mended(known, wrong, renames)).data;
  const between = shaped === undefined ? [] : check(shaped);
  // Whether a model's task is there cannot be said while tasks are left out for their shape.
  const tasksLeftOut = wrong.some(({ path }) => path[0] === 'tasks' && path.length <= 2);
  add([...wrong, ...between.filter(({ path }) => !(tasksLeftOut && path.at(-1) === 'task'))]);
  return onePerPath(problems);
}

function shapeProblems(value: unknown): Problem[] {
  return problemsOf(recipeSchema.safeParse(value).error?.issues ?? [], value);
}

function wrongKeys(value: unknown): Problem[] {
  return shapeProblems(value).filter(({ atKey }) => atKey);
}

/** A misspelt key that was read as the one it was meant to be. */
interface Rename {
  section: KeyPath;
  written: PropertyKey;
  meant: string;
}

/** A copy with misspelt keys as they were meant (noted in `renames`), and without other wrong parts. */
function mended(value: unknown, problems: readonly Problem[], renames: Rename[]): unknown {
  const copy = copyOf(value);
  for (const { path, meant } of problems) {
    const section = path.slice(0, -1);
    const written = path.at(-1);
    const parent = valueAt(copy, section);
    if (written === undefined || typeof parent !== 'object' || parent === null || Array.isArray(parent)) continue;
    const keys = parent as Record<PropertyKey, unknown>;
    if (meant !== undefined && keys[meant] === undefined) {
      keys[meant] = keys[written];
      renames.push({ section, written, meant });
    }
    delete keys[written];
  }
  return copy;
}

/** Undoes the renames, the latest first: only the keys as written have a place in the text. */
function pathAsWritten(path: KeyPath, renames: readonly Rename[]): KeyPath {
  return renames.reduceRight<KeyPath>((at, { section, written, meant }) => {
    const within = at[section.length] === meant && section.every((key, index) => key === at[index]);
    return within ? at.with(section.length, written) : at;
  }, path);
}

/** A part that was left out because it is wrong would otherwise be reported as missing too. */
function onePerPath(problems: readonly Problem[]): Problem[] {
  const isWithin = (a: Problem, b: Problem) => b.path.every((key, index) => a.path[index] === key);
  return problems.filter(
    (problem, index) =>
      !problems
        .slice(0, index)
        .some((earlier) => earlier.meant === undefined && (isWithin(problem, earlier) || isWithin(earlier, problem))),
  );
}

function complete(shaped: ShapedRecipe, parameters: ParameterValues, folder: string): Recipe {
  const at = (written: string): RecipePath => ({ path: resolve(folder, written), written });
  const { search } = shaped;
  const fisher = shaped.fisher === 'none' ? defaultFisher : shaped.fisher;
  const method = methodOf(shaped);
  return {
    folder: resolve(folder),
    mergeMethod: method.name,
    baseModel: at(shaped.base_model),
    models: shaped.models.map(({ model, task, fisher }, index) => {
      const given = givenParameters(shaped, method, index);
      return {
        ...at(model),
        ...(task === undefined ? {} : { task }),
        ...(given === undefined ? {} : { parameters: given }),
        ...(fisher === undefined ? {} : { fisher: { ...at(fisher.path), ...(fisher.force ? { force: true } : {}) } }),
      };
    }),
    tasks: Object.entries(shaped.tasks).map(([name, { data }]) => ({ name, ...at(data) })),
    fisher: {
      mode: fisher.mode,
      samples: fisher.samples,
      split: fisher.split,
      at: fisher.at ?? method.needs.fisher?.at ?? 'candidate',
      epsilon: fisher.epsilon,
      minWeight: fisher.min_weight,
    },
    search: {
      acquisition: search.acquisition,
      xi: search.xi,
      kappa: search.kappa,
      init: search.init,
      iterations: search.iterations,
      validationRatio: search.validation_ratio,
      earlyStopping: search.early_stopping,
      earlyStoppingMargin: search.early_stopping_margin,
      seed: search.seed,
      optimizer: search.optimizer,
      bounds: search.bounds,
    },
    parameters,
    dtype: shaped.out_dtype ?? shaped.dtype ?? 'float32',
    computeDtype: shaped.compute_dtype,
  };
}
