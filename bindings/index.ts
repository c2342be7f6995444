/**
 * The boundary between TypeScript and the native engine: states the addon's contract, and loads it by addon.ts.
 * Weights never cross it, only token ids, scalars and scores.
 */
import { loadAddon } from './addon.js';

/**
 * What the engine is made for: an architecture, by the name under which it registered itself, and the numbers and booleans that it reads
 * by name. Errors: INVALID_ARGUMENT for a missing or mistyped one, INVALID_CONFIG for a value that the architecture has not.
 */
export interface EngineConfig {
  architecture: string;
  [setting: string]: string | number | boolean;
}

/** The dtypes that matrix products' operands can have; sums and everything else are float32. */
export const COMPUTE_DTYPES = ['float32', 'bfloat16'] as const;
export type ComputeDtype = (typeof COMPUTE_DTYPES)[number];

/** How an engine computes. */
export interface EngineOptions {
  threads: number;
  /** The dtype of matrix products' operands. */
  dtype: ComputeDtype;
  device: 'cpu';
}

/** Whose gradients a Fisher squares (METHOD §3). */
export const FISHER_MODES = ['exact', 'sampled', 'sequence', 'choices'] as const;
export type FisherMode = (typeof FISHER_MODES)[number];

/** The dtypes of weights in files, as safetensors names them. */
export type StoredDType = 'F32' | 'F16' | 'BF16';

/** Where a parameter lies, or is to be written: `offset` in bytes from the start of `file`. */
export interface TensorPlace {
  name: string;
  file: string;
  offset: number;
  dtype: StoredDType;
}

/** A ragged batch of B inputs with S choices in all: sequences one after another with their offsets, and nothing padded. */
export interface NativeBatch {
  /** The encoder tokens of all inputs, one after another. */
  inputIds: Int32Array;
  /** [B + 1]: input i is inputIds[inputOffsets[i] .. inputOffsets[i + 1]]. */
  inputOffsets: Int32Array;
  /** The label tokens of all choices, in the order of the inputs and then of their choices. */
  labelIds: Int32Array;
  /** [S + 1]: choice s is labelIds[labelOffsets[s] .. labelOffsets[s + 1]]. */
  labelOffsets: Int32Array;
  /** [B + 1]: the choices of input i are choiceOffsets[i] .. choiceOffsets[i + 1]. */
  choiceOffsets: Int32Array;
}

/** What decides how much memory rows take, one element per row. */
export interface RowShapes {
  /** How many token ids the input has. */
  inputTokens: Int32Array;
  /** How many token ids all choices have together. */
  choiceTokens: Int32Array;
  /** How many choices the row has. */
  choices: Int32Array;
  /** How many gradients are made of the row; where it is absent or 0, the row is only scored. */
  gradients?: Float64Array;
  /** How many sequences are generated of the row side by side; absent or 0 where none is. */
  sequences?: Int32Array;
  /** How many tokens each of them gets at most. */
  newTokens?: Int32Array;
}

/** How sequences are generated. */
export interface GenerationRequest {
  maxNewTokens: number;
  /** With 1 the likeliest token is taken at every step; with more, a beam search keeps so many sequences. */
  numBeams: number;
  /** A sequence's score is its log-probability / length^lengthPenalty. */
  lengthPenalty: number;
  /** Ends a beam search once it has numBeams ended sequences, although others might be better. */
  earlyStopping: boolean;
  /** Each of them ends a sequence. */
  endTokens: Int32Array;
  /** The token that begins every sequence, where it is another than the model's own. */
  startToken?: number;
}

/** One sequence per input. */
export interface NativeGenerated {
  /** The tokens of all sequences, without start tokens; an end token is the last one of its sequence. */
  ids: Int32Array;
  /** [B + 1]: the sequence of input i is ids[offsets[i] .. offsets[i + 1]]. */
  offsets: Int32Array;
  /** [B] */
  scores: Float64Array;
}

/** One step of AdamW. */
export interface AdamWOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
}

/** What of a batch's choices a Fisher takes. */
export interface FisherRequest {
  mode: FisherMode;
  /** In mode `sampled`, a uniform number in [0, 1) per input, which picks a choice by the distribution function of p̃. */
  draws?: Float64Array;
  /** In mode `sampled`, the choice itself per input, counted from 0, in place of `draws`. */
  drawn?: Int32Array;
  /** Choices whose p̃ is below it are skipped, except for an input's likeliest. The default of 0 skips none. */
  minWeight?: number;
}

/** λ_i τ_i of model i, to be weighted and added to a merge. */
export interface Fold {
  model: number;
  coefficient: number;
}

