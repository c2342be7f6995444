import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { fileError, isObject } from '../core/files.js';
import { checkArgument, checkOptions, oneOf, PATH, wholeNumber } from '../core/kinds.js';
import { methodNamed } from '../methods/index.js';
import { recipeForMerge } from './read.js';
import { isRecord, recordedFolder } from './record_folder.js';
import { OUTPUT_DTYPES, type OutputDtype } from '../checkpoint/write.js';
import type { MergeRecipe } from './recipe.js';
import type { RecipeInput } from './schema.js';

/** What of a record is merged again, and how. */
export interface RecordedOptions {
  /** The trial whose coefficients are taken. The default is those of the merge that the record tells of, which a search made at its best trial. */
  trial?: number;
  /** The dtype of the weights that are written, in place of the recorded one. */
  dtype?: OutputDtype;
  /** Where the recipe's relative paths start, in place of the recorded folder: for records or models that were moved. */
  folder?: string;
}

const KINDS = { trial: wholeNumber(1), dtype: oneOf(OUTPUT_DTYPES), folder: PATH };

/**
 * Reads the recipe in the record `dfmerge.json` of a merged folder, with the coefficients of a trial as its weights, so that `merge` repeats
 * that merge: at the same inputs, to the same bytes.
 *
 * @throws NOT_FOUND; INVALID_DATA where the file is no record; INVALID_ARGUMENT for a trial that it has not, or that failed; what
 * `recipeForMerge` throws
 */
export function recipeFromRecord(file: string, options: RecordedOptions = {}): MergeRecipe {
  checkArgument('recipeFromRecord', ['file', file], PATH);
  checkOptions('recipeFromRecord', options, { kinds: KINDS });
  const record = readRecord(file);
  const coefficients = options.trial === undefined ? record.coefficients : coefficientsOf(record, options.trial, file);
  const searched = record.trials.length > 0;
  const weight = methodNamed(record.recipe.merge_method)?.parameters.find(
    (parameter) => parameter.type === 'number' && parameter.searchable,
  );
  const models = record.recipe.models.map((model, index) => ({
    ...model,
    ...(searched && weight ? { parameters: { ...model.parameters, [weight.name]: coefficients[index] } } : {}),
  }));
  const input = { ...record.recipe, models, ...(options.dtype === undefined ? {} : { dtype: options.dtype }) };
  const folder = resolve(options.folder ?? recordedFolder(file, record.recipeFolder));
  const recipe = naming(file, () => recipeForMerge(input as RecipeInput, { folder }));
  for (const { path, written } of [recipe.baseModel, ...recipe.models])
    if (!existsSync(path))
      throw new DfMergeError(
        'NOT_FOUND',
        `there is no model ${written} in ${folder}, where the recipe of ${file} lay; give --recipe-folder DIR (folder: DIR) if it was moved`,
      );
  return { ...recipe, file: resolve(file) };
}

/** Says of a mistake in a recorded recipe which file records it. */
function naming<T>(file: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof DfMergeError) || error.message.includes(file)) throw error;
    throw new DfMergeError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}

/** What is read of a record. */
interface RecordedRun {
  recipe: { merge_method: string; models: { parameters?: Record<string, number> }[] };
  recipeFolder: string;
  coefficients: number[];
  trials: { trial: number; coefficients: number[] }[];
  failed: { trial: number; reason: string }[];
}

function readRecord(file: string): RecordedRun {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw new DfMergeError('INVALID_DATA', `${file}: not JSON: ${cause.message}`, { cause });
    throw fileError(cause, `cannot read record ${file}`);
  }
  const no = () => new DfMergeError('INVALID_DATA', `${file}: expected the dfmerge.json of a merged folder`);
  if (!isRecord(value)) throw no();
  const { coefficients, trials, failed = [] } = value as unknown as RecordedRun;
  const { models, merge_method: method } = value.recipe;
  if (typeof method !== 'string' || !Array.isArray(failed) || !failed.every(isObject)) throw no();
  if (
    !Array.isArray(models) ||
    !models.every(isObject) ||
    !isNumbers(coefficients) ||
    coefficients.length !== models.length ||
    !isTrials(trials)
  )
    throw no();
  return { ...(value as unknown as RecordedRun), failed };
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isFinite(item));
}

function isTrials(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => isObject(item) && isNumbers(item.coefficients));
}

function coefficientsOf({ trials, failed }: RecordedRun, trial: number, file: string): number[] {
  const found = trials.find((one) => one.trial === trial);
  if (found) return found.coefficients;
  const reason = failed.find((one) => one.trial === trial)?.reason;
  const numbers = trials.map((one) => one.trial);
  const known =
    reason !== undefined
      ? `it failed: ${reason}`
      : numbers.length === 0
        ? `${file} tells of one merge and has no trials`
        : `${file} has trials ${Math.min(...numbers)} to ${Math.max(...numbers)}`;
  throw new DfMergeError('INVALID_ARGUMENT', `trial ${trial}: ${known}`);
}
