import type { FileHandle } from 'node:fs/promises';
import { assertBoundedJson, excerpt, type JsonLimits } from '../core/bounded_json.js';
import { DfMergeError } from '../core/errors.js';
import { findDuplicateKey } from '../core/duplicate_key.js';
import { decodeUtf8, isObject, refusePointer, withRegularFile } from '../core/files.js';

/** How many bytes an element takes, for each type that safetensors names. */
export const ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  F8_E8M0: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
  C64: 8,
} as const;

/** The element type of a tensor, as the file spells it. */
export type DType = keyof typeof ELEMENT_BYTES;

/** The element types that weights may have here. */
export type WeightDType = 'F32' | 'F16' | 'BF16';

/** What a tensor of a safetensors file is, and where its bytes lie. */
export interface TensorEntry {
  name: string;
  /** The name in the file, where it is another. */
  written?: string;
  dtype: DType;
  /** The sizes of a row-major tensor; `[]` is a scalar. */
  shape: number[];
  /** The product of `shape`. */
  elements: number;
  file: string;
  /** The first byte, counted from the start of the file. */
  begin: number;
  /** The byte behind the last one, counted from the start of the file. */
  end: number;
}

/** The header of a safetensors file after every rule of the format was checked. */
export interface Header {
  metadata: Record<string, string>;
  /** The tensors by name, in the order in which the header lists them. */
  tensors: Map<string, TensorEntry>;
  /** The byte at which tensor data begins. */
  dataStart: number;
}

/** How many tensors a checkpoint may have, which is some thirty times those of the largest T5. */
export const MAX_TENSORS = 20_000;
const MAX_NAME = 1000;
const MAX_DIMENSIONS = 64;
/** What is read of a header; the format allows more, and nothing that is a model has it. A tensor is some eleven values. */
const HEADER_LIMITS: JsonLimits = { bytes: 8 * 2 ** 20, depth: 4, values: 12 * MAX_TENSORS };

/** The format's own limit on the header, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const POINTER_BYTES = 64;

/** Tells the element types that weights may have here from the others. */
export function isWeightDType(dtype: DType): dtype is WeightDType {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/**
 * Reads and validates the header of a safetensors file without touching tensor data.
 * Errors: NOT_FOUND, IO, INVALID_CHECKPOINT naming the file, the tensor and the broken rule.
 */
export async function readHeader(file: string): Promise<Header> {
  return withRegularFile(file, async (handle, size) => {
    refusePointer(await readAt(handle, 0, Math.min(size, POINTER_BYTES)), file);
    const length = headerLength(await readAt(handle, 0, Math.min(size, LENGTH_BYTES)), size, file);
    if (length > HEADER_LIMITS.bytes)
      throw broken(file, `a header of ${length} bytes, over the limit of ${HEADER_LIMITS.bytes} that are read`);
    return parseHeader(await readAt(handle, LENGTH_BYTES, length), size, file);
  });
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function broken(file: string, message: string): DfMergeError {
  return new DfMergeError('INVALID_CHECKPOINT', `${file}: ${message}`);
}

/**
 * Checks the first 8 bytes of a file, which hold the header's length.
 * @param first the file's first bytes, at least 8 where the file is that long
 * @returns the header's length in bytes
 */
export function headerLength(first: Uint8Array, fileSize: number, file: string): number {
  if (first.length < LENGTH_BYTES)
    throw broken(file, `is ${fileSize} bytes long; a safetensors file starts with 8 bytes of header length`);
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw broken(
      file,
      `header length ${length} is over the format's limit of ${MAX_HEADER_BYTES} bytes (is this a safetensors file?)`,
    );
  if (length > BigInt(fileSize - LENGTH_BYTES))
    throw broken(
      file,
      `header length ${length} runs past the end of the file (${fileSize} bytes); the file is cut short`,
    );
  return Number(length);
}

/**
 * Parses the header's JSON and checks every rule of the format on the way.
 * @param bytes the header without its 8 length bytes
 * @param fileSize the bytes of the whole file, which the tensors must fill without gap or overlap
 */
export function parseHeader(bytes: Uint8Array, fileSize: number, file: string): Header {
  const json = parseObject(bytes, file);
  const dataStart = LENGTH_BYTES + bytes.length;
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = parseMetadata(value, file);
    else tensors.set(name, parseEntry(name, value, { dataStart, file }));
  }
  if (tensors.size > MAX_TENSORS) throw broken(file, `${tensors.size} tensors, over the limit of ${MAX_TENSORS}`);
  checkRanges([...tensors.values()], { dataStart, fileSize, file });
  return { metadata, tensors, dataStart };
}

function parseObject(bytes: Uint8Array, file: string): Record<string, unknown> {
  assertBoundedJson(bytes, HEADER_LIMITS, { file, code: 'INVALID_CHECKPOINT' });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw broken(file, 'the header is not UTF-8');
  if (!text.startsWith('{')) throw broken(file, 'the header does not start with "{"');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw broken(file, `the header is not a JSON object: ${(error as Error).message}`);
  }
  const twice = findDuplicateKey(text);
  if (twice !== undefined) throw broken(file, `the header has the key "${excerpt(twice)}" twice`);
  return value as Record<string, unknown>;
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (value === null) return {}; // What some writers leave where there is nothing to say.
  if (!isObject(value)) throw broken(file, '__metadata__ is not an object');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw broken(file, `__metadata__ "${excerpt(key)}" is not a string`);
  }
  return value as Record<string, string>;
}

