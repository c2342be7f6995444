import type { Argv } from 'yargs';
import { COMPUTE_DTYPES, type ComputeDtype } from '../../bindings/index.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { DfMergeError } from '../core/errors.js';
import { jsonText } from '../core/json.js';
import type { ComputeOptions } from '../engine/session.js';

/** Options of every command that computes. */
export interface CommonArguments {
  json: boolean;
  threads?: number;
  'compute-dtype'?: string;
  quiet: boolean;
}

/** Adds --json, --threads, --compute-dtype and --quiet. */
export function withCommon<T>(yargs: Argv<T>): Argv<T & CommonArguments> {
  return yargs
    .option('threads', {
      type: 'number',
      describe: 'threads of the engine [default: all]; results do not depend on it',
    })
    .option('compute-dtype', {
      type: 'string',
      describe: "of matrix products' operands: float32 or bfloat16 [default: the recipe's, else float32]",
    })
    .option('json', { type: 'boolean', default: false, describe: 'print the result as JSON, errors too' })
    .option('quiet', { type: 'boolean', default: false, describe: 'no progress' });
}

/** The engine's options among the arguments. */
export function computeOptions({ threads, 'compute-dtype': dtype }: CommonArguments): ComputeOptions {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new DfMergeError('INVALID_ARGUMENT', `--threads ${threads}: expected a whole number of at least 1`);
  }
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(dtype === undefined ? {} : { dtype: computeDtype(dtype) }),
  };
}

function computeDtype(name: string): ComputeDtype {
  const dtype = COMPUTE_DTYPES.find((known) => known === name);
  if (dtype) return dtype;
  throw new DfMergeError(
    'INVALID_ARGUMENT',
    `--compute-dtype ${name}: expected ${COMPUTE_DTYPES.join(' or ')}${name === 'float16' ? ' (a model overflows in float16)' : ''}`,
  );
}

/** Options of the commands that read tasks' data. */
export interface DataArguments extends CommonArguments {
  cache: boolean;
}

/** Adds --no-cache and what withCommon adds. */
export function withData<T>(yargs: Argv<T>): Argv<T & DataArguments> {
  const describe = 'keep token ids of the data for later runs (--no-cache: neither read nor write them)';
  return withCommon(yargs.option('cache', { type: 'boolean', default: true, describe }));
}

/** The options of the engine and of the data among the arguments. */
export function dataOptions(args: DataArguments): ComputeOptions & DataOptions {
  return { ...computeOptions(args), ...(args.cache ? {} : { cache: false as const }) };
}

/** Returns the value of `--name`, which must be a whole number of at least `least`. Errors: INVALID_ARGUMENT. */
export function wholeNumber(name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least)
    throw new DfMergeError('INVALID_ARGUMENT', `--${name} ${value}: expected a whole number of at least ${least}`);
  return value;
}

/** Prints a value as JSON on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(jsonText(value));
}

/** Prints a line on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * Runs a command with a signal that Ctrl-C (or SIGTERM) fires: the work ends after its current slice. A second Ctrl-C ends the process.
 */
export async function interruptible(body: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    await body(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
