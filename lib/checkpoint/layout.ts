import { DfMergeError } from '../core/errors.js';
import { ELEMENT_BYTES, MAX_HEADER_BYTES, type DType } from './safetensors.js';

/** A tensor to be written. */
export interface TensorSpec {
  name: string;
  dtype: DType;
  shape: readonly number[];
}

/** Where a tensor to be written will lie, in bytes from the start of the file. */
export interface Placement extends TensorSpec {
  elements: number;
  begin: number;
  end: number;
}

/** The beginning of a safetensors file and the plan of the rest. */
export interface Layout {
  /** Everything before the tensors: the header's length, its JSON and padding. */
  bytes: Uint8Array;
  dataStart: number;
  /** The tensors in the order given, without gaps between them. */
  tensors: Placement[];
  fileBytes: number;
}

/** How many elements a tensor of this shape has; 1 for the scalar `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Tensor data begin at a multiple of this, which is a cache line and a multiple of the 8 bytes that the format asks for. */
const ALIGNMENT_BYTES = 64;

/**
 * Lays out a safetensors file with its tensors in the given order. The header is padded with spaces so that data begin on a 64-byte
 * boundary.
 * Errors: INVALID_ARGUMENT for a name given twice or reserved, or a header over the format's limit.
 */
export function buildHeader(specs: readonly TensorSpec[], metadata: Record<string, string> = {}): Layout {
  assertNames(specs);
  let at = 0;
  const relative = specs.map((spec) => {
    const elements = elementCount(spec.shape);
    const begin = at;
    at += elements * ELEMENT_BYTES[spec.dtype];
    return { ...spec, elements, begin, end: at };
  });
  const bytes = headerBytes(relative, metadata);
  const dataStart = bytes.length;
  const tensors = relative.map((tensor) => ({
    ...tensor,
    begin: dataStart + tensor.begin,
    end: dataStart + tensor.end,
  }));
  return { bytes, dataStart, tensors, fileBytes: dataStart + at };
}

/**
 * The header's length, its JSON and padding. The JSON is put together by hand, because an object would move names that look like numbers
 * to the front.
 */
function headerBytes(tensors: readonly Placement[], metadata: Record<string, string>): Uint8Array {
  const members = tensors.map(
    ({ name, dtype, shape, begin, end }) =>
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`,
  );
  if (Object.keys(metadata).length > 0) members.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = Buffer.from(`{${members.join(',')}}`);
  const bytes = Buffer.alloc(Math.ceil((8 + json.length) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES, ' ');
  if (bytes.length - 8 > MAX_HEADER_BYTES)
    throw new DfMergeError(
      'INVALID_ARGUMENT',
      `a header of ${bytes.length} bytes is over the format's limit of ${MAX_HEADER_BYTES}`,
    );
  bytes.writeBigUInt64LE(BigInt(bytes.length - 8));
  json.copy(bytes, 8);
  return bytes;
}

function assertNames(specs: readonly TensorSpec[]): void {
  const seen = new Set(['__metadata__']);
  for (const { name } of specs) {
    if (seen.has(name)) throw new DfMergeError('INVALID_ARGUMENT', `tensor name "${name}" is reserved or given twice`);
    seen.add(name);
  }
}
