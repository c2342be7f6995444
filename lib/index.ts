/**
 * dfmerge: merges fine-tuned T5 models into one multi-task model by Dynamic Fisher-weighted Merging via Bayesian optimisation
 * (DF-Merge; Lee et al., NAACL 2025).
 * @packageDocumentation
 */
export { search, journalPath, type SearchOptions } from './search.js';
export { merge, type MergeOptions } from './merge_recipe.js';
export { evaluate, fisher, type EvaluateOptions, type MeasureOptions, type MeasureResult } from './commands.js';
export { finetune, type FinetuneEvaluation, type FinetuneOptions, type FinetuneResult } from './finetune.js';
export { demo, demoTable, type DemoOptions, type DemoPhase, type DemoResult } from './demo/demo.js';
export type { DemoRow, DemoTable } from './demo/table.js';
export { info, type Info } from './info.js';

export { recipeForMerge, recipeForSearch, type RecipeInput, type RecipeOptions } from './recipe/read.js';
export type {
  Acquisition, ComputeDtype, FisherMode, FisherSettings, MergeMethod, MergeModel, MergeRecipe, OptimizerMode, OutputDtype, Recipe, RecipeModel,
  RecipePath, RecipeTask, SearchMethod, SearchRecipe, SearchSettings, Split,
} from './recipe/recipe.js'; // prettier-ignore
export type { ResolvedRecipe } from './recipe/resolved.js';

export { BayesianOptimizer } from './bayes/index.js';
export type { AcquisitionName, BayesianOptimizerOptions, BayesMode, Observation, OptimizerState } from './bayes/index.js';

export { DfMergeError, type ErrorCode } from './errors.js';
export type { ProgressEvent, RunOptions } from './progress.js';
export type { ComputeOptions } from './model.js';
export type { TrainingOptions } from './train.js';
export type { OutputDType } from './checkpoint/write.js';
export type { DataOptions } from './data/prepared.js';
export type { SplitName } from './data/task.js';
export { COMPARISONS, type Comparison } from './compare.js';
export { predict, type Evaluation, type ExampleResult, type OnPartial, type PartialEvaluation } from './evaluate.js';
export { renderReport } from './report/report.js';
export type { ComparisonRecord, EnvironmentRecord, Phase, RunRecord, Score, SkippedChoices, TaskRecord, TimingRecord, TrialRecord } from './report/record.js';
