import { compareRuns } from '../commands/compare.js';
import { PATH } from '../core/kinds.js';
import { coefficient, duration, percent, points, probability, range } from '../report/format.js';
import type { Estimate } from '../report/numbers.js';
import type { SideBySide } from '../report/side_by_side.js';
import { renderTable, type TableRow } from '../report/table.js';
import { usage } from './arguments.js';
import { command } from './command.js';
import { JSON_OPTION, OVERWRITE_FILE, print } from './common.js';
import { option } from './options.js';

export const compareCommand = command({
  name: 'compare',
  describe: 'Set searches and merges side by side, with paired tests against the first',
  positional: {
    name: 'runs',
    value: 'RUN RUN...',
    describe: 'folders of merged models; the others are tested against the first',
    required: true,
    several: true,
  },
  options: {
    out: option(PATH, 'a page with the comparison', { value: 'FILE' }),
    ...OVERWRITE_FILE,
    ...JSON_OPTION,
  },
  examples: [
    ['dfmerge compare seed1 seed2 seed3', 'accuracies, coefficients and tests in the terminal'],
    ['dfmerge compare merged averaged --out compare.html', 'and as a page'],
  ],
  check: ({ runs, overwrite, out }) => {
    if (runs.length < 2) throw usage(`compare needs two or more runs: dfmerge compare ${runs[0]} OTHER`);
    if (overwrite && out === undefined) throw usage('compare: --overwrite is for --out FILE');
  },
  run: async ({ runs, out, overwrite }, { run: { signal, onWarning } }) => {
    const compared = await compareRuns({ runs, out, overwrite, signal, onWarning });
    return {
      result: compared,
      ...(out === undefined ? {} : { out }),
      show: () => {
        printSideBySide(compared);
        if (out !== undefined) print(`\nWritten: ${out}`);
      },
    };
  },
});

const right = (key: string) => ({ key, align: 'right' as const });

function printSideBySide({ runs, tasks, shared, split, differences, notes }: SideBySide): void {
  const names = runs.map(({ name }) => name);
  const table = (first: string, rows: readonly (readonly [string, ...(string | undefined)[]])[]) =>
    print(
      renderTable(
        rows.map(([label, ...values]): TableRow =>
          Object.fromEntries([[first, label], ...values.map((value, index) => [`run ${index}`, value] as const)]),
        ),
        [first, ...names.map((name, index) => ({ ...right(`run ${index}`), label: name }))],
      ),
    );
  const shown = (estimate: Estimate | undefined) => estimate && `${percent(estimate.accuracy)} (${range(estimate)})`;
  if (tasks.length > 0) {
    print(`\nAccuracy on the ${split} split, with intervals of 95 %:`);
    table('task', [
      ...tasks.map((task) => [task, ...runs.map((run) => shown(run.tasks[task]))] as const),
      ...(shared.length > 1 ? [[`mean of ${shared.length}`, ...runs.map(({ mean }) => shown(mean))] as const] : []),
      ...(runs.some(({ kept }) => kept)
        ? [['share kept', ...runs.map(({ kept }) => kept && percent(kept.mean))] as const]
        : []),
    ]);
  }
  if (differences.length > 0) {
    print(`\nPoints ahead of ${names[0]} on the same rows (paired tests; p < 0.05 is more than chance explains):`);
    const rows = [...shared, ...(shared.length > 1 ? [undefined] : [])].map((task): TableRow => ({
      task: task ?? 'mean',
      ...Object.fromEntries(
        differences.map(({ mean, tasks: byTask }, index) => {
          const test = task === undefined ? mean : (byTask[task] as typeof mean | undefined);
          return [`run ${index}`, test && `${points(test.difference)} (${probability(test.p)})`];
        }),
      ),
    }));
    const columns = differences.map(({ name }, index) => ({ ...right(`run ${index}`), label: name }));
    print(renderTable(rows, ['task', ...columns]));
  }
  const nameOf = ({ model, task }: { model: string; task?: string }) => task ?? model;
  const models = [...new Set(runs.flatMap((run) => run.models.map(nameOf)))];
  print('\nThe runs:');
  table('', [
    ['method', ...runs.map(({ method }) => method)],
    ['seed', ...runs.map(({ seed }) => String(seed))],
    ['trials', ...runs.map(({ trials, failed }) => `${trials}${failed > 0 ? ` (${failed} failed)` : ''}`)],
    ['best objective', ...runs.map(({ best }) => best && percent(best.objective))],
    ['time', ...runs.map(({ seconds }) => duration(seconds))],
    ...models.map(
      (name) =>
        [
          `λ ${name}`,
          ...runs.map((run) => {
            const found = run.models.find((model) => nameOf(model) === name);
            return found && coefficient(found.coefficient);
          }),
        ] as const,
    ),
  ]);
  if (notes.length > 0) print(`\n${notes.join('\n')}`);
}
