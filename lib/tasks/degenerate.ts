import { DfMergeError } from '../core/errors.js';
import { Pace } from '../core/pace.js';
import type { TokenizedRows } from '../engine/batch.js';
import type { FisherMode } from '../engine/fisher.js';

/** Rows of one split of a task, which are looked at before anything is done with them. */
export interface LookedAt {
  /** The name of the task. */
  task: string;
  /** The file of the split, for messages. */
  file: string;
  rows: TokenizedRows;
  /** The rows that are used; by default all. */
  indices?: readonly number[];
}

/** How what is found is judged and told. */
export interface Judging {
  /** The ids that stand for nothing in particular: unknown words, blanks and the end. */
  empty: ReadonlySet<number>;
  onWarning?: (message: string) => void;
  /** The pace of the work, which is that of a work that nothing ends by default. */
  pace?: Pace;
}

/** From this many rows on, equal labels are no accident. */
const MANY = 8;

/**
 * Looks for rows that are well formed and mean nothing. Each kind is told once, with the task's name, the number of such rows and the first of
 * them: as an error where nothing can come of any row, else as a warning. Errors: INVALID_DATA, and the reason of the pace's signal.
 */
export async function checkChoices({ rows, ...place }: LookedAt, judging: Judging): Promise<void> {
  const { empty } = judging;
  const { choices, inputIds } = rows;
  const tell = tellerOf({ rows, ...place }, judging);
  const isEmpty = (ids: Int32Array) => ids.every((id) => empty.has(id));
  await tell((row) => distinct(choices[row]) < choices[row].length, {
    what: 'choices of the same token ids, which no model can tell apart',
    fatalIf: (row) => distinct(choices[row]) === 1, // a single choice is told elsewhere, and never found here
  });
  await tell((row) => choices[row].some(isEmpty), {
    what: 'a choice that is nothing but unknown words to the tokenizer',
    fatalIf: (row) => choices[row].every(isEmpty),
  });
  await tell((row) => isEmpty(inputIds[row]), {
    what: 'an input that is empty, or nothing but unknown words to the tokenizer',
  });
}

/**
 * Looks, in rows that are scored, for what makes their accuracy say nothing about a model: rows with one choice, and labels that are all equal,
 * as placeholders are. Everything is told as a warning. Throws the reason of the pace's signal.
 */
export async function checkLabels(looked: LookedAt, judging: Judging): Promise<void> {
  const { onWarning, pace = new Pace() } = judging;
  const { task, file, rows, indices = indicesOf(rows) } = looked;
  const { labels, choices } = rows;
  await tellerOf(looked, judging)((row) => choices[row].length === 1, {
    what: 'a single choice, and are answered rightly by every model',
  });
  const answered = await pace.filter(indices, (row) => labels[row] >= 0 && choices[row].length > 1);
  const [first] = answered;
  if (answered.length < MANY || answered.some((row) => labels[row] !== labels[first])) return;
  const answers = new Set<string>();
  await pace.forEach(answered, (row) => answers.add(choices[row][labels[row]].join()));
  const same =
    answers.size === 1 ? ', and mean the same answer, so that a model that always gives it is never wrong' : '';
  onWarning?.(
    `task ${task}: all labels of ${file} are ${labels[first]}${same}; are they the answers, or did they stand for unknown ones?`,
  );
}

/**
 * Looks, in all rows that the trials of a search are scored on, for at least one whose answer a model decides. Errors: INVALID_DATA where there
 * is none, so that the accuracy is the same at any coefficients; the reason of the pace's signal.
 */
export async function checkSearchable(
  parts: readonly Pick<LookedAt, 'rows' | 'indices'>[],
  pace = new Pace(),
): Promise<void> {
  for (const { rows, indices = indicesOf(rows) } of parts)
    for (const row of indices) {
      if (distinct(rows.choices[row]) > 1) return;
      if (pace.isOver) await pace.rest();
    }
  throw new DfMergeError(
    'INVALID_DATA',
    'every row that a trial is scored on has a single choice: accuracy is the same whatever the coefficients, and there is nothing to search for',
  );
}

/**
 * Looks, in rows that a Fisher is measured on, for those with a single choice. In mode `choices` the probability of the only choice is 1 at any
 * parameters, so that such a row adds nothing; where all are such, the Fisher is epsilon everywhere. Errors: INVALID_DATA in that case; the reason of the pace's signal.
 */
export async function checkFisherRows(looked: LookedAt, mode: FisherMode, judging: Judging): Promise<void> {
  if (mode !== 'choices') return;
  const { choices } = looked.rows;
  await tellerOf(looked, judging)((row) => choices[row].length === 1, {
    what: 'a single choice, which adds nothing to a Fisher in mode choices',
    fatalIf: () => true,
  });
}

interface Finding {
  /** What the rows have, to go behind «N of M rows of FILE have». */
  what: string;
  /** Where this holds of every row there is an error in place of the warning. */
  fatalIf?: (row: number) => boolean;
}

type Teller = (found: (row: number) => boolean, finding: Finding) => Promise<void>;

function tellerOf(
  { task, file, rows, indices = indicesOf(rows) }: LookedAt,
  { onWarning, pace = new Pace() }: Judging,
): Teller {
  return async (isFound, { what, fatalIf }) => {
    const found = await pace.filter(indices, isFound);
    if (found.length === 0) return;
    const all = found.length === indices.length;
    const count = all ? `all ${found.length}` : `${found.length} of ${indices.length}`;
    const first = all ? '' : ` (first: row ${found[0] + 1})`;
    const message = `task ${task}: ${count} rows of ${file} have ${what}${first}`;
    if (all && fatalIf && (await pace.filter(found, fatalIf)).length === found.length)
      throw new DfMergeError('INVALID_DATA', message);
    onWarning?.(message);
  };
}

function indicesOf({ inputIds }: TokenizedRows): number[] {
  return inputIds.map((_, row) => row);
}

function distinct(choices: readonly Int32Array[]): number {
  return choices.length === 1 ? 1 : new Set(choices.map((ids) => ids.join())).size;
}