function parseEntry(name: string, value: unknown, place: { dataStart: number; file: string }): TensorEntry {
  const { dataStart, file } = place;
  if (name.length > MAX_NAME) throw broken(file, `the tensor name "${excerpt(name)}" has ${name.length} characters`);
  const wrong = (message: string) => broken(file, `tensor "${name}": ${message}`);
  if (!isObject(value)) throw wrong('expected an object with dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets } = value;
  const extra = Object.keys(value).find((key) => !['dtype', 'shape', 'data_offsets'].includes(key));
  if (extra !== undefined) throw wrong(`unknown key "${excerpt(extra)}"`);
  if (typeof dtype !== 'string') throw wrong('dtype is missing or not a string');
  if (!Object.hasOwn(ELEMENT_BYTES, dtype)) throw wrong(`unknown dtype "${excerpt(dtype)}"`);
  if (Array.isArray(shape) && shape.length > MAX_DIMENSIONS)
    throw wrong(`${shape.length} dimensions, over the limit of ${MAX_DIMENSIONS}`);
  if (!isCountList(shape)) throw wrong('shape is missing or not a list of non-negative integers');
  if (!isCountList(offsets) || offsets.length !== 2)
    throw wrong('data_offsets is missing or not two non-negative integers');
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw wrong(`data_offsets [${begin}, ${end}] run backwards`);
  const size = ELEMENT_BYTES[dtype as DType];
  const elements = product(shape);
  if (elements === undefined || elements * size > Number.MAX_SAFE_INTEGER)
    throw wrong(`shape [${shape}] overflows: over 2^53 bytes`);
  if (elements * size !== end - begin)
    throw wrong(
      `shape [${shape}] of ${dtype} takes ${elements * size} bytes, data_offsets [${begin}, ${end}] hold ${end - begin}`,
    );
  return { name, dtype: dtype as DType, shape, elements, file, begin: dataStart + begin, end: dataStart + end };
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** The product of sizes, or undefined where it is over 2^53, even if a later zero would hide the overflow. */
function product(sizes: number[]): number | undefined {
  const total = sizes.reduce((a, b) => a * Math.max(b, 1), 1);
  if (total > Number.MAX_SAFE_INTEGER) return undefined;
  return sizes.includes(0) ? 0 : total;
}

/** Throws unless the tensors, sorted by their bytes, fill the data section exactly. */
function checkRanges(tensors: TensorEntry[], section: { dataStart: number; fileSize: number; file: string }): void {
  const { dataStart, fileSize, file } = section;
  let at = dataStart;
  let previous = 'the header';
  for (const { name, begin, end } of tensors.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < at)
      throw broken(file, `tensor "${name}" overlaps ${previous}: it begins at byte ${begin}, before ${at}`);
    if (begin > at) throw broken(file, `a gap of ${begin - at} bytes between ${previous} and tensor "${name}"`);
    if (end > fileSize)
      throw broken(file, `tensor "${name}" ends at byte ${end}, past the end of the file (${fileSize} bytes)`);
    [at, previous] = [end, `tensor "${name}"`];
  }
  if (fileSize > at) throw broken(file, `${fileSize - at} bytes follow ${previous}`);
}
