import { basename, resolve } from 'node:path';
import { writeFileAtomic } from '../core/atomic_write.js';
import { checkpointFingerprint } from '../checkpoint/fingerprint.js';
import { prepareSplit, type DataOptions } from '../tasks/prepared_split.js';
import { drawFisherRows } from '../tasks/subset.js';
import type { SplitName } from '../tasks/rows.js';
import { evaluateRows, type Evaluation, type OnPartial } from '../engine/evaluate.js';
import { checkMinWeight, DEFAULT_EPSILON, measureFisher, type FisherMode } from '../engine/fisher.js';
import { writeFisher } from '../engine/fisher_file.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import type { RunOptions } from '../core/progress.js';
import type { SkippedChoices } from '../run/record.js';

/** Options of `evaluate`. */
export interface EvaluateOptions extends RunOptions, ComputeOptions, DataOptions {
  /** Model folder. */
  model: string;
  /** Task folder. */
  data: string;
  /** Default validation. */
  split?: SplitName;
  /** File that gets a JSON line per example, in order. */
  details?: string;
  /** Called after each batch with the rows scored and the right ones among them; true ends the evaluation there. */
  onPartial?: OnPartial;
}

/**
 * Accuracy of a model on a split of a task: the choice of lowest NLL per label token, against the label.
 * Errors: those of Session.open and loadSplit; NUMERIC, ABORTED.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const model = await Session.open(options.model, [], options);
  try {
    const split = await prepareSplit(model.requireTokenizer(), options.data, options.split ?? 'validation', {
      cache: options.cache,
    });
    await model.load(0, options.signal);
    const evaluation = await evaluateRows(model, split.rows, split.all, {
      ...options,
      subject: basename(resolve(options.data)),
    });
    if (options.details !== undefined)
      await writeFileAtomic(
        options.details,
        evaluation.results.map((result) => `${JSON.stringify(result)}\n`).join(''),
      );
    return evaluation;
  } finally {
    model.close();
  }
}

/** Options of `fisher`. */
export interface MeasureOptions extends RunOptions, ComputeOptions, DataOptions {
  /** Model folder. */
  model: string;
  /** With it the Fisher is measured at base + coefficient (model − base), else at the model. */
  base?: string;
  /** Default 1. */
  coefficient?: number;
  /** Task folder. */
  data: string;
  /** Default validation. */
  split?: SplitName;
  /** Inputs drawn from the split, or all. Default 30. */
  samples?: number | 'all';
  /** Default exact. */
  mode?: FisherMode;
  /** Default 1e-12. */
  epsilon?: number;
  /** Skips the choices whose p̃ is below it, but for an input's likeliest. In [0, 1]; default 0: none. Not for `sampled`. */
  minWeight?: number;
  /** Of the inputs drawn and, in `sampled`, of the choices. Default 1. */
  seed?: number;
  /** safetensors file to write. */
  out: string;
}

/** What was measured. */
export interface MeasureResult {
  out: string;
  /** Inputs used. */
  samples: number;
  mode: FisherMode;
  /** With the bound on what is lost; absent without `minWeight`. */
  skipped?: SkippedChoices;
}

/**
 * Measures the diagonal Fisher of a model on a task's inputs (labels are not used) and writes it as a safetensors file.
 * Errors: those of Session.open, loadSplit and measureFisher; IO.
 */
export async function fisher(options: MeasureOptions): Promise<MeasureResult> {
  const {
    mode = 'exact',
    seed = 1,
    samples = 30,
    coefficient = 1,
    epsilon = DEFAULT_EPSILON,
    minWeight = 0,
    signal,
  } = options;
  checkMinWeight(mode, minWeight);
  const model = await (options.base === undefined
    ? Session.open(options.model, [], options)
    : Session.open(options.base, [options.model], options));
  try {
    const task = basename(resolve(options.data));
    const split = await prepareSplit(model.requireTokenizer(), options.data, options.split ?? 'validation', {
      cache: options.cache,
    });
    const indices = drawFisherRows(split.all.length, samples, { seed, task });
    if (options.base === undefined) await model.load(0, signal);
    else await model.interpolate(1, coefficient, signal);
    const { skipped } = await measureFisher(model, split.rows, indices, {
      ...options,
      mode,
      epsilon,
      draw: { seed, task },
      subject: task,
    });
    const member = model.set.models[0] ?? model.set.base;
    const metadata = {
      mode,
      samples: String(indices.length),
      coefficient: String(options.base === undefined ? 1 : coefficient),
      epsilon: String(epsilon),
      dtype: model.dtype,
      seed: String(seed),
      model: await checkpointFingerprint(member.checkpoint),
      ...(options.base === undefined ? {} : { base: await checkpointFingerprint(model.set.base.checkpoint) }),
      data: split.digest,
      ...(minWeight > 0 ? { min_weight: String(minWeight), skipped: JSON.stringify(skipped) } : {}),
    };
    await writeFisher(model, options.out, metadata, signal);
    return { out: options.out, samples: indices.length, mode, ...(minWeight > 0 ? { skipped } : {}) };
  } finally {
    model.close();
  }
}
