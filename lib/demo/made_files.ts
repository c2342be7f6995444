import { lstat, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { isObject } from '../core/files.js';
import { digestOf, listFiles, MANIFEST_FILE, readManifest, type ManifestFiles } from '../core/manifest.js';

/** The file of a demo's folder that lists what the demo made in it. */
export const MADE_BY_DEMO = 'demo.json';

/** The file `part` of a folder, or all files in it where it is a folder itself. Errors: those of the operating system. */
export async function listPart(dir: string, part: string): Promise<ManifestFiles> {
  const found = await lstat(join(dir, part));
  if (found.isDirectory()) return listFiles(dir, part);
  return { [part]: { bytes: found.size, sha256: await digestOf(join(dir, part)) } };
}

/**
 * The files of a part that a demo was making when it was killed: those that the dfmerge.json of a folder lists, that file itself, and a file by its name.
 * Errors: those of the operating system.
 */
export async function listUnfinished(dir: string, part: string): Promise<ManifestFiles> {
  const found = await lstat(join(dir, part)).catch(() => undefined);
  if (!found) return {};
  if (!found.isDirectory()) return found.isFile() ? listPart(dir, part) : {};
  const manifest = await readManifest(join(dir, part));
  if (typeof manifest === 'string') return {};
  const listed = Object.entries(manifest).filter(([name]) => isInside(name));
  const itself = `${part}/${MANIFEST_FILE}`;
  return {
    ...Object.fromEntries(listed.map(([name, file]) => [`${part}/${name}`, file])),
    [itself]: { bytes: (await lstat(join(dir, itself))).size, sha256: await digestOf(join(dir, itself)) },
  };
}

/** What a demo.json says. */
export interface Made {
  files: ManifestFiles;
  /** The names that were free when a demo began that has not ended: what lies there and is as dfmerge made it is that demo's. */
  parts: string[];
}

/** What the demo.json of a folder says; undefined where there is none that is a demo's. */
export async function readMade(dir: string): Promise<Made | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(dir, MADE_BY_DEMO), 'utf8'));
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value.dfmerge !== 'string' || !isObject(value.files)) return undefined;
  const isMade = ([name, file]: [string, unknown]) =>
    isInside(name) && isObject(file) && typeof file.bytes === 'number' && typeof file.sha256 === 'string';
  if (!Object.entries(value.files).every(isMade)) return undefined;
  const parts = Array.isArray(value.parts) ? value.parts : [];
  const named = parts.filter((part): part is string => typeof part === 'string' && isInside(part));
  return { files: value.files as ManifestFiles, parts: named };
}

function isInside(name: string): boolean {
  return name !== '' && posix.normalize(name) === name && !posix.isAbsolute(name) && name.split('/')[0] !== '..';
}