/** How the sum over the N inputs that were added becomes a Fisher: F / N + ε. */
export interface FinishFisherOptions {
  epsilon: number;
  /** Folds the Fisher into the merge in the sweep that finishes it; the Fisher stays in the engine. */
  fold?: Fold;
}

/**
 * One engine. It has four vectors of parameters, models in their files, and one job at a time. A promise means work on other threads.
 *
 * It counts the inputs of a Fisher, the models of a merge and the steps of a training itself, and refuses with INVALID_STATE what builds on a
 * call that was not made: scoring, generating, measuring, training and writing need parameters; adding to a Fisher and finishing it, that it was begun
 * (where the parameters are replaced in between, it was not); folding, that a merge was begun, and with a Fisher that there is one. A call
 * that fails or is stopped leaves what it had begun to change undefined, so that it has to be made anew from its beginning.
 */
export interface NativeEngine {
  parameters(): { name: string; shape: number[] }[];
  /** How many bytes each row adds to the activations of its batch, an estimate by which batches are cut. */
  activationBytes(rows: RowShapes): Float64Array;
  addModel(sources: TensorPlace[]): number;
  parameter(vector: 'parameters' | 'fisher', name: string): Float32Array;
  bytes(): number;
  busy(): boolean;
  /** How many threads work: fewer than were asked for where the system refused some. Results do not depend on it. */
  threads(): number;
  /** Which code multiplies matrices: 'builtin', or oneDNN with its version and instructions. Other code gives other bits. */
  matmul(): string;
  /** Makes the running job end with ABORTED. */
  stop(): void;
  /** How many times its jobs have looked whether they are to stop, also while one runs; 0 once it is closed. */
  polls(): number;
  /** Frees everything, at once or when the running job has ended. */
  close(): void;
  load(model: number): Promise<void>;
  interpolate(model: number, coefficient: number): Promise<void>;
  initialize(seed: number): Promise<void>;
  beginFisher(): Promise<void>;
  /** Adds the squared gradients of a batch; returns p̃ of every choice. */
  addFisher(batch: NativeBatch, request: FisherRequest): Promise<Float64Array>;
  finishFisher(options: FinishFisherOptions): Promise<void>;
  loadFisher(sources: TensorPlace[]): Promise<void>;
  beginMerge(): Promise<void>;
  /** Folds a model into the merge with the engine's Fisher as its weight, or with 1 everywhere. */
  fold(fold: Fold & { withFisher: boolean }): Promise<void>;
  /** θ = θ0 + M · numerator / denominator, where M models were folded. */
  finishMerge(): Promise<void>;
  score(batch: NativeBatch): Promise<Float64Array>;
  encode(batch: NativeBatch): Promise<Float32Array>;
  logits(batch: NativeBatch): Promise<Float32Array>;
  /** Generates a sequence from every input of a batch, which needs no choices. */
  generate(batch: NativeBatch, request: GenerationRequest): Promise<NativeGenerated>;
  beginTraining(): Promise<void>;
  addGradient(batch: NativeBatch, scale: number): Promise<Float64Array>;
  adamw(options: AdamWOptions): Promise<void>;
  write(vector: 'parameters' | 'fisher', targets: TensorPlace[]): Promise<void>;
}

/** What a build of the addon has, and what of it this machine runs. */
export interface NativeInfo {
  /** The instruction set that was chosen. */
  isa: string;
  /** The instruction sets of this machine, best first, and then one that tests emulate, which is never chosen. */
  available: string[];
  /** The instruction sets of this build, without the one that tests emulate. */
  built: string[];
  /** How bfloat16 operands are multiplied: by instructions of the chosen set, or rounded and as float32, which saves no time. */
  bfloat16: 'instructions' | 'rounded';
  compiler: string;
  /** Which code multiplies matrices of each dtype: 'builtin', or oneDNN with its version and instructions. */
  matmul: Record<ComputeDtype, string> & {
    /** The version of oneDNN that the build found, or '' for none. */
    onednn: string;
  };
}

/** What the addon exports. */
export interface NativeAddon {
  /** The version of the package that it was built from. */
  readonly version: string;
  info(): NativeInfo;
  Engine: new (config: EngineConfig, options: EngineOptions) => NativeEngine;
}

export { packageRoot } from './addon.js';

let addon: NativeAddon | undefined;

/** The native addon, loaded at first use. Throws NATIVE_LOAD with what to do when there is none for this machine. */
export function native(): NativeAddon {
  addon ??= loadAddon<NativeAddon>();
  return addon;
}

/** Makes native() return another addon that exports the same engine, which is the one of the tests, with more architectures. */
export function useAddon(other: NativeAddon): void {
  addon = other;
}
