import type { Phase } from '../core/timing.js';
import type { ResolvedRecipe } from '../recipe/resolved.js';

/** Fraction of examples answered rightly, and how many were asked. */
export interface Score {
  accuracy: number;
  examples: number;
  /** Base64 of a bitset, lowest bit first: bit i is set where example i of the split was answered rightly. */
  correct?: string;
}

/**
 * What `min_weight` left out of one task's Fisher. Every element of it is low by at most `meanMass` times the largest squared gradient
 * element of a skipped choice (in mode `choices`: of the gradient less the mean of the kept); see measureFisher.
 * A type alias, which the journal takes as JSON where it would not take an interface.
 */
export type SkippedChoices = {
  /** Choices left out, of all inputs. */
  skipped: number;
  /** All choices of all inputs. */
  choices: number;
  /** p̃ of an input's skipped choices in all, the mean over the inputs. */
  meanMass: number;
  /** The same, of the input where it is largest. */
  maxMass: number;
};

/** One candidate of a search. */
export interface TrialRecord {
  /** Counted from 1. */
  trial: number;
  /** One per model, in the order of `RunRecord.models`. */
  coefficients: number[];
  /**
   * Unweighted mean of `accuracy`. Of a stopped trial an estimate, in which a task that was not seen counts its mean accuracy over the
   * earlier trials that were not stopped; it is below the best.
   */
  objective: number;
  /** Validation accuracy by task name. Of a stopped trial: on the rows seen, without the tasks not seen. */
  accuracy: Record<string, number>;
  /** Base64 of a bitset per task, lowest bit first, over the rows of the validation subset in ascending order; for tasks scored whole. */
  correct?: Record<string, string>;
  /** Set where `search.early_stopping` ended the scoring: the trial could no longer be the best. */
  stopped?: true;
  /** Of a stopped trial: rows of the validation subset that were scored, by task name. */
  rowsSeen?: Record<string, number>;
  /** By task name; absent where `min_weight` is 0. */
  skipped?: Record<string, SkippedChoices>;
}

/** The merged model on one task. */
export interface TaskRecord {
  name: string;
  validation: Score;
  test?: Score;
}

/** Another way to use the same models, to set beside the merged one. */
export interface ComparisonRecord {
  /** `base`, `fine-tuned (each on its own task)`, `average`, … */
  label: string;
  /** Unweighted mean of `accuracy`. */
  mean: number;
  /** By task name. */
  accuracy: Record<string, number>;
  /** Bitsets as in `Score`, by task name. */
  correct?: Record<string, string>;
  /** One per model, where the comparison is a merge. */
  coefficients?: number[];
  /** By task name; only of a comparison with Fishers, where `min_weight` is above 0. */
  skipped?: Record<string, SkippedChoices>;
  split: 'validation' | 'test';
}

/** Where a run happened. */
export interface EnvironmentRecord {
  node: string;
  platform: string;
  cpu: string;
  /** Instruction set of the kernels that ran. */
  isa: string;
  /** What multiplied matrices, where it was not those kernels. */
  matmul?: string;
  threads: number;
  /** Of computation. */
  dtype: string;
}

/** Wall times: the only part of a record that differs between two runs of the same recipe. */
export interface TimingRecord {
  totalSeconds: number;
  phases: Record<Phase, number>;
}

/**
 * `dfmerge.json`: what was done and what came out. A run that was interrupted and resumed leaves the same record as one
 * that was not, but for `timing`; so there is no date in it.
 */
export interface RunRecord {
  /** Version that wrote it. */
  dfmerge: string;
  method: string;
  recipe: ResolvedRecipe;
  seed: number;
  environment: EnvironmentRecord;
  models: { model: string; task?: string; coefficient: number }[];
  /** Of `models`, as one list. */
  coefficients: number[];
  /** Empty after a `merge`. */
  trials: TrialRecord[];
  /** Absent after a `merge`. */
  best?: { trial: number; objective: number };
  /** Empty where the recipe names no tasks. */
  tasks: TaskRecord[];
  comparisons: ComparisonRecord[];
  /** Of the Fishers that the written merge was made with, by task name; absent where `min_weight` is 0. */
  skipped?: Record<string, SkippedChoices>;
  timing: TimingRecord;
}
