/**
 * dfmerge: merges fine-tuned T5 models into one multi-task model by Dynamic Fisher-weighted Merging via Bayesian optimisation
 * (DF-Merge; Lee et al., NAACL 2025).
 * @packageDocumentation
 */
export { search, journalPath, type SearchOptions } from './commands/search.js';
export { merge, type MergeOptions } from './commands/merge.js';
export { evaluate, type EvaluateOptions } from './commands/evaluate.js';
export { fisher, type MeasureOptions, type MeasureResult } from './commands/fisher.js';
export { finetune, type FinetuneEvaluation, type FinetuneOptions, type FinetuneResult } from './commands/finetune.js';
export { demo, demoTable, type DemoOptions, type DemoPhase, type DemoResult } from './demo/demo.js';
export type { DemoRow, DemoTable } from './demo/table.js';
export { info, type Info } from './commands/info.js';

export { recipeForMerge, recipeForSearch, type RecipeInput, type RecipeOptions } from './recipe/read.js';
export type {
  Acquisition,
  FisherSettings,
  MergeModel,
  MergeRecipe,
  OptimizerMode,
  OutputDtype,
  Recipe,
  RecipeModel,
  RecipePath,
  RecipeTask,
  SearchRecipe,
  SearchSettings,
} from './recipe/recipe.js';
export type { ComputeDtype, FisherMode } from '../bindings/index.js';
export { METHODS, type MethodName, type RegisteredMethod, type SearchMethodName } from './methods/index.js';
export type { MergeMethod, MethodComparison, MethodNeeds, MethodSearch, Pass, PlanRequest } from './methods/method.js';
export type {
  BooleanParameter,
  MethodParameter,
  NumberParameter,
  ParameterMistake,
  ParameterValues,
} from './methods/parameter.js';
export type { ResolvedRecipe } from './recipe/resolved.js';

export { BayesianOptimizer } from './bayes/index.js';
export type {
  AcquisitionName,
  BayesianOptimizerOptions,
  BayesMode,
  Observation,
  OptimizerState,
} from './bayes/index.js';

export { DfMergeError, type ErrorCode } from './core/errors.js';
export type { Phase } from './core/timing.js';
export type { ProgressEvent, RunOptions } from './core/progress.js';
export type { ComputeOptions } from './engine/session.js';
export type { TrainingOptions } from './engine/train.js';
export type { OutputDType } from './checkpoint/write.js';
export type { DataOptions } from './tasks/prepared_split.js';
export type { SplitName } from './tasks/rows.js';
export { COMPARISONS, type Comparison } from './run/comparison.js';
export {
  predict,
  type Evaluation,
  type ExampleResult,
  type OnPartial,
  type PartialEvaluation,
} from './engine/evaluate.js';
export { renderReport } from './report/report.js';
export type {
  ComparisonRecord,
  EnvironmentRecord,
  FailedTrial,
  RunRecord,
  Score,
  SkippedChoices,
  TaskRecord,
  TimingRecord,
  TrialRecord,
} from './run/record.js';
