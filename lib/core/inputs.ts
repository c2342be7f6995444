import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DfMergeError } from './errors.js';
import { fileError } from './files.js';
import { outputPath } from './paths.js';
import { realTarget } from './real_path.js';

/** A file or folder that a run reads. */
export interface RunInput {
  path: string;
  /** What a message calls it, such as `the base model`. */
  what: string;
  /** Whether a file of this name in the folder is read, or would be if it were there; by default every file is. */
  reads?: (name: string) => boolean;
}

/**
 * Throws INVALID_ARGUMENT where a folder to be written is one that the run reads, lies in one or holds one. Files and folders are compared as the
 * file system knows them, whatever links and spellings lead there. Inputs that are not there are passed over: whoever reads them says so.
 */
export async function assertFolderSpares(out: string, inputs: readonly RunInput[]): Promise<void> {
  const target = await realTarget(out).catch(readable(out));
  const self = await identity(target);
  const outAndAbove = await lineage(target);
  for (const { path, what } of inputs) {
    const input = await identity(path);
    if (input === undefined) continue;
    if (self === input) throw refusal(out, `it is ${what} (${path})`);
    if (outAndAbove.includes(input)) throw refusal(out, `it lies in ${what} (${path})`);
    if (self !== undefined && (await lineage(await realpath(path))).includes(self))
      throw refusal(out, `it holds ${what} (${path})`);
  }
}

/** Throws INVALID_ARGUMENT where a file to be written is one that the run reads, or would be read in its place. */
export async function assertFileSpares(file: string, inputs: readonly RunInput[]): Promise<void> {
  const target = await realTarget(outputPath(file)).catch(readable(file));
  const self = await identity(target);
  const folder = await identity(dirname(target));
  for (const { path, what, reads = () => true } of inputs) {
    const input = await identity(path);
    if (input === undefined) continue;
    if (self === input) throw refusal(file, `it is ${what} (${path})`);
    if (folder === input && reads(basename(target))) throw refusal(file, `it belongs to ${what} (${path})`);
    if (self === undefined) continue;
    for (const name of await readdir(path).catch(() => []))
      if (reads(name) && (await identity(join(path, name))) === self)
        throw refusal(file, `it belongs to ${what} (${path})`);
  }
}

function refusal(out: string, why: string): DfMergeError {
  return new DfMergeError('INVALID_ARGUMENT', `will not write ${out}: ${why}, which this run reads`);
}

function readable(out: string): (error: unknown) => never {
  return (error) => {
    throw fileError(error, `cannot write ${out}`);
  };
}

/** What a file system knows a file or folder by, links followed; undefined where there is none. */
async function identity(path: string): Promise<string | undefined> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => undefined,
  );
}

/** The identities of a path and of every folder above it, as far as they are there. */
async function lineage(path: string): Promise<string[]> {
  const own = await identity(path);
  const above = dirname(path) === path ? [] : await lineage(dirname(path));
  return own === undefined ? above : [own, ...above];
}
