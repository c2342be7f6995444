import { availableParallelism } from 'node:os';
import {
  COMPUTE_DTYPES,
  native,
  type ComputeDtype,
  type EngineConfig,
  type NativeEngine,
  type RowShapes,
  type TensorPlace,
} from '../../bindings/index.js';
import { openModelSet, type ModelSet, type Parameter } from '../architectures/index.js';
import { writeModelFolder, type ModelFolder } from '../checkpoint/write.js';
import type { BatchBudget } from './batch.js';
import { callNative, jobError } from './native_call.js';
import { DfMergeError } from '../core/errors.js';
import { checkOptions, number, oneOf, text, THREADS } from '../core/kinds.js';
import { assertSameHeaders } from '../checkpoint/unchanged.js';
import { elementCount } from '../checkpoint/layout.js';
import { checkAborted, type RunOptions } from '../core/progress.js';
import { sum } from '../core/statistics.js';
import { VERSION } from '../core/version.js';

/** How the engine computes. */
export interface ComputeOptions {
  /** How many threads the engine has, by default as many as the machine offers. Results do not depend on it. */
  threads?: number;
  /**
   * The dtype of matrix products' operands; sums, parameters, norms, softmax, Fishers and the merge are always float32. Results are bit-equal
   * only at equal dtypes. The default is the recipe's `compute_dtype` where there is a recipe, and float32 elsewhere.
   */
  computeDtype?: ComputeDtype;
  /** The device that computes, which can only be the CPU in this version. */
  device?: 'cpu';
  /**
   * How many bytes the activations of one batch may take. Results are bit-equal only at equal budgets. The default is half of what the
   * parameters take, so that reading them is spread over many rows, but at least 24 MiB and at most 512 MiB.
   */
  batchMemory?: number;
}

/** How a session is opened. */
export type SessionOptions = ComputeOptions & Pick<RunOptions, 'onWarning'>;

/** Which values ComputeOptions take. */
export const COMPUTE_KINDS = {
  threads: THREADS,
  computeDtype: oneOf(COMPUTE_DTYPES, { float16: 'a model overflows in float16' }),
  device: text('a device'),
  batchMemory: number({ least: 1 }),
};

/** Checks the options by themselves. Errors: INVALID_ARGUMENT naming the option; UNSUPPORTED for a device that this version does not know. */
export function checkComputeOptions(options: ComputeOptions): void {
  const { threads, computeDtype, device, batchMemory } = options;
  checkOptions('engine', { threads, computeDtype, device, batchMemory }, { kinds: COMPUTE_KINDS });
  if (device !== undefined && device !== 'cpu')
    throw new DfMergeError('UNSUPPORTED', `device ${String(device)}: this version computes on the cpu`);
}

/** Small models compute best where activations stay in the caches, large ones where a batch has rows enough for each read of the weights. */
export function defaultBatchMemory(elements: number): number {
  return Math.min(512 * 2 ** 20, Math.max(24 * 2 ** 20, 2 * elements));
}

function elementsOf(parameters: readonly Parameter[]): number {
  return sum(parameters.map(({ shape }) => elementCount(shape)));
}

/**
 * A base model and its fine-tuned children around one native engine. The engine holds one current set of parameters θ,
 * made by load, interpolate or a merge; checkpoints stay on disk.
 */
export class Session {
  /** The parameters by name and shape, in the engine's order. */
  readonly parameters: readonly Parameter[];
  /** How many threads the engine has, which are fewer than were asked for where the system refused some. */
  readonly threads: number;
  readonly computeDtype: ComputeDtype;
  readonly #budget: number;

  private constructor(
    readonly set: ModelSet,
    readonly engine: NativeEngine,
    options: ComputeOptions,
  ) {
    this.parameters = engine.parameters();
    this.threads = engine.threads();
    this.computeDtype = options.computeDtype ?? 'float32';
    this.#budget = options.batchMemory ?? defaultBatchMemory(elementsOf(this.parameters));
  }

