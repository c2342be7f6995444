import { lstat, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { isObject } from '../core/files.js';
import { digestOf, listFiles, type ManifestFiles } from '../core/manifest.js';

/** The file of a demo's folder that lists what the demo made in it. */
export const MADE_BY_DEMO = 'demo.json';

/** The file `part` of a folder, or all files in it where it is a folder itself. Errors: those of the operating system. */
export async function listPart(dir: string, part: string): Promise<ManifestFiles> {
  const found = await lstat(join(dir, part));
  if (found.isDirectory()) return listFiles(dir, part);
  return { [part]: { bytes: found.size, sha256: await digestOf(join(dir, part)) } };
}

/** What the demo.json of a folder lists; undefined where there is none that is a demo's. */
export async function readMade(dir: string): Promise<ManifestFiles | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(dir, MADE_BY_DEMO), 'utf8'));
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value.dfmerge !== 'string' || !isObject(value.files)) return undefined;
  const isMade = ([name, file]: [string, unknown]) =>
    isInside(name) && isObject(file) && typeof file.bytes === 'number' && typeof file.sha256 === 'string';
  return Object.entries(value.files).every(isMade) ? (value.files as ManifestFiles) : undefined;
}

function isInside(name: string): boolean {
  return name !== '' && posix.normalize(name) === name && !posix.isAbsolute(name) && name.split('/')[0] !== '..';
}
