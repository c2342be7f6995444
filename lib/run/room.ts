import { DfMergeError } from '../core/errors.js';
import { freeSpace, memoryLimits, sizeWords, type MemoryLimits } from '../core/machine.js';
import { defaultBatchMemory, type ComputeOptions } from '../engine/session.js';

/** What a run takes, in bytes. */
export interface RunRoom {
  memory: MemoryLimits & { needed: number };
  /** Absent where nothing is written; `free` is absent where the file system does not tell. */
  disk?: { needed: number; free?: number };
}

/** What a run has room in. */
export interface Machine {
  memory: () => MemoryLimits;
  /** How many bytes are free for what is written to a path; undefined where the file system does not tell. */
  freeSpace: (path: string) => Promise<number | undefined>;
}

const THIS_MACHINE: Machine = { memory: memoryLimits, freeSpace };

/** What a run will hold and write. */
export interface RunSize {
  /** How many parameters a model has. */
  parameters: number;
  /** How many float32 vectors of that length the engine holds, with the weights in the order in which products take them. */
  vectors: number;
  out?: string;
  /** How many bytes are written to `out` and beside it. */
  written: number;
}

/** Beside the weights: config, tokenizer, record and report. */
export const SMALL_FILES = 32e6;
/** What Node and the program take before any model is opened. */
const PROGRAM = 150e6;

/** What a run takes of a machine and what there is. */
export async function roomFor(
  { parameters, vectors, out, written }: RunSize,
  { batchMemory = defaultBatchMemory(parameters) }: ComputeOptions,
  machine: Machine = THIS_MACHINE,
): Promise<RunRoom> {
  const memory = { needed: 4 * parameters * vectors + batchMemory + PROGRAM, ...machine.memory() };
  if (out === undefined) return { memory };
  const free = await machine.freeSpace(out);
  return { memory, disk: { needed: written, ...(free === undefined ? {} : { free }) } };
}

/**
 * Checks that there is what a run takes. What is only taken by others at present is told and no error.
 * Errors: IO for the disk, UNSUPPORTED for memory that the machine or the container does not have.
 */
export function checkRoom(
  out: string | undefined,
  { memory, disk }: RunRoom,
  onWarning?: (message: string) => void,
): void {
  const { needed, total, available } = memory;
  if (needed > total)
    throw new DfMergeError(
      'UNSUPPORTED',
      `about ${sizeWords(needed)} of memory are needed, and there are ${sizeWords(total)} in all; batchMemory makes the smaller part of it smaller`,
    );
  if (needed > available)
    onWarning?.(`about ${sizeWords(needed)} of memory are needed, and ${sizeWords(available)} are free at present`);
  if (disk?.free !== undefined && disk.free < disk.needed)
    throw new DfMergeError(
      'IO',
      `cannot write ${out}: about ${sizeWords(disk.needed)} are needed, and ${sizeWords(disk.free)} are free on its disk`,
    );
}
