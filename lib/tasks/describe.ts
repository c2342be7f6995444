import { Pace } from '../core/pace.js';
import type { PreparedPart, PreparedTask } from './prepare.js';
import { DEFAULT_MAX_INPUT_TOKENS } from './text/tokenizer.js';

/** A split as a check tells of it. */
export interface SplitDescription {
  split: 'train' | 'validation' | 'test' | 'fisher' | 'trial';
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

/** Describes the parts of a task that were read. Throws the reason of the pace's signal. */
export async function describeTask(
  { name, validation, subset, test, fisher }: PreparedTask,
  pace = new Pace(),
): Promise<TaskDescription> {
  const parts = { validation, trial: subset, test, fisher };
  const splits: SplitDescription[] = [];
  for (const [split, part] of Object.entries(parts))
    if (part) splits.push({ split: split as SplitDescription['split'], ...(await describeRows(part.rows, pace)) });
  return { name, splits };
}

/** Describes rows of a split. Throws the reason of the pace's signal. */
export async function describeRows(
  { rows, indices }: Pick<PreparedPart['rows'], 'rows' | 'indices'>,
  pace = new Pace(),
): Promise<Omit<SplitDescription, 'split'>> {
  const { inputIds, choices, labels } = rows;
  const found = { labelled: 0, choices: emptyRange(), inputTokens: emptyRange(), atLimit: 0 };
  await pace.forEach(indices, (row) => {
    if (labels[row] >= 0) found.labelled++;
    widen(found.choices, choices[row].length);
    widen(found.inputTokens, inputIds[row].length);
    if (inputIds[row].length >= DEFAULT_MAX_INPUT_TOKENS) found.atLimit++;
  });
  return { rows: indices.length, ...found };
}

type Range = [least: number, most: number];

const emptyRange = (): Range => [Infinity, 0];

function widen(range: Range, size: number): void {
  range[0] = Math.min(range[0], size);
  range[1] = Math.max(range[1], size);
}
