import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The folder in which token ids of data files and digests of large files are kept between runs: `$DFMERGE_CACHE`, else
 * `$XDG_CACHE_HOME/dfmerge`, else `~/.cache/dfmerge`.
 * @returns undefined where nothing is kept, because DFMERGE_CACHE is `off` or the user has no home
 */
export function cacheFolder(): string | undefined {
  const { DFMERGE_CACHE: given, XDG_CACHE_HOME: xdg } = process.env;
  if (given === 'off') return undefined;
  if (given) return resolve(given);
  if (xdg && isAbsolute(xdg)) return join(xdg, 'dfmerge'); // Its specification has a relative one ignored.
  try {
    const home = homedir();
    return isAbsolute(home) ? join(home, '.cache', 'dfmerge') : undefined;
  } catch {
    return undefined; // There is no HOME, and the system does not know the user.
  }
}

/** The cache folder that an option `cache` asks for: the one it names, none where it is false, and cacheFolder() where it is absent. */
export function chosenCacheFolder(cache: string | false | undefined): string | undefined {
  return cache === false ? undefined : (cache ?? cacheFolder());
}
