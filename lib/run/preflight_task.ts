import { join } from 'node:path';
import { openModelSet } from '../architectures/index.js';
import { readBytes } from '../core/files.js';
import { assertFileSpares, assertFolderSpares } from '../core/inputs.js';
import { assertCanCreate } from '../core/machine.js';
import { assertFileWritable, placeOnDisk } from '../core/output_file.js';
import type { ComputeOptions } from '../engine/session.js';
import type { SplitName } from '../tasks/rows.js';
import { dataInput, modelInput } from './inputs.js';
import { parametersOf, type Preflight } from './preflight.js';
import { Problems } from './problems.js';
import { checkRoom, roomFor, type Machine } from './room.js';

/** A run of one model on one task, as far as it is known before anything is opened. */
export interface PlannedTaskRun {
  model: string;
  /** The folder of the base, where the model is taken as its child. */
  base?: string;
  /** The task's folder. */
  data: string;
  /** The splits that are read. */
  splits: readonly SplitName[];
  /** How many float32 vectors as long as the parameters the engine holds. */
  vectors: number;
  /** The file or folder that is written, and how many bytes come of so many parameters and so many bytes of data. */
  output?: {
    path: string;
    kind: 'file' | 'folder';
    /** Of a file alone. */
    overwrite?: boolean;
    bytes: (parameters: number, data: number) => number;
  };
  /** What the run has room in; by default this machine. */
  machine?: Machine;
}

/**
 * Checks, before any work, all that can be known of a run on one task: that the output harms nothing that is read and can be made (by making
 * and removing a file), that the models and the splits are there and can be read, and that memory and disk have room. Everything that is wrong
 * goes to `problems`.
 */
export async function preflightTask(
  run: PlannedTaskRun,
  options: ComputeOptions & { onWarning?: (message: string) => void },
  problems: Problems,
): Promise<Preflight> {
  const { model, base, data, splits, vectors, output, machine } = run;
  if (output) {
    const { path, kind } = output;
    await problems.attempt('', async () => {
      const inputs = [await modelInput(model, 'the model'), dataInput(data, 'the data')];
      if (base !== undefined) inputs.push(await modelInput(base, 'the base model'));
      await (kind === 'folder' ? assertFolderSpares(path, inputs) : assertFileSpares(path, inputs));
      await (kind === 'folder' ? assertCanCreate(path) : assertFileWritable(path, output));
    });
  }
  const set = await problems.attempt('', () =>
    base === undefined ? openModelSet(model, []) : openModelSet(base, [model]),
  );
  let bytes = 0;
  for (const split of splits)
    await problems.attempt('', async () => {
      bytes += (await readBytes(join(data, `${split}.jsonl`))).length;
    });
  if (!set) return {};
  const parameters = parametersOf(set);
  const written = output?.bytes(parameters, bytes) ?? 0;
  const room = await problems.attempt('', async () => {
    const place = output && (await placeOnDisk(output.path));
    return roomFor({ parameters, vectors, out: place, written }, options, machine);
  });
  if (room) await problems.attempt('', () => checkRoom(output?.path, room, options.onWarning));
  return { set, parameters, room };
}

/** Throws what preflightTask finds of a run; several problems make one error. */
export async function assertTaskRunnable(
  run: PlannedTaskRun,
  options: ComputeOptions & { onWarning?: (message: string) => void },
): Promise<void> {
  const problems = new Problems();
  await preflightTask(run, options, problems);
  problems.throwAny();
}
