import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCompanion } from '../checkpoint/companion_files.js';
import { INDEX_FILE, SINGLE_FILE } from '../checkpoint/folder.js';
import type { RunInput } from '../core/inputs.js';
import { isObject } from '../core/files.js';
import type { Recipe } from '../recipe/recipe.js';
import { SPLITS } from '../tasks/rows.js';

/** A model's folder as an input of a run: its weights, its configuration and its tokenizer. */
export async function modelInput(path: string, what: string): Promise<RunInput> {
  const shards = await shardsOf(path);
  const reads = (name: string) =>
    ['config.json', SINGLE_FILE, INDEX_FILE].includes(name) || shards.has(name) || isCompanion(name);
  return { path, what, reads };
}

/** A task's folder as an input of a run: its splits. */
export function dataInput(path: string, what: string): RunInput {
  return { path, what, reads: (name) => SPLITS.some((split) => name === `${split}.jsonl`) };
}

/** Everything that a run of a recipe reads. */
export async function recipeInputs({ file, baseModel, models, tasks }: Recipe): Promise<RunInput[]> {
  const inputs = [await modelInput(baseModel.path, 'the base model')];
  for (const { path, written, fisher } of models) {
    inputs.push(await modelInput(path, `the model ${written}`));
    if (fisher) inputs.push({ path: fisher.path, what: `the Fisher ${fisher.written}` });
  }
  inputs.push(...tasks.map(({ name, path }) => dataInput(path, `the data of task ${name}`)));
  if (file !== undefined) inputs.push({ path: file, what: 'the recipe' });
  return inputs;
}

/** The weight files that a folder's index names; none where there is no index that can be read, which whoever opens the model says. */
async function shardsOf(dir: string): Promise<Set<unknown>> {
  try {
    const index: unknown = JSON.parse(await readFile(join(dir, INDEX_FILE), 'utf8'));
    return new Set(isObject(index) && isObject(index.weight_map) ? Object.values(index.weight_map) : []);
  } catch {
    return new Set();
  }
}
