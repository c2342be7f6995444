import { coefficient, percent, points, probability, range } from '../report/format.js';
import { findingsOf } from '../report/findings.js';
import type { RunNumbers } from '../report/numbers.js';
import { renderTable, type TableRow } from '../report/table.js';
import type { RunRecord } from '../run/record.js';
import { print } from './common.js';

/** Prints what a report says: its sentences, accuracies with intervals and what is kept, paired tests, coefficients. */
export function printNumbers(record: RunRecord, numbers: RunNumbers): void {
  for (const { text } of findingsOf(record, numbers)) print(text);
  for (const { split, models, differences, kept } of numbers.splits) {
    const names = Object.keys(models[0].tasks);
    const row = (name: string, label: string): TableRow => {
      const estimate = name === '' ? models[0].mean : models[0].tasks[name];
      const share = name === '' ? kept?.mean : kept?.tasks[name];
      return {
        task: label,
        accuracy: percent(estimate.accuracy),
        'interval 95 %': range(estimate),
        ...(kept ? { kept: percent(share) } : {}),
        ...Object.fromEntries(
          differences.map((entry) => {
            const test = name === '' ? entry.mean : (entry.tasks[name] as typeof entry.mean | undefined);
            return [`against ${shortName(entry)}`, test && `${points(test.difference)} (${probability(test.p)})`];
          }),
        ),
      };
    };
    const rows = [...names.map((name) => row(name, name)), ...(names.length > 1 ? [row('', 'mean')] : [])];
    const right = (key: string) => ({ key, align: 'right' as const });
    print(`\nThe merged model on the ${split} split:`);
    print(renderTable(rows, ['task', ...Object.keys(rows[0]).slice(1).map(right)]));
  }
  const importance = numbers.search?.importance?.total;
  print('\nCoefficients:');
  print(
    renderTable(
      record.models.map(({ model, task, coefficient: value }, index) => ({
        model,
        task,
        λ: coefficient(value),
        ...(importance ? { importance: percent(importance[index], { digits: 0 }) } : {}),
      })),
      ['model', 'task', 'λ', ...(importance ? [{ key: 'importance', align: 'right' as const }] : [])],
    ),
  );
}

function shortName({ label, role }: { label: string; role: string }): string {
  return role === 'fine-tuned' ? role : label;
}
