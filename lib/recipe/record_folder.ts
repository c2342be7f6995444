import { realpathSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { isObject } from '../core/files.js';
import { realTarget } from '../core/real_path.js';

/** What of a record `dfmerge.json` says which recipe was run. */
export interface RunRecordFile {
  recipe: Record<string, unknown>;
  recipeFolder: string;
}

/** Whether a value is the record of a run, which holds a recipe. */
export function isRecord(value: unknown): value is RunRecordFile {
  return (
    isObject(value) &&
    typeof value.dfmerge === 'string' &&
    isObject(value.recipe) &&
    typeof value.recipeFolder === 'string'
  );
}

/** The folder of a recipe as a record keeps it: relative to the folder of the output, so that both can be moved together to any machine. */
export async function folderForRecord(out: string, folder: string): Promise<string> {
  const way = relative(await realTarget(out), await realTarget(folder));
  return way === '' ? '.' : way.split(sep).join('/');
}

/** The folder that a record names, from where the record lies. */
export function recordedFolder(file: string, recipeFolder: string): string {
  return resolve(dirname(realpathSync(file)), recipeFolder);
}
