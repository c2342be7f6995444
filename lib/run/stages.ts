import type { PlannedStage, PlannedWork } from '../core/course.js';
import { scoringCost } from '../engine/batch.js';
import { fisherCost } from '../engine/fisher.js';
import { COMPARED_METHODS } from '../methods/index.js';
import type { MergeMethod } from '../methods/method.js';
import { trialsOf } from '../search/proposals.js';
import { splitOf, type Comparison } from './comparison.js';
import { mergePlan, type RunContext } from './context.js';

/** What a run is going to do, as far as its recipe does not say it. */
export interface PlannedRunStages {
  compare: readonly Comparison[];
  search: boolean;
  /** Whether the models and the Fisher files are hashed. */
  hashes: boolean;
}

/** Everything that a run will do once it is open, in its order: hashing what it reads, the trials of a search, the comparisons, the merge, its evaluations and the writing. */
export function plannedStages(context: RunContext, { compare, search, hashes }: PlannedRunStages): PlannedStage[] {
  const trial = [...trialWork(context, context.method)];
  const trials = search ? trialsIn(context, context.method) : 0;
  const scored = context.tasks.some(({ validation }) => validation);
  return [
    ...(hashes ? [{ stage: 'reading', work: readingWork(context) } as const] : []),
    ...Array.from({ length: trials }, (_, i): PlannedStage => ({ stage: 'trials', trial: i + 1, work: trial })),
    ...(scored ? compare : []).map((name): PlannedStage => ({
      stage: `comparison ${name}`,
      work: comparisonWork(context, name),
    })),
    { stage: 'merge', work: mergeWork(context, context.method) },
    { stage: 'validation', work: scoring(context, 'validation') },
    { stage: 'test', work: scoring(context, 'test') },
    { stage: 'writing', work: [{ phase: 'write', cost: 1 }] },
  ];
}

/** The models are hashed together, and then the Fisher files. */
function readingWork({ recipe }: RunContext): PlannedWork[] {
  const fishers = recipe.models.filter(({ fisher }) => fisher !== undefined).length;
  return [recipe.models.length + 1, fishers].flatMap((cost) => (cost > 0 ? [{ phase: 'read' as const, cost }] : []));
}

function trialsIn({ recipe }: RunContext, { search }: MergeMethod): number {
  return search ? trialsOf(search, recipe.search) : 0;
}

function trialWork(context: RunContext, method: MergeMethod): PlannedWork[] {
  return [{ phase: 'suggest', cost: 1 }, ...mergeWork(context, method), ...scoring(context, 'subset')];
}

/** The work of one merge, whatever its coefficients. */
function mergeWork(context: RunContext, method: MergeMethod): PlannedWork[] {
  const { passes, fishers } = mergePlan(context, method);
  const models = context.recipe.models.length;
  const planned = passes(Array<number>(models).fill(1 / models));
  const measured = planned.flatMap((pass): PlannedWork[] => {
    const source = pass.pass === 'measure' ? fishers[pass.model - 1] : undefined;
    if (!source || !('inputs' in source)) return [];
    return [{ phase: 'fisher', subject: source.task, cost: fisherCost(source.inputs, source.mode) }];
  });
  return [...measured, { phase: 'merge', cost: planned.length }];
}

function scoring({ tasks }: RunContext, part: 'subset' | 'validation' | 'test'): PlannedWork[] {
  return tasks.flatMap((task): PlannedWork[] => {
    const rows = task[part]?.rows;
    return rows ? [{ phase: 'evaluate', subject: task.name, cost: scoringCost(rows) }] : [];
  });
}

function comparisonWork(context: RunContext, name: Comparison): PlannedWork[] {
  const scored = scoring(context, splitOf(context));
  const load: PlannedWork = { phase: 'load', cost: 1 };
  const method = COMPARED_METHODS.find(({ comparison }) => comparison.name === name);
  if (method) {
    const trials = method.comparison.coefficients === 'grid' ? trialsIn(context, method) : 0;
    const searched = Array.from({ length: trials }, () => trialWork(context, method)).flat();
    return [...searched, ...mergeWork(context, method), ...scored];
  }
  if (name === 'base') return [load, ...scored];
  const own = context.recipe.models.flatMap(({ task }) => scored.filter(({ subject }) => subject === task));
  return own.flatMap((work) => [load, work]);
}
