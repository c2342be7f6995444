import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { assertBoundedJson, CONFIG_LIMITS } from './bounded_json.js';
import { DfMergeError } from './errors.js';
import { homePath, tildeAdvice } from './paths.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes strict UTF-8 (a byte-order mark is kept); undefined where the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** True for a JSON object, as opposed to an array, null or a scalar. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error of the operating system behind a failed file operation, in words; other errors pass through unchanged. */
export function fileError(error: unknown, doing: string): unknown {
  if (error instanceof DfMergeError || !(error instanceof Error) || !('syscall' in error)) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return new DfMergeError('NOT_FOUND', `${doing}: no such file or folder`, { cause: error });
  if (code === 'ENOSPC') return new DfMergeError('IO', `${doing}: the disk is full`, { cause: error });
  const words = code === undefined ? undefined : REASONS[code];
  return new DfMergeError('IO', `${doing}: ${words ?? error.message}`, { cause: error });
}

/** What the operating system's codes for files mean. */
const REASONS: Readonly<Record<string, string>> = {
  EISDIR: 'expected a file, found a folder',
  ENOTDIR: 'a part of the path is a file and no folder',
  EACCES: 'permission denied',
  EPERM: 'the system does not permit it',
  EROFS: 'the file system is read-only',
  ELOOP: 'a link leads back to itself',
  ENAMETOOLONG: 'the name is too long for the file system',
  EMFILE: 'too many files are open (ulimit -n)',
};

/** True where `path` exists and can be looked at. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const LFS_POINTER = Buffer.from('version https://git-lfs.github.com/spec/');

/** Throws NOT_FOUND where the first bytes of a file are those of a git-lfs pointer, which stands for content that was not downloaded. */
export function refusePointer(first: Uint8Array, file: string): void {
  if (LFS_POINTER.equals(first.subarray(0, LFS_POINTER.length)))
    throw new DfMergeError(
      'NOT_FOUND',
      `${file}: holds a git-lfs pointer and not the content; install git-lfs and run "git lfs pull" in that folder`,
    );
}

/** Throws INVALID_DATA where a text begins with the byte-order mark of UTF-16, as some editors write it. */
export function refuseUtf16(bytes: Uint8Array, file: string): void {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    throw new DfMergeError('INVALID_DATA', `${file}: is written in UTF-16; expected UTF-8`);
}

/** The bytes of a whole file. Errors: NOT_FOUND, IO, both naming the file. */
export async function readBytes(file: string): Promise<Buffer> {
  try {
    const bytes = await readFile(file);
    refusePointer(bytes, file);
    return bytes;
  } catch (error) {
    const failure = fileError(error, `cannot read ${file}`);
    if (!(failure instanceof DfMergeError) || failure.code !== 'NOT_FOUND' || homePath(file) === undefined)
      throw failure;
    throw new DfMergeError('NOT_FOUND', failure.message + tildeAdvice(file), { cause: error });
  }
}

/** Runs `read` on a regular file. Errors: NOT_FOUND; IO, also for a pipe or a device, which would be waited for or read without end. */
export async function withRegularFile<T>(
  file: string,
  read: (handle: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  try {
    if (!(await stat(file)).isFile()) throw new DfMergeError('IO', `cannot read ${file}: it is not a regular file`);
    const handle = await open(file, 'r');
    try {
      return await read(handle, (await handle.stat()).size);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, `cannot read ${file}`);
  }
}

/**
 * A small JSON file that holds one object, such as a config.json, which is refused unread where it is none.
 * Errors: NOT_FOUND, IO, INVALID_CONFIG with the parser's complaint or the limit of CONFIG_LIMITS that is passed.
 */
export async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  const bytes = await withRegularFile(file, async (handle, size) => {
    if (size > CONFIG_LIMITS.bytes)
      throw new DfMergeError(
        'INVALID_CONFIG',
        `${file}: ${size} bytes, over the limit of ${CONFIG_LIMITS.bytes} for JSON`,
      );
    return handle.readFile();
  });
  refusePointer(bytes, file);
  assertBoundedJson(bytes, CONFIG_LIMITS, { file, code: 'INVALID_CONFIG' });
  return parseJsonObject(bytes, file);
}

/** A JSON file that holds one object. Errors: NOT_FOUND, IO, INVALID_CONFIG with the parser's complaint. */
export async function readJsonObject(file: string): Promise<Record<string, unknown>> {
  return parseJsonObject(await readBytes(file), file);
}

/** The object that the bytes of `file` hold. Errors: INVALID_CONFIG with the parser's complaint. */
export function parseJsonObject(bytes: Uint8Array, file: string): Record<string, unknown> {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new DfMergeError('INVALID_CONFIG', `${file}: not UTF-8 text`);
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new DfMergeError('INVALID_CONFIG', `${file}: not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isObject(value)) throw new DfMergeError('INVALID_CONFIG', `${file}: expected a JSON object`);
  return value;
}

/** Flushes a file or folder to the disk. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
