import { lstat, mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exchange } from './file_system.js';
import { flush } from './files.js';
import { digestOf, isUnchanged, MANIFEST_FILE, readManifest, type ManifestFiles } from './manifest.js';
import { writeNew } from './new_file.js';

/** The folder in a workplace that is filled and then takes the target's place. */
export const NEW = 'new';
const OLD = 'old';
/** It is there once the new folder is whole, and names it by the digest of its dfmerge.json: from then on user's files may be in the workplace. */
const COMMIT = 'commit.json';

type Warn = (message: string) => void;

/**
 * Puts `work/new` in the place of `out`, where the file system can in one step. Of an old folder there, what its dfmerge.json lists is removed, and
 * everything else moves into the new one. Killed at any moment, either folder is whole at `out`, or recover() puts it there; nothing is lost.
 * Errors: those of the operating system, after which `out` is as it was.
 */
export async function replaceFolder(work: string, out: string, warn: Warn): Promise<void> {
  const manifest = await digestOf(join(work, NEW, MANIFEST_FILE));
  await writeNew(join(work, COMMIT), JSON.stringify({ manifest }));
  await flush(work);
  if (!(await isThere(out))) await rename(join(work, NEW), out);
  else if (!(await exchange(join(work, NEW), out))) {
    await rename(out, join(work, OLD));
    try {
      await rename(join(work, NEW), out);
    } catch (error) {
      await rename(join(work, OLD), out);
      throw error;
    }
  }
  await flush(dirname(out));
  await clear(work, out, warn).catch((error: Error) => warn(`${work} could not be cleared: ${error.message}`));
}

/**
 * Ends what a killed replaceFolder began. Before the new folder was whole there is nothing but its own files in the workplace, which goes; after
 * that the target gets the new folder, or the old one back, and what else was in the old one. Where something else stands at the target by
 * now, nothing is touched and a warning names the workplace. Errors: those of the operating system.
 */
export async function recover(work: string, out: string, warn: Warn): Promise<void> {
  const commit = await readFile(join(work, COMMIT), 'utf8').catch(() => undefined);
  let manifest: unknown;
  try {
    if (commit !== undefined) manifest = (JSON.parse(commit) as { manifest?: unknown }).manifest;
  } catch {
    // It was cut short, and so nothing was moved yet.
  }
  if (typeof manifest !== 'string') return rm(work, { recursive: true, force: true });
  const isNew = async (dir: string) => (await digestOf(join(dir, MANIFEST_FILE)).catch(() => '')) === manifest;
  const [fresh, old] = [join(work, NEW), join(work, OLD)];
  if (await isNew(out)) return clear(work, out, warn);
  const movedAway = await isThere(old);
  if (await isNew(fresh)) {
    if (!movedAway) return rm(work, { recursive: true, force: true }); // Killed before it took its place.
    if (!(await isThere(out))) {
      await rename(fresh, out);
      warn(`${out}: an overwriting that was interrupted is now complete`);
      return clear(work, out, warn);
    }
  } else if (!(await isThere(out))) {
    const left = movedAway ? old : fresh;
    if (await isThere(left)) {
      await rename(left, out);
      warn(`${out} is back, which an interrupted overwriting had moved away`);
    }
    return clear(work, out, warn);
  }
  if (movedAway || (await isThere(fresh)))
    warn(`${work} holds what lay at ${out} before an interrupted overwriting; move or delete it yourself`);
  else await clear(work, out, warn);
}

/** The listed files of a folder that are not as dfmerge wrote them. */
export async function changedFiles(dir: string): Promise<string[]> {
  const listed = await readManifest(dir);
  if (typeof listed === 'string') return [];
  const changed: string[] = [];
  for (const [name, file] of Object.entries(listed))
    if ((await isThere(join(dir, name))) && !(await isUnchanged(join(dir, name), file))) changed.push(name);
  return changed;
}

/** Empties a workplace whose new folder has taken its place, and removes it. */
async function clear(work: string, out: string, warn: Warn): Promise<void> {
  for (const dir of [join(work, OLD), join(work, NEW)]) if (await isThere(dir)) await retire(dir, out, warn);
  await rm(join(work, COMMIT), { force: true });
  await rmdir(work);
}

/** Removes what an old folder's dfmerge.json lists, and moves the rest to its successor. dfmerge.json goes last, so that this can be done in parts. */
async function retire(old: string, out: string, warn: Warn): Promise<void> {
  const listed = await readManifest(old);
  const next = await readManifest(out);
  await retireWithin('', { old, out, listed: listOf(listed), next: listOf(next), warn });
  if (typeof listed !== 'string') await rm(join(old, MANIFEST_FILE));
  await rmdir(old);
}

interface Retiring {
  old: string;
  out: string;
  /** What the old folder lists, and what the new one does. */
  listed: ManifestFiles;
  next: ManifestFiles;
  warn: Warn;
}

async function retireWithin(within: string, retiring: Retiring): Promise<void> {
  const { old, out, listed, next, warn } = retiring;
  for (const entry of await readdir(join(old, within), { withFileTypes: true })) {
    const name = within === '' ? entry.name : `${within}/${entry.name}`;
    if (name === MANIFEST_FILE && Object.keys(listed).length > 0) continue;
    if (entry.isDirectory() && Object.keys(listed).some((file) => file.startsWith(`${name}/`))) {
      await retireWithin(name, retiring);
      await rmdir(join(old, name));
    } else if (await isOneOf(join(old, name), [listed[name], next[name]])) await rm(join(old, name));
    else {
      const kept = await freeName(out, name);
      await mkdir(dirname(join(out, kept)), { recursive: true });
      await rename(join(old, name), join(out, kept));
      if (kept !== name) warn(`${join(out, name)}, which dfmerge did not write as it was, is kept as ${kept}`);
    }
  }
}

function listOf(manifest: ManifestFiles | string): ManifestFiles {
  return typeof manifest === 'string' ? {} : manifest;
}

/** Whether a file is as one of the lists says: as dfmerge wrote it, or the same as the one that takes its place. */
async function isOneOf(path: string, listed: readonly (ManifestFiles[string] | undefined)[]): Promise<boolean> {
  for (const entry of listed) if (await isUnchanged(path, entry)) return true;
  return false;
}

/** Weights under a name that a loader looks for must not stand beside those of a new model. */
const LOADED = /^(pytorch_)?model.*\.safetensors(\.index\.json)?$/;

/** The name under which a file of the old folder stays: its own, or where the new folder needs that, another. */
async function freeName(out: string, name: string): Promise<string> {
  if (!LOADED.test(name) && !(await isThere(join(out, name)))) return name;
  for (let number = 1; ; number++) {
    const kept = number === 1 ? `${name}.kept` : `${name}.kept-${number}`;
    if (!(await isThere(join(out, kept)))) return kept;
  }
}

/** True where something has this name, a link to nothing too. */
async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
