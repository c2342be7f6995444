import type { TokenizedRows } from '../engine/batch.js';
import type { PreparedTask } from './prepare.js';
import { DEFAULT_MAX_INPUT_TOKENS } from './text/tokenizer.js';

/** A split as a check tells of it. */
export interface SplitDescription {
  split: 'validation' | 'test' | 'fisher' | 'trial';
  rows: number;
  /** How many rows have a label. */
  labelled: number;
  /** The fewest and the most choices of a row. */
  choices: [least: number, most: number];
  /** The fewest and the most token ids of an input. */
  inputTokens: [least: number, most: number];
  /** How many inputs fill the limit of token ids, to which longer ones are cut. */
  atLimit: number;
}

/** A task as a check tells of it. */
export interface TaskDescription {
  name: string;
  /** The splits that a run reads: `trial` are the rows of the validation split that score a trial, `fisher` those that a Fisher is measured on. */
  splits: SplitDescription[];
}

/** Describes the parts of a task that were read. */
export function describeTask({ name, validation, subset, test, fisher }: PreparedTask): TaskDescription {
  const parts = { validation, trial: subset, test, fisher };
  const splits = Object.entries(parts).flatMap(([split, part]) =>
    part ? [{ split: split as SplitDescription['split'], ...describe(part.rows.rows, part.rows.indices) }] : [],
  );
  return { name, splits };
}

function describe(
  { inputIds, choices, labels }: TokenizedRows,
  indices: readonly number[],
): Omit<SplitDescription, 'split'> {
  const range = (sizeOf: (row: number) => number): [number, number] =>
    indices.reduce<[number, number]>(
      ([least, most], row) => [Math.min(least, sizeOf(row)), Math.max(most, sizeOf(row))],
      [Infinity, 0],
    );
  return {
    rows: indices.length,
    labelled: indices.filter((row) => labels[row] >= 0).length,
    choices: range((row) => choices[row].length),
    inputTokens: range((row) => inputIds[row].length),
    atLimit: indices.filter((row) => inputIds[row].length >= DEFAULT_MAX_INPUT_TOKENS).length,
  };
}
