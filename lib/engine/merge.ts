import { DfMergeError } from '../core/errors.js';
import type { RunOptions } from '../core/progress.js';
import { timed } from '../core/timing.js';
import type { Pass } from '../methods/method.js';
import type { BatchedRows } from './batch.js';
import { measureFisher, type FisherTerms, type SkippedChoices } from './fisher.js';
import { loadFisher } from './fisher_file.js';
import type { Session } from './session.js';

/** The inputs that a model's Fisher is measured on, and how. */
export interface MeasuredFisher extends FisherTerms {
  /** The name of the model's task; the choices that `sampled` draws depend on it. */
  task: string;
  inputs: BatchedRows;
  /** The seed of what `sampled` draws. */
  seed: number;
}

/** Where the Fisher of one model comes from: a file, or inputs to measure it on. */
export type FisherSource = { file: string } | MeasuredFisher;

/** How the models of a session are merged at any coefficients. */
export interface MergePlan {
  /** The passes of a merge at λ_1 … λ_M. */
  passes: (coefficients: readonly number[]) => Pass[];
  /** The Fisher of each model, in the order of the coefficients; undefined where the passes need none. */
  fishers: readonly (FisherSource | undefined)[];
}

/** What a merge leaves besides the parameters in the engine. */
export interface MergeOutcome {
  /** What `minWeight` left out of the measured Fishers, by task name; absent where it is 0 or nothing was measured. */
  skipped?: Record<string, SkippedChoices>;
  /** Wall seconds. `fisher` counts all that is done for the Fishers, which includes moving θ and folding in the same sweep. */
  seconds: { fisher: number; merge: number };
}

/** The passes that make a Fisher; the others combine models. */
const FISHER_PASSES: ReadonlySet<Pass['pass']> = new Set(['load', 'move', 'measure', 'read fisher']);

/**
 * Carries out the passes of a merge, one native job or Fisher after the other (paper, eq. 7). The merged parameters become the session's
 * current ones. Errors: NUMERIC naming the tensor, INVALID_ARGUMENT where a pass asks for a Fisher that has no source, and those of
 * measureFisher and loadFisher.
 */
export async function runMerge(
  session: Session,
  passes: readonly Pass[],
  options: RunOptions & Partial<Pick<MergePlan, 'fishers'>> = {},
): Promise<MergeOutcome> {
  const skipped: Record<string, SkippedChoices> = {};
  const seconds = { fisher: 0, merge: 0 };
  const total = passes.filter(addsModel).length;
  let done = 0;
  for (const pass of passes) {
    const { value: left, seconds: took } = await timed(() => carryOut(session, pass, options));
    Object.assign(skipped, left);
    seconds[FISHER_PASSES.has(pass.pass) ? 'fisher' : 'merge'] += took;
    if (addsModel(pass)) options.onProgress?.({ phase: 'merge', done: ++done, total: total + 1 });
  }
  options.onProgress?.({ phase: 'merge', done: total + 1, total: total + 1 });
  return { ...(Object.keys(skipped).length > 0 ? { skipped } : {}), seconds };
}

/** Carries out one pass. Where that measures a Fisher with `minWeight`, returns what was left out, by the name of the task. */
async function carryOut(
  session: Session,
  pass: Pass,
  options: RunOptions & Partial<Pick<MergePlan, 'fishers'>>,
): Promise<Record<string, SkippedChoices> | void> {
  const { fishers = [], signal, onProgress } = options;
  switch (pass.pass) {
    case 'begin':
      return session.job((engine) => engine.beginMerge(), signal);
    case 'load':
      return session.load(pass.model, signal);
    case 'move':
      return session.interpolate(pass.model, pass.coefficient, signal);
    case 'measure': {
      const { task, inputs, seed, ...terms } = measuredSource(fishers, pass.model);
      const fold = { model: pass.model, coefficient: pass.coefficient };
      const run = { ...terms, fold, draw: { seed, task }, subject: task, signal, onProgress };
      const { skipped } = await measureFisher(session, inputs, run);
      return terms.minWeight ? { [task]: skipped } : undefined;
    }
    case 'read fisher':
      return loadFisher(session, fileOf(fishers, pass.model), signal);
    case 'fold':
      return session.job(
        (engine) => engine.fold({ model: pass.model, coefficient: pass.coefficient, withFisher: pass.weighted }),
        signal,
      );
    case 'finish':
      return session.job((engine) => engine.finishMerge(), signal);
  }
}

/** Whether a pass adds a model to the merge. */
function addsModel({ pass }: Pass): boolean {
  return pass === 'measure' || pass === 'fold';
}

function measuredSource(fishers: MergePlan['fishers'], model: number): MeasuredFisher {
  const source = fishers[model - 1];
  if (source && 'inputs' in source) return source;
  throw new DfMergeError('INVALID_ARGUMENT', `model ${model} has no inputs to measure a Fisher on`);
}

function fileOf(fishers: MergePlan['fishers'], model: number): string {
  const source = fishers[model - 1];
  if (source && 'file' in source) return source.file;
  throw new DfMergeError('INVALID_ARGUMENT', `model ${model} has no file with a Fisher`);
}
