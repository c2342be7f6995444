import { journalPath, search } from '../commands/search.js';
import { listOf } from '../core/kinds.js';
import { methodNamed } from '../methods/index.js';
import { helpOfSearchMethods } from '../methods/reference.js';
import { recipeForSearch } from '../recipe/read.js';
import type { SearchRecipe } from '../recipe/recipe.js';
import { roughDuration } from '../report/format.js';
import { COMPARISONS, DEFAULT_COMPARISONS } from '../run/comparison.js';
import { trialsOf } from '../search/proposals.js';
import type { FailedTrial, SearchEvents, TrialRecord } from '../search/trial.js';
import { command } from './command.js';
import { dryRun } from './check.js';
import { DATA, dataOptions, DRY_RUN, FOLDER, print, RECIPE_SEED } from './common.js';
import { Interruption } from './failure.js';
import { flag, list } from './options.js';
import { leftWords, type ProgressDisplay } from './progress.js';
import { printRun } from './run_table.js';
import { commandLine, resumingWords } from './shell.js';

const OPTIONS = {
  ...FOLDER,
  resume: flag('go on with an interrupted or finished search into the same folder'),
  repair: flag('the same where the journal is damaged: from its last good line; a copy is kept'),
  ...DRY_RUN,
  ...RECIPE_SEED,
  compare: list(
    listOf(COMPARISONS),
    `other merges to evaluate beside the best, or none [default: ${DEFAULT_COMPARISONS.join(' ')}]`,
    { value: 'NAME' },
  ),
  ...DATA,
};

export const searchCommand = command({
  name: 'search',
  describe: 'Search the coefficients of a merge',
  positional: { name: 'recipe', value: 'RECIPE', describe: 'recipe file (YAML) without weights', required: true },
  options: OPTIONS,
  examples: [
    ['dfmerge search recipe.yaml --out merged', 'search, then write merged/ with README.md, report.html, dfmerge.json'],
    ['dfmerge search recipe.yaml --out merged --resume', 'go on after an interruption, to the same result'],
    ['dfmerge search recipe.yaml --out merged --compare base fisher', 'compare with the base and with Fisher merging'],
  ],
  epilogue: () => `Methods that leave coefficients to a search:\n${helpOfSearchMethods()}`,
  run: async (args, { run, progress }) => {
    if (args['dry-run']) {
      const { out, compare, seed } = args;
      const overwrite = args.overwrite || args.resume || args.repair;
      const options = { ...dataOptions(args), ...run, purpose: 'search', out, overwrite, compare, seed } as const;
      return dryRun(args.recipe, options);
    }
    const recipe = recipeForSearch(args.recipe);
    if (args.seed !== undefined) recipe.search.seed = args.seed;
    const { out, resume, repair, overwrite, compare } = args;
    const settings = { out, resume, repair, overwrite, compare };
    const options = { ...dataOptions(args), ...run, ...trialLines(recipe, progress), ...settings };
    const record = await search(recipe, options).catch((error: unknown) => {
      throw error instanceof Interruption ? new Interruption(error.signal, howToGoOn(out)) : error;
    });
    return {
      result: record,
      out,
      show: () => {
        printRun(record);
        print(`\nWritten: ${out} (beside the weights: README.md, report.html, dfmerge.json)`);
      },
    };
  },
});

/** A line for each trial as it ends. */
function trialLines(
  { mergeMethod, search: settings }: SearchRecipe,
  progress: ProgressDisplay,
): Pick<SearchEvents, 'onTrial' | 'onFailure'> {
  const { search: searched } = methodNamed(mergeMethod);
  const total = searched ? trialsOf(searched, settings) : 0;
  const onTrial = (trial: TrialRecord, best: TrialRecord, seconds: number) => {
    const left = leftWords(progress.secondsLeft);
    progress.line(
      `trial ${String(trial.trial).padStart(String(total).length)}/${total}  objective ${trial.objective.toFixed(4)}${trial.stopped ? ' (stopped)' : ''}  best ${best.objective.toFixed(4)} (trial ${best.trial})  ` +
        `λ ${trial.coefficients.map((c) => c.toFixed(2)).join(' ')}  ${roughDuration(seconds)}${left}`,
    );
  };
  const onFailure = ({ trial, reason }: FailedTrial) => progress.line(`trial ${trial}/${total}  failed: ${reason}`);
  return { onTrial, onFailure };
}

function howToGoOn(out: string): string {
  const line = commandLine(resumingWords(process.argv.slice(2)));
  return `stopped; every finished trial is in ${journalPath(out)}. Go on with: ${line}`;
}
