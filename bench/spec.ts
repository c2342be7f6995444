import type { MergePart } from './flops.js';
import type { Dtype, ShapeName } from './shapes.js';

/** What every case's process is told. */
interface Common {
  threads: number;
  /** Timed runs. */
  repeats: number;
}

/** A random model of a shape: folders of the base and, where the case merges, of one child. */
interface WithModel extends Common {
  shape: ShapeName;
  base: string;
  child?: string;
}

interface WithRows {
  /** File of token lengths. */
  lengths: string;
  task: string;
  /** First rows of the task. */
  rows: number;
}

export interface LimitsSpec extends Common {
  kind: 'limits';
  /** Bytes of each of the two buffers of the copy: far more than the caches hold. */
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
  /** Rows of each input of the forward pass, and how many segments share it. */
  inputs: number[];
  choices: number[];
}

export interface MergeSpec extends WithModel {
  kind: 'merge';
  part: MergePart;
}

export interface WorkSpec extends WithModel, WithRows {
  kind: 'fisher' | 'score' | 'train';
  dtype: Dtype;
  /** Where the reference's numbers lie. */
  reference: string;
}

/** A row of the same work by a reference instruction set in float32; its numbers go to the file `reference`. */
export interface ReferenceSpec extends WithModel, WithRows {
  kind: 'reference';
  work: WorkSpec['kind'];
  reference: string;
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
  /** Drop the file from the page cache before every run. */
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
  | IterationSpec
  | MemorySpec
  | LoadSpec
  | SuggestSpec
  | CreateSpec;

/** How far a result was from its reference before it was timed. */
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

/** What a case's process prints, as one JSON line. */
export interface CaseResult {
  /** One per timed run. */
  seconds: number[];
  /** Most bytes resident while warm-up and timed runs went on, mapped files included. */
  peak?: number;
  /** The same without mapped files; absent where the system does not say. */
  anonymous?: number;
  check?: Check;
  /** Of a whole iteration: seconds by phase, means over the runs. */
  phases?: Record<string, number>;
  /** Of loading: seconds of reading the file's bytes, one per run. */
  reading?: number[];
  /** Of a pass over memory: GB/s of copying in the same process, right after the timed runs. */
  copying?: number[];
  limits?: LimitSample[];
  /** The build or the machine does not do it: why. */
  skipped?: string;
}
