import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { writeFileAtomic } from '../core/atomic_write.js';
import { DfMergeError } from '../core/errors.js';
import { fileError } from '../core/files.js';
import { jsonText } from '../core/json.js';
import { removeAbandoned } from '../core/temporary.js';
import { VERSION } from '../core/version.js';
import { isUnchanged, type ManifestFiles } from '../core/manifest.js';
import { listPart, listUnfinished, MADE_BY_DEMO, readMade } from './made_files.js';

/** How a demo's folder is opened. */
export interface OpenOptions {
  overwrite?: boolean;
  /** The files and folders that this demo will make, by their paths in the folder with `/`. */
  parts: readonly string[];
  /** Is told of what is kept under another name. */
  warn?: (message: string) => void;
}

/**
 * The folder of a demo. Its demo.json lists every file that the demo has made, with size and SHA-256: those, as long as they are unchanged, are all that
 * a later demo removes. The caller holds the folder's lock.
 */
export class DemoFolder {
  #files: ManifestFiles = {};
  #parts: readonly string[] = [];
  #saving: Promise<void> = Promise.resolve();

  private constructor(readonly out: string) {}

  /**
   * Makes the folder, or clears what an earlier demo made there. What is in this demo's way, and was changed or is the user's own, is kept under another
   * name. Errors: EXISTS; INVALID_ARGUMENT where there is something that no demo made; IO.
   */
  static async open(out: string, { overwrite = false, parts, warn }: OpenOptions): Promise<DemoFolder> {
    const folder = new DemoFolder(out);
    try {
      await removeAbandoned(out);
      if ((await namesIn(out)).length > 0) {
        if (!overwrite)
          throw new DfMergeError('EXISTS', `${out} exists already; choose another folder or ask to overwrite it`);
        await folder.#clear();
      }
      await mkdir(out, { recursive: true });
      await folder.#save();
      for (const part of parts) await folder.#setAside(part, warn);
      // From here on, what has one of these names is this demo's, even where it is killed before it can list that.
      folder.#parts = parts;
      await folder.#save();
    } catch (error) {
      throw fileError(error, `cannot write ${out}`);
    }
    return folder;
  }

  /** A path in the folder. */
  path(...parts: string[]): string {
    return join(this.out, ...parts);
  }

  /** Writes files, by their paths in the folder. They are listed first, so that those of a demo that is killed are known. Errors: IO. */
  async write(texts: ReadonlyMap<string, string>): Promise<void> {
    for (const [name, text] of texts) {
      const sha256 = createHash('sha256').update(text).digest('hex');
      this.#files[name] = { bytes: Buffer.byteLength(text), sha256 };
    }
    await this.#save();
    for (const [name, text] of texts) {
      await mkdir(dirname(this.path(name)), { recursive: true });
      await writeFileAtomic(this.path(name), text);
    }
  }

  /** Lists a file, or all files of a folder, that this demo has just made. Errors: IO. */
  async made(part: string): Promise<void> {
    Object.assign(this.#files, await listPart(this.out, part));
    await this.#save();
  }

  /** Notes that the demo has ended: what comes to lie in the folder from now on is not its own. Errors: IO. */
  async end(): Promise<void> {
    this.#parts = [];
    await this.#save();
  }

  async #clear(): Promise<void> {
    const found = await readMade(this.out);
    if (!found)
      throw new DfMergeError(
        'INVALID_ARGUMENT',
        `will not overwrite ${this.out}: no demo made it (it has no ${MADE_BY_DEMO} that lists its files)`,
      );
    const files = { ...found.files };
    for (const part of found.parts) if (!(part in files)) Object.assign(files, await listUnfinished(this.out, part));
    const folders = new Set<string>();
    for (const [name, made] of Object.entries(files)) {
      if (await isUnchanged(this.path(name), made)) await rm(this.path(name));
      for (let folder = posix.dirname(name); folder !== '.'; folder = posix.dirname(folder)) folders.add(folder);
    }
    const deepestFirst = [...folders].sort((a, b) => b.split('/').length - a.split('/').length);
    for (const folder of deepestFirst) await rmdir(this.path(folder)).catch(() => undefined);
  }

  async #setAside(part: string, warn: OpenOptions['warn']): Promise<void> {
    const path = this.path(part);
    if (!(await isThere(path))) return;
    let kept = `${path}.kept`;
    for (let number = 2; await isThere(kept); number++) kept = `${path}.kept-${number}`;
    await rename(path, kept);
    warn?.(`${path}: not all of it is as a demo made it; kept as ${basename(kept)}`);
  }

  #content(): object {
    const parts = this.#parts.length > 0 ? { parts: this.#parts } : {};
    return { dfmerge: VERSION, files: this.#files, ...parts };
  }

  /** Writes demo.json, once at a time. */
  #save(): Promise<void> {
    const save = () => writeFileAtomic(this.path(MADE_BY_DEMO), jsonText(this.#content()));
    return (this.#saving = this.#saving.then(save));
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    if (code !== 'ENOTDIR') throw error;
    throw new DfMergeError('INVALID_ARGUMENT', `cannot write ${folder}: it is no folder`);
  }
}

/** True where something has this name, a link to nothing too. */
async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
