import { merge } from '../commands/merge.js';
import { listOf } from '../core/kinds.js';
import { helpOfMethods } from '../methods/reference.js';
import { recipeForMerge } from '../recipe/read.js';
import { COMPARISONS } from '../run/comparison.js';
import { command } from './command.js';
import { DATA, dataOptions, FOLDER, print, RECIPE_SEED } from './common.js';
import { flag, list } from './options.js';
import { printRun } from './run_table.js';

export const mergeCommand = command({
  name: 'merge',
  describe: 'Merge once, at the coefficients of a recipe',
  positional: { name: 'recipe', value: 'RECIPE', describe: 'recipe file (YAML)', required: true },
  options: {
    ...FOLDER,
    ...RECIPE_SEED,
    evaluate: flag("evaluate on the recipe's tasks or not [default: on those with labels]", { fallback: undefined }),
    compare: list(listOf(COMPARISONS), 'other merges to evaluate beside it [default: none]', { value: 'NAME' }),
    ...DATA,
  },
  examples: [
    ['dfmerge merge recipe.yaml --out merged', 'merge, evaluate and write merged/'],
    ['dfmerge merge recipe.yaml --out merged --no-evaluate', 'only merge'],
  ],
  epilogue: () => `Methods:\n${helpOfMethods()}`,
  run: async (args, { run }) => {
    const recipe = recipeForMerge(args.recipe);
    if (args.seed !== undefined) recipe.search.seed = args.seed;
    const { out, overwrite, evaluate, compare } = args;
    const record = await merge(recipe, { ...dataOptions(args), ...run, out, overwrite, evaluate, compare });
    return {
      result: record,
      out,
      show: () => {
        printRun(record);
        print(`\nWritten: ${out} (dfmerge.json, report.html beside the weights)`);
      },
    };
  },
});
