import { DfMergeError } from '../core/errors.js';
import { inStage } from '../core/course.js';
import type { RunOptions } from '../core/progress.js';
import { sumOfSeconds, timed, type Seconds } from '../core/timing.js';
import type { Session } from '../engine/session.js';
import { COMPARED_METHODS, type ComparedMethod } from '../methods/index.js';
import { TaskAccuracy } from '../objectives/task_accuracy.js';
import { partOfJournal, type Journal, type JournalOfPart } from '../search/journal.js';
import type { ComparisonRecord } from '../search/journal_event.js';
import { proposalsOf } from '../search/proposals.js';
import { searchCoefficients } from '../search/search.js';
import { accuracies, bitsets, meanAccuracy, type TaskScores } from '../tasks/scores.js';
import type { Recipe } from '../recipe/recipe.js';
import { mergeAt, mergePlan, type RunContext } from './context.js';
import { journalPart } from './journal_header.js';
import { keptScores, once, type Prepared, type ToScore } from './kept_scores.js';
import { BASE_LABEL, FINE_TUNED_LABEL } from './labels.js';

/** The models as they are, to compare a merge with. */
const UNMERGED: readonly string[] = ['base', 'fine-tuned'];

/** Other ways to use the same models, to set beside a merged one: the models as they are, then methods that need no search of their own. */
export const COMPARISONS: readonly string[] = [
  ...UNMERGED,
  ...COMPARED_METHODS.map(({ comparison }) => comparison.name),
];

/** One of COMPARISONS. */
export type Comparison = string;

/** The comparisons of a search unless told otherwise, which are the cheap ones. */
export const DEFAULT_COMPARISONS: readonly Comparison[] = [
  ...UNMERGED,
  ...COMPARED_METHODS.filter(({ comparison }) => comparison.cheap).map(({ comparison }) => comparison.name),
];

/**
 * The comparisons of a run, each once, after it was checked that its recipe has what they need: work is then never lost to one that cannot be made.
 * Those that are made unless told otherwise are left out with a warning in such a case.
 * @param asked what was asked for; undefined where nothing was
 * @param usual what is made where nothing was asked for
 * Errors: INVALID_ARGUMENT naming a comparison that there is not, or one that the recipe cannot make and what it lacks.
 */
export function plannedComparisons(
  recipe: Recipe,
  { asked, usual }: { asked: readonly Comparison[] | undefined; usual: readonly Comparison[] },
  onWarning?: RunOptions['onWarning'],
): Comparison[] {
  return [...new Set(asked ?? usual)].filter((name) => {
    const lacking = COMPARISONS.includes(name) ? lackingFor(recipe, name) : `expected one of ${COMPARISONS.join(', ')}`;
    if (lacking === undefined) return true;
    if (asked) throw new DfMergeError('INVALID_ARGUMENT', `comparison ${name}: ${lacking}`);
    onWarning?.(`the comparison ${name} is left out: ${lacking}`);
    return false;
  });
}

/** What a recipe lacks for a comparison; undefined where it can be made. */
function lackingFor({ models, tasks }: Recipe, name: Comparison): string | undefined {
  if (tasks.length === 0) return 'the recipe has no tasks to evaluate it on';
  if (name === 'fine-tuned' && models.every(({ task }) => task === undefined))
    return 'no model of the recipe has a task of its own to be evaluated on';
  const needs = COMPARED_METHODS.find(({ comparison }) => comparison.name === name)?.needs;
  const bare = models.find(({ task, fisher }) => task === undefined && !(needs?.fisher && fisher));
  if (!needs?.tasks || bare === undefined) return undefined;
  return `the model ${bare.written} has no task, whose inputs ${needs.fisher ? 'its Fisher would be measured on' : 'the merge would read'}`;
}

/**
 * Checks, once the tasks are read, that what is compared can be scored. Errors: INVALID_ARGUMENT naming the comparison and what has no labels.
 */
