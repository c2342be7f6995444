import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../core/files.js';
import { DfMergeError } from '../core/errors.js';
import { dfMerge } from '../methods/df_merge.js';
import type { Plan } from './plan.js';

const FIRST_LINE = '# Made by dfmerge demo.';
const RECIPE = 'recipe.yaml';

/** What the demo makes in its folder. Nothing else is ever removed. */
const PARTS = ['data', 'models', 'merged', 'merged.journal.jsonl', RECIPE];

/**
 * Makes the demo's folder with the recipe in it. The first line of the recipe is what the folder of an earlier demo is known by.
 * Errors: EXISTS; INVALID_ARGUMENT where overwriting would touch something that no demo made.
 */
export async function openFolder(out: string, recipe: string, options: { overwrite?: boolean } = {}): Promise<void> {
  if ((await exists(out)) && (await readdir(out)).length > 0) {
    if (!options.overwrite)
      throw new DfMergeError('EXISTS', `${out} exists already; choose another folder or ask to overwrite it`);
    const file = join(out, RECIPE);
    const mine = (await exists(file)) && (await readFile(file, 'utf8')).startsWith(FIRST_LINE);
    if (!mine)
      throw new DfMergeError(
        'INVALID_ARGUMENT',
        `will not overwrite ${out}: no demo made it (its ${RECIPE} is missing or another)`,
      );
    for (const part of PARTS) await rm(join(out, part), { recursive: true, force: true });
  }
  await mkdir(join(out, 'models'), { recursive: true });
  await writeFile(join(out, RECIPE), recipe);
}

/** The recipe of the demo's search, whose paths are relative to the demo's folder. */
export function recipeText(tasks: readonly string[], search: Plan['search'], seed: number): string {
  const models = tasks.map((task) => `  - { model: models/${task}, task: ${task} }\n`).join('');
  const data = tasks.map((task) => `  ${task}: { data: data/${task} }\n`).join('');
  return `${FIRST_LINE} Run it again: dfmerge search recipe.yaml --out merged-again
merge_method: ${dfMerge.name}
base_model: models/base
models:
${models}tasks:
${data}fisher: { mode: exact, samples: 30, split: validation }
search: { acquisition: ei, xi: 0.01, init: ${search.init}, iterations: ${search.iterations}, validation_ratio: 1.0, seed: ${seed} }
dtype: float32
`;
}
