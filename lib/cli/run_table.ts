import { mean } from '../core/statistics.js';
import { bound, coefficient, duration, percent, roughDuration } from '../report/format.js';
import { percentColumn, renderTable, type TableRow } from '../report/table.js';
import type { RunRecord } from '../run/record.js';
import { print } from './common.js';

/** Prints what came out of a run: coefficients, accuracies of the merge and of the comparisons, time by phase. */
export function printRun(record: RunRecord): void {
  const stopped = record.trials.filter((trial) => trial.stopped).length;
  if (record.best)
    print(
      `\nBest trial: ${record.best.trial} of ${record.trials.length}, mean validation accuracy ${percent(record.best.objective)}${stopped > 0 ? `; ${stopped} stopped early` : ''}`,
    );
  print('\nCoefficients:');
  print(
    renderTable(
      record.models.map(({ model, task, coefficient: value }) => ({ model, task, λ: coefficient(value) })),
      ['model', 'task', 'λ'],
    ),
  );
  if (record.tasks.length > 0) {
    const names = record.tasks.map(({ name }) => name);
    const rows: TableRow[] = [];
    for (const split of ['validation', 'test'] as const) {
      for (const comparison of record.comparisons.filter((c) => c.split === split))
        rows.push({ model: comparison.label, split, ...comparison.accuracy, mean: comparison.mean });
      const scored = record.tasks.flatMap((task) => (task[split] ? [[task.name, task[split].accuracy] as const] : []));
      if (scored.length > 0)
        rows.push({
          model: `merged (${record.method})`,
          split,
          ...Object.fromEntries(scored),
          mean: mean(scored.map(([, accuracy]) => accuracy)),
        });
    }
    print('\nAccuracy, %:');
    print(renderTable(rows, ['model', 'split', ...[...names, 'mean'].map(percentColumn)]));
  }
  if (record.skipped) {
    print('\nChoices left out of the Fishers, and their p̃ per input:');
    const format = (mass: number | string) => bound(Number(mass));
    const rows = Object.entries(record.skipped).map(([task, { choices, ...left }]) => ({ task, of: choices, ...left }));
    print(
      renderTable(rows, [
        'task',
        'skipped',
        'of',
        { key: 'meanMass', label: 'mean', format },
        { key: 'maxMass', label: 'most', format },
      ]),
    );
  }
  const phases = Object.entries(record.timing.phases).filter(([, seconds]) => seconds >= 0.05);
  print(
    `\nTime: ${roughDuration(record.timing.totalSeconds)} (${phases.map(([phase, seconds]) => `${phase} ${duration(seconds)}`).join(', ')})`,
  );
}
