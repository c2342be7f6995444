import { isObject } from '../core/files.js';
import { checkArgument, type Kind } from '../core/kinds.js';
import { mean } from '../core/statistics.js';
import { dfMerge } from '../methods/df_merge.js';
import type { RunRecord } from '../run/record.js';
import { percentColumn, renderTable } from '../report/table.js';

/** A model with its test accuracies. */
export interface DemoRow {
  model: string;
  /** Accuracies in [0, 1], by the name of the task. */
  accuracy: Record<string, number>;
  /** The unweighted mean of `accuracy`. */
  mean: number;
}

/** The test accuracies of all models of the demo. */
export interface DemoTable {
  tasks: string[];
  /** The base, every child, and then the merges, of which DF-Merge is the last. */
  rows: DemoRow[];
}

/** Puts the children's accuracies and those of a search's record into one table. */
export function makeTable(
  tasks: string[],
  children: ReadonlyMap<string, Record<string, number>>,
  record: RunRecord,
): DemoTable {
  const row = (model: string, accuracy: Record<string, number>): DemoRow => ({
    model,
    accuracy,
    mean: mean(tasks.map((task) => accuracy[task])),
  });
  const compared = record.comparisons.filter(({ label }) => !label.startsWith('fine-tuned'));
  const [base, ...merges] = compared.map(({ label, accuracy }) => row(label, accuracy));
  const best = Object.fromEntries(record.tasks.map(({ name, test }) => [name, test?.accuracy ?? Number.NaN]));
  return {
    tasks,
    rows: [
      base,
      ...[...children].map(([task, accuracy]) => row(`child: ${task}`, accuracy)),
      ...merges,
      row(dfMerge.title, best),
    ],
  };
}

const TABLE: Kind<DemoTable> = {
  expected: 'a table of tasks and rows, as demo returns it',
  accepts: (value): value is DemoTable =>
    isObject(value) &&
    Array.isArray(value.tasks) &&
    value.tasks.every((task) => typeof task === 'string') &&
    Array.isArray(value.rows) &&
    value.rows.every(
      (row) => isObject(row) && typeof row.model === 'string' && typeof row.mean === 'number' && isObject(row.accuracy),
    ),
};

/**
 * The table as text for a terminal, with the accuracies on the test splits in percent.
 * @param result what demo returns
 * Errors: INVALID_ARGUMENT for what is no such result.
 */
export function demoTable(result: { table: DemoTable }): string {
  checkArgument('demoTable', ['result', result], { expected: 'an object with a table', accepts: isObject });
  checkArgument('demoTable', ['table', result.table], TABLE);
  const { tasks, rows } = result.table;
  return renderTable(
    rows.map(({ model, accuracy, mean }) => ({ ...accuracy, model, mean })),
    [{ key: 'model', label: 'test accuracy, %' }, ...[...tasks, 'mean'].map(percentColumn)],
  );
}
