import type { Fold } from '../../bindings/index.js';
import { DfMergeError } from '../core/errors.js';
import { measureFisher } from '../engine/fisher.js';
import { loadFisher } from '../engine/fisher_file.js';
import { mergeModels } from '../engine/merge.js';
import type { Session } from '../engine/session.js';
import type { RunOptions } from '../core/progress.js';
import type { MethodName } from '../methods/index.js';
import type { Recipe } from '../recipe/recipe.js';
import type { SkippedChoices } from './record.js';
import type { PreparedTask } from '../tasks/prepare.js';
import type { Stopwatch } from '../core/timing.js';

/** What one merge needs besides its coefficients. */
export interface Candidate {
  model: Session;
  recipe: Recipe;
  tasks: readonly PreparedTask[];
  stopwatch: Stopwatch;
}

/** What `min_weight` left out of a merge's Fishers. */
export interface MergeNotes {
  /** By task name, of the Fishers that were measured; absent where `min_weight` is 0 or none was. */
  skipped?: Record<string, SkippedChoices>;
}

/** Methods whose C_i is a Fisher. */
export function usesFisher(method: MethodName): boolean {
  return method === 'df_merge' || method === 'fisher';
}

/**
 * Merges at coefficients λ by a method: `df_merge` measures each Fisher at θ0 + λ_i τ_i and `fisher` at θ_i, unless the recipe says where
 * (METHOD §2); the others have C_i = 1.
 * The merged parameters become the engine's. Errors: those of measureFisher, loadFisher and mergeModels.
 */
export async function mergeCandidate(
  candidate: Candidate,
  method: MethodName,
  coefficients: readonly number[],
  options: RunOptions = {},
): Promise<MergeNotes> {
  const { stopwatch } = candidate;
  const skipped: Record<string, SkippedChoices> = {};
  const prepare = usesFisher(method)
    ? (_: number, fold: Fold) =>
        stopwatch.time('fisher', () => prepareFisher(candidate, { method, fold, skipped }, options))
    : null;
  await stopwatch.time('merge', () => mergeModels(candidate.model, coefficients, prepare, options));
  return Object.keys(skipped).length > 0 ? { skipped } : {};
}

async function prepareFisher(
  { model, recipe, tasks }: Candidate,
  { method, fold, skipped }: { method: MethodName; fold: Fold; skipped: Record<string, SkippedChoices> },
  options: RunOptions,
): Promise<'folded' | void> {
  const member = recipe.models[fold.model - 1];
  if (member.fisher) return loadFisher(model, member.fisher.path, options.signal);
  const task = tasks.find(({ name }) => name === member.task);
  if (!task?.fisher)
    throw new DfMergeError('INVALID_RECIPE', `${member.written}: its Fisher needs a task, and it has none`);
  if ((method === recipe.mergeMethod ? recipe.fisher.at : 'model') === 'model')
    await model.load(fold.model, options.signal);
  else await model.interpolate(fold.model, fold.coefficient, options.signal);
  const { mode, epsilon, minWeight } = recipe.fisher;
  const draw = { seed: recipe.search.seed, task: task.name };
  const measured = await measureFisher(model, task.fisher.split.rows, task.fisher.indices, {
    ...options,
    mode,
    epsilon,
    minWeight,
    draw,
    fold,
    subject: task.name,
  });
  if (minWeight > 0) skipped[task.name] = measured.skipped;
  return 'folded';
}
