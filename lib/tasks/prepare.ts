import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prepareSplit, type DataOptions, type PreparedSplit } from './prepared_split.js';
import type { SplitName } from './rows.js';
import { drawFisherRows, subsetRows } from './subset.js';
import { evaluateRows, type Evaluation } from '../engine/evaluate.js';
import type { Session } from '../engine/session.js';
import type { RunOptions } from '../core/progress.js';
import type { FisherSettings } from './fisher_settings.js';
import type { Recipe, RecipeTask } from '../recipe/recipe.js';

/** A task of a recipe, ready for the engine. */
export interface PreparedTask {
  name: string;
  /** Labelled; absent where nothing is scored. */
  validation?: PreparedSplit;
  /** Rows of the validation split that score a trial: nested subsets of the same draw. */
  subset: number[];
  /** Labelled. */
  test?: PreparedSplit;
  /** Inputs of the task's Fisher, drawn once and kept for all candidates. */
  fisher?: { split: PreparedSplit; indices: number[] };
}

/** What of the tasks is needed. */
export interface PrepareOptions extends DataOptions {
  seed: number;
  validationRatio: number;
  /** Absent: no Fisher is measured. */
  fisher?: FisherSettings;
  /** Whether validation and test splits are scored, and so need labels. */
  scored: 'yes' | 'where labelled' | 'no';
}

/** Loads every task of a recipe. Errors: those of prepareSplit; a task without test.jsonl has no test split. */
export async function prepareTasks(model: Session, recipe: Recipe, options: PrepareOptions): Promise<PreparedTask[]> {
  const prepared: PreparedTask[] = [];
  for (const task of recipe.tasks) prepared.push(await prepareTask(model, task, options));
  return prepared;
}

async function prepareTask(
  model: Session,
  task: RecipeTask,
  { seed, validationRatio, fisher, scored, cache }: PrepareOptions,
): Promise<PreparedTask> {
  const stream = { seed, task: task.name };
  const load = (split: SplitName, needLabels: boolean) =>
    prepareSplit(model.requireTokenizer(), task.path, split, { needLabels, cache });
  const scoredSplit = async (split: SplitName): Promise<PreparedSplit | undefined> => {
    if (scored === 'no' || (split === 'test' && !existsSync(join(task.path, 'test.jsonl')))) return undefined;
    const prepared = await load(split, scored === 'yes');
    return prepared.rows.labels.includes(-1) ? undefined : prepared;
  };
  const validation = await scoredSplit('validation');
  const test = await scoredSplit('test');
  const split = fisher && (fisher.split === 'validation' && validation ? validation : await load(fisher.split, false));
  return {
    name: task.name,
    validation,
    subset: validation ? subsetRows(validation.all.length, validationRatio, stream) : [],
    test,
    fisher: split && fisher && { split, indices: drawFisherRows(split.all.length, fisher.samples, stream) },
  };
}

/** Which rows of the tasks to evaluate on. */
export type Part = 'subset' | 'validation' | 'test';

/** Evaluates θ on a part of every task (those that have it), or of the tasks named. */
export async function evaluateTasks(
  model: Session,
  tasks: readonly PreparedTask[],
  part: Part,
  options: RunOptions = {},
): Promise<Map<string, Evaluation>> {
  const results = new Map<string, Evaluation>();
  for (const task of tasks) {
    const split = part === 'test' ? task.test : task.validation;
    if (!split) continue;
    results.set(
      task.name,
      await evaluateRows(model, split.rows, part === 'subset' ? task.subset : split.all, {
        ...options,
        subject: task.name,
      }),
    );
  }
  return results;
}

/** Unweighted mean over tasks: the search's objective (METHOD §1). */
export function meanAccuracy(results: ReadonlyMap<string, Evaluation>): number {
  let sum = 0;
  for (const { accuracy } of results.values()) sum += accuracy;
  return sum / results.size;
}

/** Accuracy by task name. */
export function accuracies(results: ReadonlyMap<string, Evaluation>): Record<string, number> {
  return Object.fromEntries([...results].map(([name, { accuracy }]) => [name, accuracy]));
}
