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
 * Models of the hub that go by a name alone, with the owner that they have there: those of the hub's first years, which still need none, and those
 * that are often named without.
 */
const OWNERS: readonly (readonly [name: RegExp, owner: string])[] = [
  [/^t5-(small|base|large|3b|11b)$/, 'google-t5'],
  [/^(flan-t5|t5-v1_1|t5-efficient|mt5|byt5|long-t5|switch|ul2|flan-ul2)(-[\w.-]+)?$/, 'google'],
  [/^(distil)?gpt2(-[\w.-]+)?$/, 'openai-community'],
  [/^bert-[\w.-]+$/, 'google-bert'],
  [/^(xlm-)?roberta-[\w.-]+$/, 'FacebookAI'],
  [/^distil(bert|roberta)-[\w.-]+$/, 'distilbert'],
  [/^albert-[\w.-]+$/, 'albert'],
  [/^bart-[\w.-]+$/, 'facebook'],
];

/** The identifier in the Hugging Face hub that a path looks like, or undefined. */
function hubId(written: string): string | undefined {
  if (HUB_ID.test(written)) return written;
  const owner = OWNERS.find(([name]) => name.test(written))?.[1];
  return owner === undefined ? undefined : `${owner}/${written}`;
}

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
  const id = hubId(written);
  if (id === undefined) return tildeAdvice(written);
  const folder = id.slice(id.indexOf('/') + 1);
  return (
    `; models are read from folders. If this is one of the Hugging Face hub, download it first with ` +
    `"hf download ${id} --local-dir ${folder}" (pip install huggingface_hub) and give ${folder}`
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
