import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * What a shell would make of a path that begins with `~`, or undefined where it begins otherwise. Recipes, libraries and `--out=~/x` are read by
 * no shell, and a folder that is really called `~` is hardly ever meant; it can be written `./~`.
 */
export function homePath(path: string): string | undefined {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : undefined;
}
