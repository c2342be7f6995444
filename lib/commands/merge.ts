import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { usesFisher } from '../run/candidate.js';
import { assertWritable } from '../checkpoint/write.js';
import type { Comparison } from '../run/comparison.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import { finishRun } from '../run/output.js';
import type { RunOptions } from '../core/progress.js';
import type { MergeRecipe } from '../recipe/recipe.js';
import type { RunRecord } from '../run/record.js';
import { prepareTasks } from '../tasks/prepare.js';
import { Stopwatch } from '../core/timing.js';

/** Options of a merge besides its recipe. */
export interface MergeOptions extends RunOptions, ComputeOptions, DataOptions {
  /** Folder of the merged model; made at the end, all at once. */
  out: string;
  /** Replace the model folder `out`. */
  overwrite?: boolean;
  /** Evaluate the merged model on the recipe's tasks, which then need labels. Default: on those that have them. */
  evaluate?: boolean;
  /** Other merges to evaluate beside it. Default: none. */
  compare?: readonly Comparison[];
}

/**
 * One merge at the coefficients of a recipe (paper, eq. 7), written as a model folder with `dfmerge.json` and `report.html`.
 * Errors: INVALID_RECIPE, EXISTS, MISMATCH, NUMERIC, ABORTED and those of the parts.
 */
export async function merge(written: MergeRecipe, options: MergeOptions): Promise<RunRecord> {
  const recipe = { ...written, computeDtype: options.dtype ?? written.computeDtype };
  const out = resolve(options.out);
  await mkdir(dirname(out), { recursive: true });
  await assertWritable(out, options);
  const stopwatch = new Stopwatch();
  const measured = usesFisher(recipe.mergeMethod) && recipe.models.some(({ fisher }) => !fisher);
  const scored = options.evaluate === undefined ? 'where labelled' : options.evaluate ? 'yes' : 'no';
  const needsTasks = recipe.tasks.length > 0 && (measured || scored !== 'no');
  const model = await stopwatch.time('load', () =>
    Session.open(
      recipe.baseModel.path,
      recipe.models.map(({ path }) => path),
      { ...options, dtype: recipe.computeDtype, tokenizer: needsTasks },
    ),
  );
  try {
    const fisher = measured ? recipe.fisher : undefined;
    const prepare = () =>
      prepareTasks(model, recipe, {
        seed: recipe.search.seed,
        validationRatio: 1,
        fisher,
        scored,
        cache: options.cache,
      });
    const tasks = needsTasks ? await stopwatch.time('load', prepare) : [];
    const coefficients = recipe.models.map(({ coefficient }) => coefficient);
    return await finishRun(
      { model, recipe, tasks, stopwatch },
      { ...options, out, coefficients, trials: [], compare: options.compare ?? [] },
    );
  } finally {
    model.close();
  }
}
