import { check, type CheckOptions, type CheckResult } from '../commands/check.js';
import { sizeWords } from '../core/machine.js';
import { listOf, oneOf, PATH } from '../core/kinds.js';
import { methodNamed } from '../methods/index.js';
import { roughDuration } from '../report/format.js';
import { renderTable } from '../report/table.js';
import { COMPARISONS } from '../run/comparison.js';
import type { TaskCheckResult } from '../run/check_task.js';
import type { Problem } from '../run/problems.js';
import { command, type Outcome } from './command.js';
import { DATA, dataOptions, print, RECIPE_SEED } from './common.js';
import { EXIT } from './failure.js';
import { flag, list, option } from './options.js';

export const checkCommand = command({
  name: 'check',
  describe: 'Check a recipe and all that it reads, and say what a run would do and take',
  positional: { name: 'recipe', value: 'RECIPE', describe: 'recipe file (YAML)', required: true },
  options: {
    for: option(oneOf(['search', 'merge']), 'the command [default: search where the recipe can be searched]'),
    out: option(PATH, 'folder that the run would write', { value: 'DIR' }),
    overwrite: flag('the run would replace it'),
    compare: list(listOf(COMPARISONS), "other merges to evaluate beside it [default: the command's]", {
      value: 'NAME',
    }),
    time: flag('measure how long the run will take', { fallback: true }),
    ...RECIPE_SEED,
    ...DATA,
  },
  examples: [
    ['dfmerge check recipe.yaml --out merged', 'all problems at once; exit code 1 if there are any'],
    ['dfmerge check recipe.yaml --no-time --json', 'without the measurement, for a program'],
  ],
  run: (args, { run }) => {
    const { for: purpose, out, overwrite, compare, time, seed } = args;
    return dryRun(args.recipe, { ...dataOptions(args), ...run, purpose, out, overwrite, compare, time, seed });
  },
});

/** Does what `dfmerge check` does; the exit code is that of a failure where there are problems. */
export async function dryRun(recipe: Parameters<typeof check>[0], options: CheckOptions): Promise<Outcome> {
  const result = await check(recipe, options);
  if (result.problems.length > 0) process.exitCode = EXIT.failed;
  return { result, show: () => show(result) };
}

/** Does what --dry-run of a command on one task does; the exit code is that of a failure where there are problems. */
export async function dryRunOfTask(checking: Promise<TaskCheckResult>): Promise<Outcome> {
  const result = await checking;
  if (result.problems.length > 0) process.exitCode = EXIT.failed;
  return { result, show: () => showFound(result) };
}

function show(result: CheckResult): void {
  const { purpose, recipe } = result;
  if (recipe)
    print(
      `${purpose} by ${methodNamed(recipe.merge_method)?.title ?? recipe.merge_method}, seed ${recipe.search.seed}`,
    );
  showFound(result);
}

function showFound(result: TaskCheckResult & Pick<Partial<CheckResult>, 'compare'>): void {
  const { models, tasks, tokenizer, compare = [], memory, disk, time, problems } = result;
  if (models.length > 0)
    print(
      `\n${renderTable(
        models.map((model) => ({ ...model })),
        ['model', 'task', 'architecture', 'parameters', 'dtype'],
      )}`,
    );
  if (tasks.length > 0) {
    const rows = tasks.flatMap(({ name, splits }) =>
      splits.map(({ split, rows, labelled, choices, inputTokens, atLimit }) => ({
        task: name,
        used: split,
        rows,
        labelled,
        choices: choices.join(' to '),
        tokens: inputTokens.join(' to '),
        'at the limit': atLimit,
      })),
    );
    print(`\n${renderTable(rows, ['task', 'used', 'rows', 'labelled', 'choices', 'tokens', 'at the limit'])}`);
  }
  print('');
  if (tokenizer !== undefined) print(`Tokenizer: ${tokenizer}`);
  if (compare.length > 0) print(`Compared with: ${compare.join(', ')}`);
  if (memory) print(`Memory: about ${sizeWords(memory.needed)}, of ${sizeWords(memory.available)} that are free`);
  if (disk)
    print(
      `Disk: about ${sizeWords(disk.needed)}${disk.free === undefined ? '' : `, of ${sizeWords(disk.free)} that are free`}`,
    );
  if (time) {
    const trials = time.trials > 0 ? `, ${time.trials} trials of ${time.trialSeconds.toFixed(1)} s` : '';
    print(
      `Time: about ${roughDuration(time.seconds)}${trials} (measured for ${roughDuration(time.measuredSeconds)} on this machine)`,
    );
  }
  for (const problem of problems) print(`problem: ${placed(problem)}`);
  print(
    problems.length === 0
      ? 'Nothing is in the way of this run.'
      : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.`,
  );
}

function placed({ file, line, column, message }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return place === '' ? message : `${place}: ${message}`;
}
