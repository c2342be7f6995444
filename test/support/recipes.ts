import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../../lib/core/errors.js';

/** A folder that a test file writes its recipes to, and a recipe's file in it; both go when the tests have ended. */
export function recipePlace(): { folder: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), 'dfmerge-recipe-'));
  test.after.always(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, file: join(folder, 'recipe.yaml') };
}

/** A recipe for a search, which names two models and their tasks. */
export const SEARCH = `merge_method: df_merge
base_model: models/base
models:
  - model: models/task_a
    task: a
  - model: /elsewhere/task_b
    task: b
tasks:
  a: { data: data/a }
  b: { data: data/b }
`;

/** A recipe for one merge of two models. */
export const MERGE = `merge_method: gta
base_model: models/base
models:
  - model: models/task_a
    parameters: { weight: 0.3 }
  - model: models/task_b
    parameters: { weight: -0.1 }
`;

/** The complaints of `read` about a recipe's text, which is written to `file`, as `LINE:COLUMN: message` without the file's name. */
export function complaintsIn(file: string, read: (path: string) => unknown, text: string): string[] {
  writeFileSync(file, text);
  try {
    read(file);
  } catch (error) {
    if (!(error instanceof DfMergeError) || error.code !== 'INVALID_RECIPE') throw error;
    return error.message.split('\n').map((line) => line.replace(`${file}:`, ''));
  }
  return [];
}