  /**
   * Opens a base and its children. Model 0 is the base, models 1..M the children in the order given.
   * Errors: those of openModelSet; INVALID_ARGUMENT, UNSUPPORTED for options; NATIVE_LOAD.
   */
  static async open(base: string, models: readonly string[], options: SessionOptions = {}): Promise<Session> {
    checkComputeOptions(options);
    const set = await openModelSet(base, models, options);
    const engine = makeEngine(set.engineConfig, options);
    try {
      const session = new Session(set, engine, options);
      for (const member of [set.base, ...set.models]) {
        callNative(() => engine.addModel(member.sources(session.parameters)));
        await assertSameHeaders(member.checkpoint);
      }
      const { threads: asked = availableParallelism() } = options;
      if (session.threads < asked)
        options.onWarning?.(
          `only ${session.threads} of ${asked} threads could be started, because the system refuses more (a container's limit on processes, ulimit -u, or memory); results are the same, and threads: ${session.threads} asks for no more`,
        );
      return session;
    } catch (error) {
      engine.close();
      throw error;
    }
  }

  /** Runs one native job; aborting the signal ends it early. Errors: DfMergeError of the engine's code; the signal's reason. */
  async job<T>(run: (engine: NativeEngine) => Promise<T>, signal?: AbortSignal): Promise<T> {
    checkAborted(signal);
    const stop = () => this.engine.stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await run(this.engine);
    } catch (cause) {
      throw jobError(cause, signal);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Sets θ = θ_i, where model 0 is the base. */
  async load(model: number, signal?: AbortSignal): Promise<void> {
    await this.job((engine) => engine.load(model), signal);
  }

  /** Sets θ = θ_0 + λ (θ_i − θ_0). */
  async interpolate(model: number, coefficient: number, signal?: AbortSignal): Promise<void> {
    await this.job((engine) => engine.interpolate(model, coefficient), signal);
  }

  /** How many bytes the activations of one batch may take. */
  get batchMemory(): number {
    return this.#budget;
  }

  /** The budget by which batches of a scoring pass are cut. */
  scoreBudget(): BatchBudget {
    return { maxBytes: this.#budget, cost: (rows) => this.#activationBytes(rows) };
  }

  /** The budget by which batches of a pass with gradients are cut; `gradients` says how many an input with so many choices makes. */
  gradientBudget(gradients: (choices: number) => number): BatchBudget {
    const withGradients = (rows: RowShapes) => ({ ...rows, gradients: Float64Array.from(rows.choices, gradients) });
    return { maxBytes: this.#budget, cost: (rows) => this.#activationBytes(withGradients(rows)) };
  }

  /** The budget by which batches are cut that generate so many sequences of every row side by side. */
  generationBudget({ sequences, newTokens }: { sequences: number; newTokens: number }): BatchBudget {
    const each = (rows: RowShapes, value: number) => new Int32Array(rows.inputTokens.length).fill(value);
    const generated = (rows: RowShapes) => ({
      ...rows,
      sequences: each(rows, sequences),
      newTokens: each(rows, newTokens),
    });
    return { maxBytes: this.#budget, cost: (rows) => this.#activationBytes(generated(rows)) };
  }

  #activationBytes(rows: RowShapes): Float64Array {
    return callNative(() => this.engine.activationBytes(rows));
  }

  /** Writes θ as a Hugging Face folder named and sharded like the base. Errors: those of writeModelFolder, NUMERIC. */
  async write(
    out: string,
    options: Pick<ModelFolder, 'dtype' | 'metadata' | 'overwrite' | 'extraFiles' | 'card' | 'record' | 'onWarning'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { base, parameterOf, addedTensors, configChanges, tokenizerDir } = this.set;
    await writeModelFolder({
      out,
      base: base.checkpoint,
      aliasOf: parameterOf,
      addedTensors,
      configChanges,
      tokenizerDir,
      record: { dfmerge: VERSION },
      ...options,
      writeTensors: (file, tensors) =>
        this.job(
          (engine) =>
            engine.write(
              'parameters',
              tensors.map((tensor): TensorPlace => ({ file, ...tensor })),
            ),
          signal,
        ),
    });
  }

  /** Frees the engine's memory; a running job ends first. */
  close(): void {
    this.engine.close();
  }
}

/** Makes a native engine for an architecture. Errors: INVALID_CONFIG, INVALID_ARGUMENT, UNSUPPORTED, NATIVE_LOAD. */
export function makeEngine(config: EngineConfig, options: ComputeOptions): NativeEngine {
  const { Engine } = native();
  return callNative(
    () =>
      new Engine(config, {
        threads: options.threads ?? availableParallelism(),
        dtype: options.computeDtype ?? 'float32',
        device: options.device ?? 'cpu',
      }),
  );
}
