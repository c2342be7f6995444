import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { BigIntStats } from 'node:fs';
import { writeFileAtomic } from './atomic_write.js';
import { chosenCacheFolder } from './cache_folder.js';
import { DfMergeError } from './errors.js';
import { fileError } from './files.js';
import { checkAborted, type RunOptions } from './progress.js';
import { sum } from './statistics.js';

/** How large files are hashed. */
export interface DigestOptions extends Pick<RunOptions, 'signal' | 'onProgress'> {
  /** The cache folder in which digests are remembered, or false for none. The default is that of chosenCacheFolder. */
  cache?: string | false;
}

/** This is raised whenever the same bytes come to have another digest. */
const FORMAT = 1;
/** Small enough that copying a chunk, which Node does before it hashes one on another thread, holds up nothing. */
const CHUNK_BYTES = 2 ** 20;
/** Chunks in flight. Node's pool has four threads by default, and half of the chunks are being read. */
const IN_FLIGHT = 8;
/** A file that was touched so shortly before it was read may change once more without a new time: clocks of file systems tick as slowly as that. */
const SETTLED_NANOSECONDS = 2_000_000_000n;
const MOST_REMEMBERED = 4096;
const MEBIBYTE = 2 ** 20;

const inMemory = new Map<string, string>();

/**
 * Digests (SHA-256, hex) of all bytes of files, in the order given: the hash over the file's size and the hashes of its chunks of 1 MiB, which
 * are read and hashed at the same time on the threads of Node's pool. A digest is remembered by device, inode, size and the nanoseconds of
 * both times of the file.
 * Errors: NOT_FOUND; IO, also where a file changes while it is read.
 */
export async function digestFiles(files: readonly string[], options: DigestOptions = {}): Promise<string[]> {
  const folder = chosenCacheFolder(options.cache);
  const memory = folder === undefined ? undefined : join(folder, 'digests');
  const wanted = await Promise.all(files.map(async (file) => ({ file, key: keyOf(await statOf(file)) })));
  const digests = new Map<string, string>();
  const unknown = new Map<string, string>();
  for (const { file, key } of wanted) {
    const known = digests.get(key) ?? inMemory.get(key) ?? (memory && (await recall(memory, key)));
    if (known) digests.set(key, known);
    else unknown.set(key, file);
  }
  for (const [key, digest] of await readDigests(unknown, { ...options, memory })) digests.set(key, digest);
  return wanted.map(({ key }) => digests.get(key)!);
}

/** Reads and hashes files, which are given by their keys. */
async function readDigests(
  files: ReadonlyMap<string, string>,
  { memory, signal, onProgress }: DigestOptions & { memory: string | undefined },
): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  const opened: OpenFile[] = [];
  try {
    for (const [key, file] of files) opened.push(await openFile(file, key));
    const total = Math.ceil(sum(opened.map(({ size }) => size)) / MEBIBYTE);
    const tell = (done: number, { file }: OpenFile) =>
      onProgress?.({ stage: 'reading', phase: 'read', done, total, subject: file });
    let bytes = 0;
    const chunks = chunksOf(opened);
    const work = async () => {
      const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      for (const { of, index } of chunks) {
        checkAborted(signal);
        tell(Math.floor(bytes / MEBIBYTE), of);
        const chunk = await readChunk(of, index, buffer);
        of.hashes[index] = Buffer.from(await crypto.subtle.digest('SHA-256', chunk));
        bytes += chunk.length;
      }
    };
    await allSettledOrFirstError(Array.from({ length: IN_FLIGHT }, work));
    for (const one of opened) digests.set(one.key, await finish(one, memory));
    if (opened.length > 0) tell(total, opened[opened.length - 1]);
  } finally {
    for (const { handle } of opened) await handle.close();
  }
  return digests;
}

interface OpenFile {
  file: string;
  key: string;
  handle: FileHandle;
  size: number;
  stats: BigIntStats;
  /** The clock in nanoseconds, before anything was read. */
  begun: bigint;
  hashes: Buffer[];
}

async function openFile(file: string, key: string): Promise<OpenFile> {
  const begun = BigInt(Date.now()) * 1_000_000n;
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw fileError(error, `cannot read ${file}`);
  });
  const stats = await handle.stat({ bigint: true });
  return { file, key, handle, size: Number(stats.size), stats, begun, hashes: [] };
}

function* chunksOf(files: readonly OpenFile[]): Generator<{ of: OpenFile; index: number }> {
  for (const of of files) for (let index = 0; index * CHUNK_BYTES < of.size; index++) yield { of, index };
}

async function readChunk(
  { file, handle, size }: OpenFile,
  index: number,
  buffer: Buffer<ArrayBuffer>,
): Promise<Buffer<ArrayBuffer>> {
  const begin = index * CHUNK_BYTES;
  const chunk = buffer.subarray(0, Math.min(CHUNK_BYTES, size - begin));
  for (let done = 0; done < chunk.length;) {
    const { bytesRead } = await handle.read(chunk, done, chunk.length - done, begin + done).catch((error: unknown) => {
      throw fileError(error, `cannot read ${file}`);
    });
    if (bytesRead === 0) throw changed(file);
    done += bytesRead;
  }
  return chunk;
}

/** The digest of a file whose chunks were hashed, which is remembered where no later change can hide behind the same times. */
async function finish(file: OpenFile, memory: string | undefined): Promise<string> {
  const { key, stats, begun, hashes, size } = file;
  if (keyOf(await file.handle.stat({ bigint: true })) !== key) throw changed(file.file);
  const hash = createHash('sha256').update(`${size}\n`);
  for (const chunk of hashes) hash.update(chunk);
  const digest = hash.digest('hex');
  const touched = stats.mtimeNs > stats.ctimeNs ? stats.mtimeNs : stats.ctimeNs;
  if (begun - touched < SETTLED_NANOSECONDS) return digest;
  inMemory.set(key, digest);
  if (memory) await remember(memory, key, digest);
  return digest;
}

function changed(file: string): DfMergeError {
  return new DfMergeError('IO', `${file} changed while it was read`);
}

async function statOf(file: string): Promise<BigIntStats> {
  try {
    return await stat(file, { bigint: true });
  } catch (error) {
    throw fileError(error, `cannot read ${file}`);
  }
}

function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return sha256(JSON.stringify([FORMAT, ...[dev, ino, size, mtimeNs, ctimeNs].map(String)]));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A remembered digest is followed by its own check, so that a damaged one counts as forgotten. */
const lineOf = (key: string, digest: string): string => `${digest} ${sha256(`${key} ${digest}`)}\n`;

async function recall(memory: string, key: string): Promise<string | undefined> {
  const line = await readFile(join(memory, key), 'utf8').catch(() => '');
  const digest = line.slice(0, 64);
  return line === lineOf(key, digest) ? digest : undefined;
}

async function remember(memory: string, key: string, digest: string): Promise<void> {
  try {
    await mkdir(memory, { recursive: true, mode: 0o700 });
    const names = await readdir(memory);
    // Each is as cheap to make again as any other, and this happens about once in a thousand models.
    if (names.length >= MOST_REMEMBERED)
      await Promise.all(names.map((name) => rm(join(memory, name), { force: true })));
    await writeFileAtomic(join(memory, key), lineOf(key, digest));
  } catch {
    // A read-only home or a full disk costs the next run the hashing, and must not cost this one its work.
  }
}

/** Waits until all have ended, so that nothing goes on behind an error, and throws the first error. */
async function allSettledOrFirstError(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
