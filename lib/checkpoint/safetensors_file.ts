import { open, stat } from 'node:fs/promises';
import { DfMergeError } from '../core/errors.js';
import { replaceFile } from '../core/atomic_write.js';
import { flush } from '../core/files.js';
import { buildHeader, type Layout, type TensorSpec } from './layout.js';
import type { WeightDType } from './safetensors.js';

/** Where the writer of tensor data puts one tensor of a file that is laid out already. */
export interface TensorTarget {
  /** The engine's parameter. */
  name: string;
  /** First byte, counted from the start of the file. */
  offset: number;
  dtype: WeightDType;
  elements: number;
}

/** Writes tensor data into an existing file of full length at the given offsets, and nothing else. */
export type TensorWriter = (file: string, tensors: TensorTarget[]) => Promise<void>;

/** A tensor to be written and the parameter that it is filled from (default: of the same name). */
export interface WeightSpec extends TensorSpec {
  dtype: WeightDType;
  parameter?: string;
}

/**
 * Writes one safetensors file, atomically; a file of that name is replaced.
 * Errors: IO; INVALID_ARGUMENT for a name given twice; whatever `writeTensors` throws.
 */
export async function writeSafetensorsFile(
  path: string,
  tensors: readonly WeightSpec[],
  options: { metadata?: Record<string, string>; writeTensors: TensorWriter },
): Promise<void> {
  await replaceFile(path, (temporary) => fillSafetensorsFile(temporary, tensors, options));
}

/** Creates the file in full length with its header, has its tensors written, and flushes it. */
export async function fillSafetensorsFile(
  path: string,
  tensors: readonly WeightSpec[],
  options: { metadata?: Record<string, string>; writeTensors: TensorWriter },
): Promise<void> {
  const layout = buildHeader(
    tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    options.metadata,
  );
  await reserve(path, layout);
  const targets = tensors.map(({ name, parameter, dtype }, i) => {
    const { begin, elements } = layout.tensors[i];
    return { name: parameter ?? name, offset: begin, dtype, elements };
  });
  await options.writeTensors(path, targets);
  const { size } = await stat(path);
  if (size !== layout.fileBytes)
    throw new DfMergeError('IO', `${path}: ${size} bytes after writing, expected ${layout.fileBytes}`);
  await flush(path);
}

async function reserve(path: string, layout: Layout): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(layout.bytes);
    await handle.truncate(layout.fileBytes);
  } finally {
    await handle.close();
  }
}