export function checkScorable(context: RunContext, comparisons: readonly Comparison[]): void {
  const { recipe, tasks, warnings } = context;
  if (comparisons.length === 0) return;
  const split = splitOf(context);
  const scored = tasks.filter((task) => task[split]).map(({ name }) => name);
  if (scored.length === 0)
    throw new DfMergeError('INVALID_ARGUMENT', `comparison ${comparisons[0]}: no task has labels to evaluate it by`);
  if (!comparisons.includes('fine-tuned')) return;
  const own = scored.filter((name) => recipe.models.some(({ task }) => task === name));
  if (own.length === 0)
    throw new DfMergeError(
      'INVALID_ARGUMENT',
      `comparison fine-tuned: no model has a task with labels; those with labels are ${scored.join(', ')}`,
    );
  if (own.length < scored.length)
    warnings.add(
      `no model belongs to ${scored.filter((name) => !own.includes(name)).join(', ')}: the mean of fine-tuned is over ${own.join(', ')} alone, and not to be set beside the other means`,
    );
}

/** Warnings about fine-tuned models that are no better on their own tasks than the base: what they would bring to a merge is not there. */
export function idleModels(recipe: Recipe, records: readonly ComparisonRecord[]): string[] {
  const labelled = (label: string) => records.find((record) => record.label === label);
  const [base, own] = [labelled(BASE_LABEL), labelled(FINE_TUNED_LABEL)];
  if (!base || !own) return [];
  return recipe.models.flatMap(({ task = '', written }) => {
    const [before, after] = [base.accuracy[task], own.accuracy[task]];
    if (before === undefined || after === undefined || after > before) return [];
    return [
      `${written} does not beat the base on its own task ${task}: ${percent(after)} against ${percent(before)} (${own.split}); was it trained on it, and are its choices those of the data?`,
    ];
  });
}

/** Whether one of the comparisons measures Fishers. */
export function comparesWithFisher(comparisons: readonly Comparison[]): boolean {
  return COMPARED_METHODS.some(({ comparison, needs }) => needs.fisher && comparisons.includes(comparison.name));
}

/** A comparison and the wall seconds that it took. */
export interface Compared {
  comparison: ComparisonRecord;
  seconds: Seconds;
}

/** How a comparison is made. */
export interface CompareOptions extends RunOptions {
  /** What an earlier process has evaluated is taken from it, and what is evaluated now is added. */
  journal?: Journal;
}

/**
 * Evaluates a comparison on the test splits where every task has one, else on the validation splits. Errors: INVALID_ARGUMENT for a name
 * that is none of COMPARISONS; those of merging and of evaluating.
 */
export async function compare(context: RunContext, name: Comparison, options: CompareOptions = {}): Promise<Compared> {
  const method = COMPARED_METHODS.find(({ comparison }) => comparison.name === name);
  if (!method && !UNMERGED.includes(name))
    throw new DfMergeError('INVALID_ARGUMENT', `comparison ${name}: expected ${COMPARISONS.join(', ')}`);
  const { journal } = options;
  const part = journal && partOfJournal(journal, journalPart(context, name, { split: splitOf(context), method }));
  const kept = part?.events.find((event) => event.event === 'compared');
  if (kept?.event === 'compared') return kept;
  const partOptions = inStage({ ...options, journal: part }, `comparison ${name}`);
  const compared = await (method
    ? compareMethod(context, method, partOptions)
    : name === 'base'
      ? compareBase(context, partOptions)
      : compareFineTuned(context, partOptions));
  part?.append({ event: 'compared', ...compared });
  return compared;
}

interface PartOptions extends RunOptions {
  journal: JournalOfPart | undefined;
}

async function compareBase(context: RunContext, { journal, ...options }: PartOptions): Promise<Compared> {
  const { session } = context;
  const split = splitOf(context);
  const load = once(() => loaded(session, 0, options));
  const { scores, seconds } = await keptScores(session, { work: toScore(context, split, load), journal }, options);
  return { comparison: { label: BASE_LABEL, ...summary(scores), split }, seconds };
}

