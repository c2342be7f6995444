/**
 * The second addon, which tests and benchmarks load and users do not get: single ops on arrays of JavaScript's, and ops that
 * are timed where they run.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot, type ComputeDtype, type EngineOptions, type NativeAddon, type TensorPlace } from '../index.js';

/** Where a single op runs, and how. */
export interface KernelOptions {
  /** The device, by default the CPU. */
  device?: EngineOptions['device'];
  /** The dtype of matrix products' operands, by default float32. */
  dtype?: ComputeDtype;
  /** The code that multiplies matrices, by default builtin. */
  matmul?: 'builtin' | 'onednn';
  /** The CPU's instruction set; '' stands for the best of this machine. */
  isa: string;
  threads: number;
}

type Operands = Record<string, unknown>;

/** Single ops, for tests against plain loops; operands are described in kernels_object.cc. */
export interface NativeKernels {
  matmul(options: KernelOptions, operands: Operands): Float32Array;
  squaredOuter(options: KernelOptions, operands: Operands): Float32Array;
  rmsNorm(options: KernelOptions, operands: Operands): { y: Float32Array; dx: Float32Array; dweight: Float32Array };
  activation(
    options: KernelOptions,
    operands: Operands,
  ): { y: Float32Array; dgate: Float32Array; dlinear: Float32Array };
  attention(
    options: KernelOptions,
    operands: Operands,
  ): { y: Float32Array; dq: Float32Array; dk: Float32Array; dv: Float32Array; dbias: Float32Array };
  crossEntropy(
    options: KernelOptions,
    operands: Operands,
  ): { nll: Float64Array; tiledNll: Float64Array; dlogits: Float32Array };
  stepAttention(options: KernelOptions, operands: Operands): Float32Array;
  bestTokens(options: KernelOptions, operands: Operands): { tokens: Int32Array; logProbabilities: Float32Array };
  merge(options: KernelOptions, operands: Operands): Float32Array;
  interpolate(options: KernelOptions, operands: Operands): Float32Array;
  convert(options: KernelOptions, dtype: 'F16' | 'BF16', values: Float32Array): Float32Array;
  positionBucket(buckets: number, maxDistance: number, bidirectional: boolean, distance: number): number;
}

/** How a benchmark measures: `samples` figures, each the mean of as many calls as fill `sampleSeconds`. */
export interface BenchTiming {
  samples: number;
  sampleSeconds: number;
}

/**
 * Seconds per call, and how far the result was from that of the scalar kernels in float32, which is checked before anything is timed: the
 * largest |difference| / |row| of a few rows.
 */
export interface BenchSeconds {
  seconds: Float64Array;
  error: number;
}

/** A product as large as those of models, x [m, k] times the transpose of W [n, k]. Every call takes another of `weights` matrices W. */
export interface BenchMatmul extends BenchTiming {
  m: number;
  n: number;
  k: number;
  dtype: 'float32' | 'bfloat16';
  weights: number;
}

/**
 * The squared outer product F [out, in] += Σ_s (X_sᵀ dY_s)², where every call takes another of `targets` matrices F. Segment s has the rows
 * gradient[s] .. gradient[s + 1] of dY, and as many rows of X from forward[s] on.
 */
export interface BenchSquaredOuter extends BenchTiming {
  out: number;
  in: number;
  gradient: Int32Array;
  forward: Int32Array;
  dtype: 'float32' | 'bfloat16';
  targets: number;
}

/** Seconds of copying `bytes` bytes between two buffers on all threads: with plain stores, by memcpy, and with non-temporal stores. */
export interface BenchCopy {
  bytes: number;
  plain: Float64Array;
  library: Float64Array;
  /** Absent where the build knows no such stores of this machine. */
  streaming?: Float64Array;
}

/** Kernels on random operands of their own, timed natively. Errors: UNSUPPORTED for a dtype that this build does not multiply in. */
export interface NativeBench {
  matmul(options: KernelOptions, operands: BenchMatmul): BenchSeconds;
  squaredOuter(options: KernelOptions, operands: BenchSquaredOuter): BenchSeconds;
  copy(threads: number, operands: { bytes: number; samples: number }): BenchCopy;
}

/** Task vectors of files that are rescaled to a norm: θ = base + Σ_i (norm / ‖τ_i‖) τ_i. */
export interface Rescale {
  tensors: { name: string; elements: number }[];
  /** Where the tensors of the base lie, then those of model 1, and so on. */
  models: TensorPlace[][];
  norm: number;
  /** Whether ‖τ_i‖ is taken over all tensors together, and not over each by itself. */
  whole: boolean;
}

/** The driver of merges with a kernel that reduces before it is applied. */
export interface NativeMerge {
  /** Returns θ to 48 bits, one tensor behind the other. */
  rescale(options: KernelOptions, operands: Rescale): Float64Array;
}

/** An exception that native code throws: of the engine's own type, of the standard library's, or of none of these. */
export type Thrown =
  'error' | 'error without message' | 'bad_alloc' | 'length_error' | 'system_error' | 'number' | 'text';

/** Failures made on purpose. */
export interface NativeFaults {
  /** Throws as the engine's methods do. */
  guarded(kind: Thrown): void;
  /** Throws where nothing of ours guards. */
  unguarded(kind: Thrown): void;
  /** A job that throws in its work, in an item of a parallel region, in making its result, or when it tells that it is done. */
  job(place: 'work' | 'item' | 'result' | 'done', kind: Thrown): Promise<void>;
  /** A class whose constructor throws. */
  Faulty: new (kind: Thrown) => unknown;
  /**
   * Maps a file as checkpoints are, calls `between`, and adds up all of its bytes on several threads. `problem` is what the file's check says
   * behind that, its code first.
   */
  readMapped(file: string, between: () => void): { sum: number; problem: string };
  /** Does the same with a mapping that the engine knows nothing of. */
  readForeign(file: string, between: () => void): void;
  /** Lets the system refuse every thread after so many; a negative count ends that. */
  giveThreads(count: number): void;
}

/** What the second addon exports. */
export interface TestingAddon extends NativeAddon {
  kernels: NativeKernels;
  bench: NativeBench;
  merge: NativeMerge;
  faults: NativeFaults;
}

/** The testing addon of the build that node-gyp-build would take, which sanitized builds name in DFMERGE_PREBUILD. */
export function testing(): TestingAddon {
  const home = process.env.DFMERGE_PREBUILD ?? packageRoot();
  return createRequire(import.meta.url)(join(home, 'build', 'testing', 'dfmerge_testing.node')) as TestingAddon;
}
