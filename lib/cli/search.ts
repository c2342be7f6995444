import type { CommandModule } from 'yargs';
import { seedOption } from '../core/arguments.js';
import { COMPARISONS, DEFAULT_COMPARISONS, type Comparison } from '../run/comparison.js';
import { DfMergeError } from '../core/errors.js';
import { mean } from '../core/statistics.js';
import { methodNamed } from '../methods/index.js';
import { helpOfSearchMethods } from '../methods/reference.js';
import { recipeForSearch } from '../recipe/read.js';
import { roughDuration } from '../report/format.js';
import { journalPath, search } from '../commands/search.js';
import { trialsOf } from '../search/proposals.js';
import type { FailedTrial, TrialRecord } from '../search/trial.js';
import { dataOptions, interruptible, print, printJson, withData, type DataArguments } from './common.js';
import { ProgressDisplay } from './progress.js';
import { printRun } from './run_table.js';

interface SearchArguments extends DataArguments {
  recipe: string;
  out: string;
  resume: boolean;
  overwrite: boolean;
  seed?: number;
  compare?: string[];
}

export const searchCommand: CommandModule<object, SearchArguments> = {
  command: 'search <recipe>',
  describe: 'Search the coefficients of a merge',
  builder: (yargs) =>
    withData(
      yargs
        .positional('recipe', { type: 'string', demandOption: true, describe: 'recipe file (YAML) without weights' })
        .option('out', {
          type: 'string',
          demandOption: true,
          describe: 'folder of the merged model; must not be there yet',
        })
        .option('resume', {
          type: 'boolean',
          default: false,
          describe: 'go on with an interrupted search into the same folder',
        })
        .option('overwrite', { type: 'boolean', default: false, describe: 'replace the model folder' })
        .option('seed', { type: 'number', describe: "in place of the recipe's seed" })
        .option('compare', {
          type: 'string',
          array: true,
          describe: `other merges to evaluate beside the best: ${COMPARISONS.join(', ')}, none [default: ${DEFAULT_COMPARISONS.join(' ')}]`,
        })
        .example('$0 search recipe.yaml --out merged', 'search, then write merged/ with dfmerge.json and report.html')
        .example('$0 search recipe.yaml --out merged --resume', 'go on after an interruption, to the same result')
        .example(
          '$0 search recipe.yaml --out merged --compare base fisher',
          'compare with the base and with Fisher merging',
        )
        .epilogue(`Methods that leave coefficients to a search:\n${helpOfSearchMethods()}`),
    ),
  handler: async (args) => {
    const recipe = recipeForSearch(args.recipe);
    if (args.seed !== undefined) recipe.search.seed = seedOption(args.seed, '--seed');
    const progress = new ProgressDisplay(args);
    const { search: searched } = methodNamed(recipe.mergeMethod);
    const total = searched ? trialsOf(searched, recipe.search) : 0;
    const times: number[] = [];
    const onTrial = (trial: TrialRecord, best: TrialRecord, seconds: number) => {
      times.push(seconds);
      const left = trial.trial < total ? `, ${roughDuration(mean(times) * (total - trial.trial))} left` : '';
      progress.line(
        `trial ${String(trial.trial).padStart(String(total).length)}/${total}  objective ${trial.objective.toFixed(4)}${trial.stopped ? ' (stopped)' : ''}  best ${best.objective.toFixed(4)} (trial ${best.trial})  ` +
          `λ ${trial.coefficients.map((c) => c.toFixed(2)).join(' ')}  ${roughDuration(seconds)}${left}`,
      );
    };
    const onFailure = ({ trial, reason }: FailedTrial) => progress.line(`trial ${trial}/${total}  failed: ${reason}`);
    await interruptible(async (signal) => {
      try {
        const options = {
          ...dataOptions(args),
          out: args.out,
          resume: args.resume,
          overwrite: args.overwrite,
          compare: comparisons(args.compare),
        };
        const record = await search(recipe, {
          ...options,
          signal,
          onProgress: progress.update,
          onWarning: progress.warning,
          onTrial,
          onFailure,
        });
        progress.stop();
        if (args.json) return printJson(record);
        printRun(record);
        print(`\nWritten: ${args.out} (dfmerge.json, report.html beside the weights)`);
      } catch (error) {
        if (error instanceof DfMergeError && error.code === 'ABORTED') {
          const same = (['seed', 'compute-dtype'] as const)
            .flatMap((name) => (args[name] === undefined ? [] : [` --${name} ${args[name]}`]))
            .join('');
          throw new DfMergeError(
            'ABORTED',
            `stopped; every finished trial is in ${journalPath(args.out)}. Go on with: dfmerge search ${args.recipe} --out ${args.out}${same} --resume`,
            { cause: error },
          );
        }
        throw error;
      } finally {
        progress.stop();
      }
    });
  },
};

/** The comparisons of these names, where `none` stands for none. Errors: INVALID_ARGUMENT for an unknown name. */
export function comparisons(names: readonly string[] | undefined): Comparison[] | undefined {
  const all = names?.flatMap((name) => name.split(',')).filter((name) => name !== 'none');
  for (const name of all ?? []) {
    if (!COMPARISONS.includes(name))
      throw new DfMergeError('INVALID_ARGUMENT', `--compare ${name}: expected ${COMPARISONS.join(', ')} or none`);
  }
  return all;
}
