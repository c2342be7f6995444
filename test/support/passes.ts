import type { TokenizedRows } from '../../lib/engine/batch.js';
import { evaluateRows, scoringRows, type Evaluation, type OnPartial } from '../../lib/engine/evaluate.js';
import { fisherInputs, measureFisher, type FisherMeasurement, type FisherOptions } from '../../lib/engine/fisher.js';
import type { MergePlan } from '../../lib/engine/merge.js';
import type { Session } from '../../lib/engine/session.js';
import { dfMerge } from '../../lib/methods/df_merge.js';
import { gta } from '../../lib/methods/gta.js';

/** Rows of a split, not yet cut into batches. */
export interface SomeRows {
  rows: TokenizedRows;
  indices: readonly number[];
}

/** Cuts rows into batches and scores them once. */
export async function score(
  session: Session,
  { rows, indices }: SomeRows,
  options?: { onPartial?: OnPartial },
): Promise<Evaluation> {
  return evaluateRows(session, await scoringRows(session, { rows, indices }), options);
}

/** Cuts inputs into batches and measures one Fisher on them. */
export async function measure(session: Session, inputs: SomeRows, options: FisherOptions): Promise<FisherMeasurement> {
  return measureFisher(session, await fisherInputs(session, inputs, options.mode), options);
}

/** DF-Merge whose Fishers are measured on the given inputs, one task for each model. */
export async function measuredPlan(session: Session, tasks: readonly SomeRows[]): Promise<MergePlan> {
  const fisher = { at: 'candidate', fromFile: tasks.map(() => false) } as const;
  return {
    passes: (coefficients) => dfMerge.plan({ coefficients, parameters: {}, fisher }),
    fishers: await Promise.all(
      tasks.map(async (inputs, i) => ({
        task: `task ${i}`,
        inputs: await fisherInputs(session, inputs, 'exact'),
        mode: 'exact' as const,
        seed: 0,
      })),
    ),
  };
}

/** DF-Merge whose Fishers lie in files, one for each model. */
export function filePlan(files: readonly string[]): MergePlan {
  const fisher = { at: 'candidate', fromFile: files.map(() => true) } as const;
  return {
    passes: (coefficients) => dfMerge.plan({ coefficients, parameters: {}, fisher }),
    fishers: files.map((file) => ({ file })),
  };
}

/** The sum of task vectors, without Fishers. */
export function plainPlan(): MergePlan {
  const fisher = { at: 'candidate', fromFile: [] } as const;
  return { passes: (coefficients) => gta.plan({ coefficients, parameters: {}, fisher }), fishers: [] };
}

/** A merge by the engine's own calls: `prepare(i)` leaves the Fisher of model i in the engine, and a pass of its own folds it in. */
export async function mergeByHand(
  session: Session,
  coefficients: readonly number[],
  prepare: (model: number) => Promise<void>,
): Promise<void> {
  await session.job((engine) => engine.beginMerge());
  for (const [i, coefficient] of coefficients.entries()) {
    await prepare(i + 1);
    await session.job((engine) => engine.fold({ model: i + 1, coefficient, withFisher: true }));
  }
  await session.job((engine) => engine.finishMerge());
}
