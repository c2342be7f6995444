import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isObject } from './files.js';
import { jsonText } from './json.js';
import { writeNew } from './new_file.js';

/** The record that every folder made by dfmerge holds. */
export const MANIFEST_FILE = 'dfmerge.json';

/** The files that dfmerge wrote in a folder, by their paths in it with `/`; dfmerge.json itself is not among them. */
export type ManifestFiles = Record<string, { bytes: number; sha256: string }>;

/**
 * What dfmerge.json says beside the list of files: an object, or a function that gives what the file holds in all where the list is part of it.
 */
export type FolderRecord = object | ((files: ManifestFiles) => object);

/** Writes a folder's dfmerge.json, which lists everything else in it. Errors: those of the operating system, where there is one already. */
export async function writeManifest(dir: string, record: FolderRecord = {}): Promise<void> {
  const files = await listFiles(dir);
  const whole =
    typeof record === 'function' ? (record as (files: ManifestFiles) => object)(files) : { ...record, files };
  await writeNew(join(dir, MANIFEST_FILE), jsonText(whole));
}

/** Lists everything in a folder but its dfmerge.json. Errors: those of the operating system. */
export async function listFiles(dir: string, within = ''): Promise<ManifestFiles> {
  const files: ManifestFiles = {};
  for (const entry of (await readdir(join(dir, within), { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const name = within === '' ? entry.name : `${within}/${entry.name}`;
    if (entry.isDirectory()) Object.assign(files, await listFiles(dir, name));
    else if (name !== MANIFEST_FILE) files[name] = await describe(join(dir, name));
  }
  return files;
}

/** The files that a folder's dfmerge.json lists; `no manifest` where there is none that can be read, `no list` where it lists nothing. */
export async function readManifest(dir: string): Promise<ManifestFiles | 'no manifest' | 'no list'> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(join(dir, MANIFEST_FILE), 'utf8'));
  } catch {
    return 'no manifest';
  }
  if (!isObject(value)) return 'no manifest';
  if (!isObject(value.files)) return typeof value.dfmerge === 'string' ? 'no list' : 'no manifest';
  const whole = (file: unknown) => isObject(file) && typeof file.bytes === 'number' && typeof file.sha256 === 'string';
  return Object.values(value.files).every(whole) ? (value.files as ManifestFiles) : 'no manifest';
}

/** Whether a file is still what a manifest says of it. A link, or what cannot be read, is not. */
export async function isUnchanged(path: string, listed: ManifestFiles[string] | undefined): Promise<boolean> {
  if (!listed) return false;
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile() || found.size !== listed.bytes) return false;
  return (await digestOf(path).catch(() => '')) === listed.sha256;
}

/** The SHA-256 of a file in hex. Errors: those of the operating system. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  return hash.digest('hex');
}

async function describe(path: string): Promise<ManifestFiles[string]> {
  return { bytes: (await lstat(path)).size, sha256: await digestOf(path) };
}
