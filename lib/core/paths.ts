import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { DfMergeError } from './errors.js';

/**
 * What a shell would make of a path that begins with `~`, or undefined where it begins otherwise. Recipes, libraries and `--out=~/x` are read by
 * no shell, and a folder that is really called `~` is hardly ever meant; it can be written `./~`.
 */
export function homePath(path: string): string | undefined {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : undefined;
}

/** What a model of the Hugging Face hub is called: an owner and a name, with nothing in it that only a path has. */
const HUB_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/**
 * What a model of the hub is called without its owner: a name that ends with a size and perhaps with what it was trained on, or one of the oldest.
 * Any other single word may as well be a folder that was mistyped.
 */
const HUB_NAME =
  /^(distil)?gpt2$|^[A-Za-z][\w.]*(-[\w.]+)*-(tiny|mini|small|medium|base|large|huge|x*l|x*large|[\d.]+[bm])(-(un)?cased|-multilingual)*$/i;

/** What to say where nothing lies at a path that begins with `~`; '' for any other path. It goes on from "no such file or folder". */
export function tildeAdvice(written: string): string {
  const home = homePath(written);
  return home === undefined ? '' : `; "~" is replaced by a shell, where it is not quoted, and not here: write ${home}`;
}

/**
 * What to say where no folder lies at a model's path: what tildeAdvice says and, for an identifier of the Hugging Face hub, how to download it.
 * @param written the path as the user wrote it
 */
export function modelAdvice(written: string): string {
  if (!HUB_ID.test(written) && !HUB_NAME.test(written)) return tildeAdvice(written);
  const folder = written.slice(written.indexOf('/') + 1);
  const owner = folder === written ? `, with OWNER/${written} where it has an owner,` : '';
  return (
    `; models are read from folders. If this is one of the Hugging Face hub, download it first with ` +
    `"hf download ${written} --local-dir ${folder}"${owner} (pip install huggingface_hub) and give ${folder}`
  );
}

/** The absolute path of what is to be written. Errors: INVALID_ARGUMENT for one that begins with `~`, of which a folder of that name would come. */
export function outputPath(written: string): string {
  const home = homePath(written);
  if (home === undefined) return resolve(written);
  throw new DfMergeError(
    'INVALID_ARGUMENT',
    `${written}: "~" is replaced by a shell, where it is not quoted, and not here: write ${home}, or ./${written} for a folder of that name`,
  );
}
