import { open, stat } from 'node:fs/promises';
import { DfMergeError } from '../core/errors.js';
import { replaceFile } from '../core/atomic_write.js';
import { flush } from '../core/files.js';
import { buildHeader, type Layout, type TensorSpec } from './layout.js';
import type { WeightDType } from './safetensors.js';

/** A place for one tensor in a file that is laid out already. */
export interface TensorTarget {
  /** The engine's parameter that it is filled from. */
  name: string;
  /** The tensor's first byte, counted from the start of the file. */
  offset: number;
  dtype: WeightDType;
  elements: number;
}

/** Writes tensor data at the given offsets of an existing file of full length, and changes nothing else in it. */
export type TensorWriter = (file: string, tensors: TensorTarget[]) => Promise<void>;

/** A tensor to be written, and the parameter that it is filled from where that has another name. */
export interface WeightSpec extends TensorSpec {
  dtype: WeightDType;
  parameter?: string;
}

/**
 * Writes one safetensors file atomically, in place of a file of that name where there is one.
 * Errors: IO; INVALID_ARGUMENT for a name given twice; whatever `writeTensors` throws.
 */
export async function writeSafetensorsFile(
  path: string,
  tensors: readonly WeightSpec[],
  options: { metadata?: Record<string, string>; writeTensors: TensorWriter },
): Promise<void> {
  await replaceFile(path, (temporary) => fillSafetensorsFile(temporary, tensors, options));
}

/** Creates the file in its full length, writes its header, has its tensors written and flushes it. */
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
