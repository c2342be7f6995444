import type { CommandModule } from 'yargs';
import { seedOption } from '../core/arguments.js';
import { COMPARISONS } from '../run/comparison.js';
import { merge } from '../commands/merge.js';
import { helpOfMethods } from '../methods/reference.js';
import { recipeForMerge } from '../recipe/read.js';
import { dataOptions, interruptible, print, printJson, withData, type DataArguments } from './common.js';
import { ProgressDisplay } from './progress.js';
import { printRun } from './run_table.js';
import { comparisons } from './search.js';

interface MergeArguments extends DataArguments {
  recipe: string;
  out: string;
  overwrite: boolean;
  seed?: number;
  evaluate?: boolean;
  compare?: string[];
}

export const mergeCommand: CommandModule<object, MergeArguments> = {
  command: 'merge <recipe>',
  describe: 'Merge once, at the coefficients of a recipe',
  builder: (yargs) =>
    withData(
      yargs
        .positional('recipe', { type: 'string', demandOption: true, describe: 'recipe file (YAML)' })
        .option('out', {
          type: 'string',
          demandOption: true,
          describe: 'folder of the merged model; must not be there yet',
        })
        .option('overwrite', { type: 'boolean', default: false, describe: 'replace the model folder' })
        .option('seed', { type: 'number', describe: "in place of the recipe's seed" })
        .option('evaluate', {
          type: 'boolean',
          describe: "evaluate on the recipe's tasks [default: those with labels]",
        })
        .option('compare', {
          type: 'string',
          array: true,
          describe: `other merges to evaluate beside it: ${COMPARISONS.join(', ')} [default: none]`,
        })
        .example('$0 merge recipe.yaml --out merged', 'merge, evaluate and write merged/')
        .example('$0 merge recipe.yaml --out merged --no-evaluate', 'only merge')
        .epilogue(`Methods:\n${helpOfMethods()}`),
    ),
  handler: async (args) => {
    const recipe = recipeForMerge(args.recipe);
    if (args.seed !== undefined) recipe.search.seed = seedOption(args.seed, '--seed');
    const progress = new ProgressDisplay(args);
    await interruptible(async (signal) => {
      try {
        const { out, overwrite, evaluate } = args;
        const record = await merge(recipe, {
          ...dataOptions(args),
          out,
          overwrite,
          evaluate,
          compare: comparisons(args.compare),
          signal,
          onProgress: progress.update,
          onWarning: progress.warning,
        });
        progress.stop();
        if (args.json) return printJson(record);
        printRun(record);
        print(`\nWritten: ${out} (dfmerge.json, report.html beside the weights)`);
      } finally {
        progress.stop();
      }
    });
  },
};
