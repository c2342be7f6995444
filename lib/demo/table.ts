import { dfMerge } from '../methods/df_merge.js';
import type { RunRecord } from '../run/record.js';
import { renderTable } from '../report/table.js';

/** A model and its test accuracies. */
export interface DemoRow {
  model: string;
  /** By task name. */
  accuracy: Record<string, number>;
  /** Unweighted mean of `accuracy`. */
  mean: number;
}

/** What merging is about, in numbers. */
export interface DemoTable {
  tasks: string[];
  /** The base, every child, then the merges, DF-Merge last. */
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
    mean: tasks.reduce((sum, task) => sum + accuracy[task], 0) / tasks.length,
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

const percent = (value: number | string) => (typeof value === 'number' ? (100 * value).toFixed(1) : value);

/** The table for a terminal: accuracies on the test splits in percent. */
export function demoTable({ table: { tasks, rows } }: { table: DemoTable }): string {
  const numbers = [...tasks, 'mean'].map((key) => ({ key, format: percent, align: 'right' as const }));
  return renderTable(
    rows.map(({ model, accuracy, mean }) => ({ ...accuracy, model, mean })),
    [{ key: 'model', label: 'test accuracy, %' }, ...numbers],
  );
}
