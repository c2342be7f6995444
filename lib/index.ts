/**
 * dfmerge: merges fine-tuned T5 models into one multi-task model by Dynamic Fisher-weighted Merging via Bayesian optimisation
 * (DF-Merge; Lee et al., NAACL 2025).
 * @module dfmerge
 */

// A comment `// # TITLE` begins a group of the public API: the documentation lists the exports below it under that title.

// # Searching and merging
export { search, journalPath, type SearchOptions } from './commands/search.js';
export { merge, type MergeOptions } from './commands/merge.js';
export { check, type CheckOptions, type CheckResult } from './commands/check.js';
export type { CheckedModel } from './run/checked_models.js';
export type { TaskCheckResult } from './run/check_task.js';
export type { TimeEstimate } from './run/estimate.js';
export type { RunRoom } from './run/room.js';
export type { Problem } from './run/problems.js';
export type { SplitDescription, TaskDescription } from './tasks/describe.js';
export type { MemoryLimits } from './core/machine.js';
export { COMPARISONS, type Comparison } from './run/comparison.js';
export { METHODS, type MethodName, type RegisteredMethod, type SearchMethodName } from './methods/index.js';
export type { MergeMethod, MethodComparison, MethodNeeds, MethodSearch, Pass, PlanRequest } from './methods/method.js';
export type {
  BooleanParameter,
  MethodParameter,
  NumberParameter,
  ParameterMistake,
  ParameterValues,
} from './methods/parameter.js';

// # Using a model
export { openModel } from './model/open.js';
export type {
  ChoiceScores,
  Classification,
  GenerateOptions,
  Generation,
  Model,
  OpenModelOptions,
} from './model/model.js';
export type { Question } from './model/questions.js';

// # Measuring and evaluating
export { checkEvaluate, evaluate, type EvaluateOptions } from './commands/evaluate.js';
export { checkFisher, fisher, type MeasureOptions, type MeasureResult } from './commands/fisher.js';
export {
  predict,
  type Evaluation,
  type ExampleResult,
  type OnPartial,
  type PartialEvaluation,
} from './engine/evaluate.js';

// # Training
export {
  checkFinetune,
  finetune,
  type FinetuneEvaluation,
  type FinetuneOptions,
  type FinetuneResult,
} from './commands/finetune.js';
export type { TrainingOptions } from './engine/train.js';

// # Recipes
export { recipeFromRecord, type RecordedOptions } from './recipe/recorded.js';
export { recipeForMerge, recipeForSearch, type RecipeInput, type RecipeOptions } from './recipe/read.js';
export type {
  FisherSettings,
  MergeModel,
  MergeRecipe,
  Recipe,
  RecipeFisher,
  RecipeModel,
  RecipePath,
  RecipeTask,
  SearchRecipe,
  SearchSettings,
} from './recipe/recipe.js';
export type { ComputeDtype, FisherMode } from '../bindings/index.js';
export type { ResolvedRecipe } from './recipe/resolved.js';

// # Records and reports
export { renderReport } from './report/report.js';
export { report, type ReportOptions, type ReportResult } from './commands/report.js';
export { compareRuns, type CompareRunsOptions } from './commands/compare.js';
export type { RunColumn, SideBySide } from './report/side_by_side.js';
export type {
  Differences,
  Estimate,
  ModelNumbers,
  ModelRole,
  RunNumbers,
  SearchNumbers,
  Split,
  SplitNumbers,
} from './report/numbers.js';
export type { ModelImportance } from './bayes/importance.js';
export type { Interval } from './statistics/interval.js';
export type { PairedTest } from './statistics/paired.js';
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
export type { ManifestFiles } from './core/manifest.js';
export type { Phase } from './core/timing.js';

// # The optimiser
export { BayesianOptimizer, OptimizerError } from './bayes/index.js';
export type {
  AcquisitionName,
  BayesianOptimizerOptions,
  OptimizerMode,
  Observation,
  OptimizerErrorCode,
  OptimizerState,
} from './bayes/index.js';

// # The demo
export { demo, demoTable, type DemoOptions, type DemoPhase, type DemoResult } from './demo/demo.js';
export type { DemoRow, DemoTable } from './demo/table.js';

// # Errors and options
export { DfMergeError, type ErrorCode } from './core/errors.js';
export { info, type Info } from './commands/info.js';
export type { OnWarning, ProgressEvent, RunOptions, Stage } from './core/progress.js';
export type { GenerationOptions } from './engine/generate.js';
export type { ComputeOptions } from './engine/session.js';
export type { OutputDtype } from './checkpoint/write.js';
export type { DataOptions } from './tasks/prepared_split.js';
export type { SplitName } from './tasks/rows.js';
