import type { MergePart } from './flops.js';
import type { Dtype, ShapeName } from './shapes.js';

/** What the process of every case is told. */
interface Common {
  threads: number;
  /** How many runs are timed. */
  repeats: number;
}

/** A random model of a shape: the folders of the base and, where the case merges, of one child. */
interface WithModel extends Common {
  shape: ShapeName;
  base: string;
  child?: string;
}

interface WithRows {
  /** The file of token lengths. */
  lengths: string;
  task: string;
  /** How many of the task's rows are used, from the first on. */
  rows: number;
}

export interface LimitsSpec extends Common {
  kind: 'limits';
  /** The bytes of each of the copy's two buffers, far more than the caches hold. */
  copyBytes: number;
  products: readonly (readonly [number, number, number])[];
}

export interface MatmulSpec extends Common {
  kind: 'matmul';
  m: number;
  n: number;
  k: number;
  dtype: Dtype;
  weights: number;
}

export interface OuterSpec extends Common {
  kind: 'outer';
  out: number;
  in: number;
  dtype: Dtype;
  targets: number;
  /** How many rows of the forward pass each input has. */
  inputs: number[];
  /** How many segments share each input. */
  choices: number[];
}

export interface MergeSpec extends WithModel {
  kind: 'merge';
  part: MergePart;
}

export interface WorkSpec extends WithModel, WithRows {
  kind: 'fisher' | 'score' | 'train';
  dtype: Dtype;
  /** The file that holds the reference's numbers. */
  reference: string;
}

/** One row of the same work in float32 by a reference instruction set, whose numbers go to the file `reference`. */
export interface ReferenceSpec extends WithModel, WithRows {
  kind: 'reference';
  work: WorkSpec['kind'];
  reference: string;
}

export interface GenerateSpec extends WithModel, WithRows {
  kind: 'generate';
  dtype: Dtype;
  /** 1 takes the likeliest token at every step. */
  beams: number;
  /** How many tokens every sequence gets. */
  newTokens: number;
  /** The name of the file beside the model that the ids go to, for peers to compare theirs with. */
  generated: string;
}

export interface IterationSpec extends WithModel {
  kind: 'iteration';
  dtype: Dtype;
  lengths: string;
  tasks: { task: string; fisherRows: number; scoreRows: number }[];
}

export interface MemorySpec extends WithModel, WithRows {
  kind: 'memory';
  dtype: Dtype;
  models: number;
}

export interface LoadSpec extends WithModel {
  kind: 'load';
  /** Whether the file is dropped from the page cache before every run. */
  cold: boolean;
}

export interface SuggestSpec extends Common {
  kind: 'suggest';
  points: number;
  dimensions: number;
}

export interface CreateSpec extends Common {
  kind: 'create';
  shape: ShapeName;
  out: string;
  seed: number;
}

export type CaseSpec =
  | LimitsSpec
  | MatmulSpec
  | OuterSpec
  | MergeSpec
  | WorkSpec
  | ReferenceSpec
  | GenerateSpec
  | IterationSpec
  | MemorySpec
  | LoadSpec
  | SuggestSpec
  | CreateSpec;

/** How far a result was from its reference, before anything was timed. */
export interface Check {
  against: string;
  error: number;
  bound: number;
}

/** One rate of the machine, in GFLOP/s or GB/s. */
export interface LimitSample {
  kind: Dtype | 'copy';
  what: string;
  by: string;
  rate: number;
}

/** What the process of a case prints as one JSON line. */
export interface CaseResult {
  /** The seconds of each timed run. */
  seconds: number[];
  /** The most bytes that were resident during warm-up and timed runs, mapped files included. */
  peak?: number;
  /** The most bytes without mapped files; absent where the system does not say. */
  anonymous?: number;
  check?: Check;
  /** A whole iteration tells its seconds by phase, averaged over the runs. */
  phases?: Record<string, number>;
  /** Loading tells the seconds that reading the file's bytes took in each run. */
  reading?: number[];
  /** A pass over memory tells the GB/s of copying in the same process, right after the timed runs. */
  copying?: number[];
  limits?: LimitSample[];
  /** The reason where the build or the machine cannot run the case. */
  skipped?: string;
}
