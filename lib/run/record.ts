import type { ManifestFiles } from '../core/manifest.js';
import type { Phase } from '../core/timing.js';
import type { SkippedChoices } from '../engine/fisher.js';
import type { ResolvedRecipe } from '../recipe/resolved.js';
import type { ComparisonRecord } from '../search/journal_event.js';
import type { FailedTrial, TrialRecord } from '../search/trial.js';
import type { Score } from '../tasks/scores.js';

export type { ComparisonRecord, FailedTrial, Score, SkippedChoices, TrialRecord };

/** The merged model on one task. */
export interface TaskRecord {
  name: string;
  validation: Score;
  test?: Score;
  /** The SHA-256 of the files that the splits were read from, so that runs can tell whether they were scored on the same rows. */
  data?: { validation: string; test?: string };
}

/** Where a run happened. */
export interface EnvironmentRecord {
  node: string;
  platform: string;
  cpu: string;
  /** The instruction set of the kernels that ran. */
  isa: string;
  /** What multiplied matrices, where it was not those kernels. */
  matmul?: string;
  threads: number;
  /** The dtype of matrix products' operands. */
  computeDtype: string;
}

/** Wall times, which are the only part of a record that differs between two runs of the same recipe. */
export interface TimingRecord {
  totalSeconds: number;
  phases: Record<Phase, number>;
}

/**
 * What `dfmerge.json` holds: what was done and what came of it. A run that was interrupted and resumed leaves the same record as one that was
 * not, except for `timing`, and therefore there is no date in it.
 */
export interface RunRecord {
  /** The version of dfmerge that wrote it. */
  dfmerge: string;
  method: string;
  recipe: ResolvedRecipe;
  /** Where the relative paths of the recipe start, seen from the folder of this record: it holds as long as both are moved together. */
  recipeFolder: string;
  seed: number;
  environment: EnvironmentRecord;
  models: { model: string; task?: string; coefficient: number }[];
  /** The coefficients of `models`, as one list. */
  coefficients: number[];
  /** The trials of a search; empty after a `merge`. */
  trials: TrialRecord[];
  /** Candidates whose merge or score was not finite; absent where there are none. */
  failed?: FailedTrial[];
  /** The best trial of a search; absent after a `merge`. */
  best?: { trial: number; objective: number };
  /** The merged model on each task; empty where the recipe names no tasks. */
  tasks: TaskRecord[];
  comparisons: ComparisonRecord[];
  /** What was left out of the Fishers that the written merge was made with, by task name; absent where `min_weight` is 0. */
  skipped?: Record<string, SkippedChoices>;
  /** What was odd and not wrong, a sentence each; absent where there was nothing. */
  warnings?: string[];
  timing: TimingRecord;
  /** Every file that was written beside dfmerge.json, by its path in the folder: its size and its SHA-256 in hexadecimal. */
  files?: ManifestFiles;
}
