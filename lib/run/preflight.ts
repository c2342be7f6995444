import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openModelSet, type ModelSet } from '../architectures/index.js';
import { assertModelFolder } from '../checkpoint/folder.js';
import { elementCount } from '../checkpoint/layout.js';
import { readHeader } from '../checkpoint/safetensors.js';
import { assertWritable } from '../checkpoint/write.js';
import { exists } from '../core/files.js';
import { assertFolderSpares } from '../core/inputs.js';
import { chosenCacheFolder } from '../core/cache_folder.js';
import { assertCanCreate, nearestFolder } from '../core/machine.js';
import type { RunOptions } from '../core/progress.js';
import { sum } from '../core/statistics.js';
import type { ComputeOptions } from '../engine/session.js';
import { methodNamed } from '../methods/index.js';
import { placeOf } from '../recipe/places.js';
import type { Recipe } from '../recipe/recipe.js';
import { trialsOf } from '../search/proposals.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { readSplitBytes, SPLITS, type SplitName } from '../tasks/rows.js';
import { comparesWithFisher, type Comparison } from './comparison.js';
import { recipeInputs } from './inputs.js';
import { Problems } from './problems.js';
import { checkRoom, roomFor, SMALL_FILES, type Machine, type RunRoom, type RunSize } from './room.js';
import { checkSettings } from './settings.js';

/** A run as far as it is known before anything is opened. */
export interface PlannedRun {
  recipe: Recipe;
  /** The folder that is to be written; absent where only the rest is to be checked. */
  out?: string;
  overwrite?: boolean;
  compare: readonly Comparison[];
  /** Whether every task must have a validation split to be scored on. */
  scored: 'yes' | 'where labelled' | 'no';
  /** What the run has room in; by default this machine. */
  machine?: Machine;
}

/** What was found of a run; the parts that could not be opened are absent. */
export interface Preflight {
  set?: ModelSet;
  /** How many parameters a model has. */
  parameters?: number;
  room?: RunRoom;
}

/**
 * Checks all that can be known of a run before its work: settings, the output (by making and removing a file beside it), every model, the
 * files of every task and Fisher, space on the disk and memory. Nothing is left behind, and nothing told of models, which is told when they are opened for the work. Everything that is wrong goes to `problems`.
 */
export async function preflight(
  run: PlannedRun,
  options: ComputeOptions & DataOptions & Pick<RunOptions, 'onWarning'>,
  problems: Problems,
): Promise<Preflight> {
  const { recipe, out } = run;
  await problems.attempt('', () => checkSettings(recipe, options));
  if (out !== undefined) {
    await problems.attempt('', async () => assertFolderSpares(out, await recipeInputs(recipe)));
    await problems.attempt('', () => assertCanCreate(out));
  }
  const set = await openModels(recipe, problems);
  await checkFiles(run, problems);
  if (!set) return {};
  const parameters = parametersOf(set);
  const room = await roomFor(await sizeOf(run, parameters, options), options, run.machine);
  await problems.attempt('', () => checkRoom(out, room, options.onWarning));
  return { set, parameters, room };
}

/** Checks an output that does not lie in the way of anything yet. Errors: those of assertWritable. */
export async function checkOutput({ out, overwrite }: PlannedRun, problems: Problems): Promise<void> {
  if (out !== undefined && problems.list.length === 0)
    await problems.attempt('', async () => {
      // A parent that is not there yet is made by the run.
      if (await exists(dirname(out))) await assertWritable(out, { overwrite });
    });
}

/** The models as a set; where they do not make one, each is opened by itself, so that every mistake is told. */
async function openModels(recipe: Recipe, problems: Problems): Promise<ModelSet | undefined> {
  const { baseModel, models } = recipe;
  const open = async (members: typeof models) => {
    for (const { path, written } of [baseModel, ...members]) await assertModelFolder(path, written);
    return openModelSet(
      baseModel.path,
      members.map(({ path }) => path),
    );
  };
  const together = new Problems();
  const set = await together.attempt('', () => open(models));
  if (set) return set;
  const before = problems.list.length;
  const base = await problems.attempt(placeOf(recipe, ['base_model']), () => open([]));
  for (const [i, model] of models.entries()) {
    const place = placeOf(recipe, ['models', i, 'model']);
    await problems.attempt(place, async () => {
      await assertModelFolder(model.path, model.written);
      if (base) await open([model]);
      else await openModelSet(model.path, []);
    });
  }
  if (problems.list.length === before) await problems.attempt('', () => open(models));
  return undefined;
}

