import { merge } from '../commands/merge.js';
import { OUTPUT_DTYPES } from '../checkpoint/write.js';
import { listOf, oneOf, PATH, wholeNumber } from '../core/kinds.js';
import { helpOfMethods } from '../methods/reference.js';
import { recipeForMerge } from '../recipe/read.js';
import { recipeFromRecord } from '../recipe/recorded.js';
import { COMPARISONS } from '../run/comparison.js';
import { usage } from './arguments.js';
import { command } from './command.js';
import { dryRun } from './check.js';
import { DATA, dataOptions, DRY_RUN, FOLDER, print, RECIPE_SEED } from './common.js';
import { flag, list, option } from './options.js';
import { printRun } from './run_table.js';

export const mergeCommand = command({
  name: 'merge',
  describe: 'Merge once, at the coefficients of a recipe',
  positional: {
    name: 'recipe',
    value: 'RECIPE',
    describe: 'recipe file (YAML), or the dfmerge.json of an earlier merge; left out with --from',
    required: false,
  },
  options: {
    ...FOLDER,
    from: option(PATH, 'dfmerge.json of a search or merge: merge again at its coefficients', { value: 'FILE' }),
    trial: option(wholeNumber(1), 'with --from: at this trial of the search [default: the best]'),
    'recipe-folder': option(PATH, 'with --from: where the paths of its recipe start, if that was moved', {
      value: 'DIR',
    }),
    dtype: option(oneOf(OUTPUT_DTYPES), "of the weights written [default: the recipe's]", { value: 'DTYPE' }),
    ...DRY_RUN,
    ...RECIPE_SEED,
    evaluate: flag("evaluate on the recipe's tasks or not [default: on those with labels]", { fallback: undefined }),
    compare: list(listOf(COMPARISONS), 'other merges to evaluate beside it [default: none]', { value: 'NAME' }),
    ...DATA,
  },
  examples: [
    ['dfmerge merge recipe.yaml --out merged', 'merge, evaluate and write merged/'],
    ['dfmerge merge recipe.yaml --out merged --no-evaluate', 'only merge'],
    ['dfmerge merge --from merged/dfmerge.json --trial 7 --out seventh', 'merge at the seventh trial of a search'],
  ],
  check: ({ recipe, from, ...args }) => {
    if ((recipe === undefined) === (from === undefined))
      throw usage(
        recipe === undefined ? 'merge needs a recipe, or --from FILE' : 'merge takes a recipe or --from, not both',
      );
    const alone = (['trial', 'recipe-folder'] as const).find((name) => from === undefined && args[name] !== undefined);
    if (alone) throw usage(`--${alone} goes with --from FILE`);
  },
  epilogue: () => `Methods:\n${helpOfMethods()}`,
  run: async (args, { run }) => {
    const { from, trial, dtype, 'recipe-folder': folder } = args;
    if (args['dry-run']) {
      const { out, overwrite, evaluate, compare, seed } = args;
      const input = from === undefined ? args.recipe : recipeFromRecord(from, { trial, folder });
      const options = {
        ...dataOptions(args),
        ...run,
        purpose: 'merge',
        out,
        overwrite,
        evaluate,
        compare,
        seed,
      } as const;
      return dryRun(input, options);
    }
    const recipe = from === undefined ? recipeForMerge(args.recipe) : recipeFromRecord(from, { trial, folder });
    if (dtype !== undefined) recipe.dtype = dtype;
    if (args.seed !== undefined) recipe.search.seed = args.seed;
    const { out, overwrite, evaluate, compare } = args;
    const record = await merge(recipe, { ...dataOptions(args), ...run, out, overwrite, evaluate, compare });
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
