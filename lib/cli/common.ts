import { COMPUTE_DTYPES } from '../../bindings/index.js';
import { oneOf, PATH, SEED, THREADS } from '../core/kinds.js';
import type { ComputeOptions } from '../engine/session.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { flag, option, required, type ValuesOf } from './options.js';

/** The option of every command. */
export const JSON_OPTION = { json: flag('print the result as JSON, errors too') };

/** Options of every command that computes. */
export const COMPUTE = {
  threads: option(THREADS, 'threads of the engine [default: all]; results do not depend on it'),
  'compute-dtype': option(
    oneOf(COMPUTE_DTYPES, { float16: 'a model overflows in float16' }),
    "of matrix products' operands [default: the recipe's, else float32]",
  ),
  ...JSON_OPTION,
  quiet: flag('no progress'),
};

/** Options of the commands that read tasks' data. */
export const DATA = {
  ...COMPUTE,
  cache: flag('neither read nor write the token ids of the data that are kept for later runs', { fallback: true }),
};

/** Options of the commands that write a model folder. */
export const FOLDER = {
  out: required(PATH, 'folder of the model; must not be there yet', { value: 'DIR' }),
  overwrite: flag('replace the model folder'),
};

/** The option of commands that write a single file. */
export const OVERWRITE_FILE = { overwrite: flag('replace the file where there is one') };

/** The option of commands that can be checked without being run. */
export const DRY_RUN = { 'dry-run': flag('only check, and say what the run would do and take, as dfmerge check does') };

/** The seed of a recipe's run. */
export const RECIPE_SEED = { seed: option(SEED, "in place of the recipe's seed", { value: 'S' }) };

/** The engine's options among the arguments. */
export function computeOptions({ threads, 'compute-dtype': computeDtype }: ValuesOf<typeof COMPUTE>): ComputeOptions {
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(computeDtype === undefined ? {} : { computeDtype }),
  };
}

/** The options of the engine and of the data among the arguments. */
export function dataOptions(args: ValuesOf<typeof DATA>): ComputeOptions & DataOptions {
  return { ...computeOptions(args), ...(args.cache ? {} : { cache: false as const }) };
}

/** Prints a line on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