async function checkFiles({ recipe, scored, compare }: PlannedRun, problems: Problems): Promise<void> {
  const measured =
    (methodNamed(recipe.mergeMethod).needs.fisher !== undefined && recipe.models.some(({ fisher }) => !fisher)) ||
    comparesWithFisher(compare);
  for (const { name, path } of recipe.tasks) {
    const splits = new Set<SplitName>([
      ...(scored === 'no' ? [] : (['validation'] as const)),
      ...(measured ? [recipe.fisher.split] : []),
    ]);
    for (const split of splits)
      await problems.attempt(placeOf(recipe, ['tasks', name, 'data']), async () => {
        await readSplitBytes(path, split);
      });
  }
  for (const [i, { fisher }] of recipe.models.entries())
    if (fisher)
      await problems.attempt(placeOf(recipe, ['models', i, 'fisher']), async () => {
        await readHeader(fisher.path);
      });
}

/** How many parameters the engine holds for a set; tables under several names count once. */
export function parametersOf(set: ModelSet): number {
  const sizes = new Map<string, number>();
  for (const { name, shape } of set.base.checkpoint.tensors.values()) {
    const parameter = set.parameterOf(name);
    if (parameter !== undefined) sizes.set(parameter, elementCount(shape));
  }
  for (const { name, shape } of set.addedTensors) sizes.set(name, elementCount(shape));
  return sum(sizes.values());
}

/** θ, numerator, denominator and where they are measured Fishers; and the weights as products take them. */
async function sizeOf(run: PlannedRun, parameters: number, { cache }: DataOptions): Promise<RunSize> {
  const { recipe, out, compare } = run;
  const measures = methodNamed(recipe.mergeMethod).needs.fisher !== undefined || comparesWithFisher(compare);
  const weights = parameters * (recipe.dtype === 'float32' ? 4 : 2);
  const kept = out === undefined ? 0 : await keptBeside(out, recipe, cache);
  return { parameters, vectors: measures ? 5 : 4, out, written: weights + SMALL_FILES + journalBytes(run) + kept };
}

/** About how long the journal of a search is, which lies beside the folder and at the end in it too. */
export function journalBytes({ recipe, compare }: Pick<PlannedRun, 'recipe' | 'compare'>): number {
  const { search, models, tasks, mergeMethod } = recipe;
  const method = methodNamed(mergeMethod);
  if (!method.search || models.every((model) => 'coefficient' in model)) return 0;
  const trials = trialsOf(method.search, search) * (300 + 60 * models.length + 80 * tasks.length);
  return 2 * (trials + (compare.length + 2) * tasks.length * 600);
}

/** What the token ids that are kept between runs take of the output's disk: about as much as their text. */
async function keptBeside(out: string, { tasks }: Recipe, cache: DataOptions['cache']): Promise<number> {
  const folder = chosenCacheFolder(cache);
  if (folder === undefined || (await diskOf(folder)) !== (await diskOf(out))) return 0;
  const files = tasks.flatMap(({ path }) => SPLITS.map((split) => join(path, `${split}.jsonl`)));
  const sizes = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return Math.min(sum(sizes), 2 ** 30);
}

/** The disk that a path lies on, or will; undefined where that is not known. */
async function diskOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(await nearestFolder(dirname(resolve(path))))).dev;
  } catch {
    return undefined;
  }
}

/** Throws what preflight finds of a run; several problems make one error. What is free at present is told and not kept in the record. */
export async function assertRunnable(
  run: PlannedRun,
  options: ComputeOptions & DataOptions & Pick<RunOptions, 'onWarning'>,
): Promise<void> {
  const problems = new Problems();
  await preflight(run, options, problems);
  problems.throwAny();
}
