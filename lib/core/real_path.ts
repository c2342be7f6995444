import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * The real path of a file or folder that need not be there yet: links are resolved as far as there is something, a link to nothing too, and
 * the rest of the path is kept. Errors: those of the operating system, such as ELOOP and EACCES; ENOTDIR.
 */
export async function realTarget(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(absolute) === absolute) throw error;
  }
  const parent = await realTarget(dirname(absolute));
  const here = join(parent, basename(absolute));
  const pointsTo = await readlink(here).catch(() => undefined);
  return pointsTo === undefined ? here : realTarget(resolve(parent, pointsTo));
}