/** Scores each fine-tuned model on its own task, which a merge cannot be expected to reach. */
async function compareFineTuned(context: RunContext, { journal, ...options }: PartOptions): Promise<Compared> {
  const { session, recipe, tasks } = context;
  const split = splitOf(context);
  const work = recipe.models.flatMap((member, i): ToScore[] => {
    const task = tasks.find(({ name }) => name === member.task);
    const rows = task?.[split]?.rows;
    return task && rows ? [{ task: task.name, split, rows, prepare: () => loaded(session, i + 1, options) }] : [];
  });
  const { scores, seconds } = await keptScores(session, { work, journal }, options);
  return { comparison: { label: FINE_TUNED_LABEL, ...summary(scores), split }, seconds };
}

async function compareMethod(
  context: RunContext,
  method: ComparedMethod,
  { journal, ...options }: PartOptions,
): Promise<Compared> {
  const { session, recipe } = context;
  const split = splitOf(context);
  const models = recipe.models.length;
  const { coefficients, seconds: searching } =
    method.comparison.coefficients === 'equal'
      ? { coefficients: Array<number>(models).fill(1 / models), seconds: {} }
      : await bestOfGrid(context, method, { journal, ...options });
  const merged = once(() => mergeAt(context, { plan: mergePlan(context, method), coefficients }, options));
  const work = toScore(context, split, merged);
  const { scores, seconds, skipped } = await keptScores(session, { work, journal }, options);
  return {
    comparison: {
      label: method.comparison.label(coefficients),
      ...summary(scores),
      coefficients,
      ...(skipped ? { skipped } : {}),
      split,
    },
    seconds: sumOfSeconds([searching, seconds]),
  };
}

async function loaded(session: Session, model: number, { signal, onProgress }: RunOptions): Promise<Prepared> {
  const { seconds } = await timed(() => session.load(model, signal));
  onProgress?.({ phase: 'load', done: 1, total: 1 });
  return { seconds: { load: seconds } };
}

/** A split of every task that has it, to be scored at the same parameters. */
export function toScore(
  { tasks }: RunContext,
  split: 'validation' | 'test',
  prepare: () => Promise<Prepared>,
): ToScore[] {
  return tasks.flatMap((task) => {
    const rows = task[split]?.rows;
    return rows ? [{ task: task.name, split, rows, prepare }] : [];
  });
}

/** The method's own search on the validation subsets; its trials are no trials of the run, and are not shown as such. */
async function bestOfGrid(
  context: RunContext,
  method: ComparedMethod,
  { journal, signal, onProgress }: PartOptions,
): Promise<{ coefficients: number[]; seconds: Seconds }> {
  const { session, recipe, tasks } = context;
  if (!method.search)
    throw new DfMergeError('INVALID_ARGUMENT', `${method.name} is compared at its best, and has no search`);
  const { best, seconds } = await searchCoefficients(
    {
      session,
      proposals: proposalsOf(method.search, { models: recipe.models.length, settings: recipe.search }),
      plan: mergePlan(context, method),
      objective: new TaskAccuracy(session, tasks),
      journal,
    },
    {
      signal,
      onProgress: ({ trial: _trial, best: _best, ...event }) => {
        if (event.phase !== 'search') onProgress?.(event);
      },
    },
  );
  return { coefficients: best.coefficients, seconds };
}

/** Comparisons are judged on what no search has seen, where there is such a thing. */
export function splitOf({ tasks }: Pick<RunContext, 'tasks'>): 'test' | 'validation' {
  return tasks.every(({ test }) => test) ? 'test' : 'validation';
}

function summary(scores: TaskScores): Pick<ComparisonRecord, 'mean' | 'accuracy' | 'correct'> {
  return { mean: meanAccuracy(scores), accuracy: accuracies(scores), correct: bitsets(scores) };
}

const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;
