import { checkpointFingerprints } from '../checkpoint/fingerprint.js';
import { DfMergeError } from '../core/errors.js';
import type { RunOptions } from '../core/progress.js';
import { DIGEST_SCHEME, fisherSources, readFisherMetadata, type FisherMetadata } from '../engine/fisher_file.js';
import { COMPARED_METHODS } from '../methods/index.js';
import type { FisherPlace } from '../methods/method.js';
import type { RecipeFisher, RecipeModel } from '../recipe/recipe.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import type { Comparison } from './comparison.js';
import type { RunContext } from './context.js';
import { Problems } from './problems.js';

/** What a run does with its Fisher files. */
export interface FisherUse {
  /** The λ of each model in the recipe's own merge; absent in a search, which takes no files where Fishers depend on λ. */
  coefficients?: readonly number[];
  compare: readonly Comparison[];
}

/** A merge that reads Fishers, and where it takes them. */
interface Merge {
  name: string;
  at: FisherPlace;
}

/**
 * Compares what the Fisher files of a recipe say of themselves with what its merges need. Another model, base, coefficient or mode is an error or,
 * with `force`, a warning, and other tensors are an error; other data, ε, dtype or `min_weight` and files that say nothing are warned of.
 * @param options.checkpoints the fingerprints of the base and the models, where they are known
 * @param options.problems get what is wrong with each file; without it that is thrown, in one error for all files
 * Errors: MISMATCH naming the file and both values; those of fisherSources and digestFiles.
 */
export async function checkFisherFiles(
  context: RunContext,
  use: FisherUse,
  options: RunOptions & DataOptions & { checkpoints?: readonly string[]; problems?: Problems },
): Promise<void> {
  const { recipe, session } = context;
  const merges = mergesWithFishers(context, use);
  if (merges.length === 0 || recipe.models.every(({ fisher }) => fisher === undefined)) return;
  const { set } = session;
  const members = [set.base, ...set.models].map(({ checkpoint }) => checkpoint);
  let fingerprints = options.checkpoints;
  const problems = options.problems ?? new Problems();
  for (const [index, model] of recipe.models.entries())
    if (model.fisher)
      await problems.attempt('', async () => {
        const metadata = await metadataOf(context, model);
        if (!metadata) return;
        if (metadata.digests === DIGEST_SCHEME) fingerprints ??= await checkpointFingerprints(members, options);
        const [base, own] = [fingerprints?.[0], fingerprints?.[index + 1]];
        const digests = metadata.digests === DIGEST_SCHEME ? { base, own } : {};
        for (const merge of merges) {
          const coefficient = merge.at === 'model' ? 1 : (use.coefficients?.[index] ?? Number.NaN);
          const wrong = mismatches(metadata, { ...digests, coefficient, mode: recipe.fisher.mode, model, merge });
          if (wrong.length > 0) report(context, { fisher: model.fisher!, wrong, merge });
        }
        warnOfSettings(context, model, metadata);
      });
  if (!options.problems) problems.throwAny();
}

/** What a model's Fisher file says of itself; undefined where it says nothing, which is warned of. Errors: those of fisherSources. */
async function metadataOf(
  { session, warnings }: RunContext,
  { fisher, written }: RecipeModel,
): Promise<Partial<FisherMetadata> | undefined> {
  if (!fisher) return undefined;
  // Even where it is forced, a Fisher without a value for each parameter can be used for nothing.
  await fisherSources(session.parameters, fisher.path);
  const metadata = await readFisherMetadata(fisher.path);
  if (!metadata)
    warnings.add(
      `${fisher.written}: does not say which model it was measured at (dfmerge fisher did not write it); taken for that of ${written}`,
    );
  else if (metadata.digests !== DIGEST_SCHEME)
    warnings.add(
      `${fisher.written}: an earlier version wrote it, whose digests of models cannot be compared; taken for that of ${written}`,
    );
  return metadata;
}

/** The recipe's own merge and those that it is compared with, as far as they read Fishers. */
function mergesWithFishers({ method, recipe }: RunContext, { compare }: FisherUse): Merge[] {
  const own = method.needs.fisher ? [{ name: method.title, at: recipe.fisher.at }] : [];
  const others = COMPARED_METHODS.flatMap(({ comparison, needs }) =>
    needs.fisher && compare.includes(comparison.name)
      ? [{ name: `the comparison ${comparison.name}`, at: needs.fisher.at }]
      : [],
  );
  return [...own, ...others];
}

interface Needed {
  /** The fingerprints of the base and of the model; absent where they cannot be compared. */
  base?: string;
  own?: string;
  coefficient: number;
  mode: string;
  model: RecipeModel;
  merge: Merge;
}

function mismatches(metadata: Partial<FisherMetadata>, needed: Needed): string[] {
  const { base, own, coefficient, mode, model, merge } = needed;
  const wrong: string[] = [];
  if (own !== undefined && metadata.model !== own)
    wrong.push(`its model has the digest ${short(metadata.model)}, and ${model.written} has ${short(own)}`);
  const measured = Number(metadata.coefficient ?? Number.NaN);
  if (measured !== coefficient)
    wrong.push(`its coefficient is ${metadata.coefficient?.slice(0, 30)}, and ${placeOf(merge, coefficient)}`);
  // At a coefficient of 1 the base does not matter.
  else if (coefficient !== 1 && base !== undefined && metadata.base !== base)
    wrong.push(`its base has the digest ${short(metadata.base)}, and the recipe's has ${short(base)}`);
  if (metadata.mode !== mode) wrong.push(`its mode is ${metadata.mode?.slice(0, 30)}, and fisher.mode is ${mode}`);
  return wrong;
}

function placeOf({ name, at }: Merge, coefficient: number): string {
  return at === 'model' ? `${name} takes it at the model, 1` : `${name} takes it at λ, ${coefficient}`;
}

function short(digest: string | undefined): string {
  return digest === undefined ? 'none' : digest.slice(0, 12);
}

function report(
  { warnings }: RunContext,
  { fisher, wrong, merge }: { fisher: RecipeFisher; wrong: readonly string[]; merge: Merge },
): void {
  const message = `${fisher.written}: not the Fisher that ${merge.name} needs: ${wrong.join('; ')}`;
  if (!fisher.force)
    throw new DfMergeError(
      'MISMATCH',
      `${message}; measure it again with dfmerge fisher, or write fisher: { path: ${fisher.written}, force: true } to use it as it is`,
    );
  warnings.add(`${message}; used as it is (force: true)`);
}

/** Settings that change a Fisher little or on purpose. */
function warnOfSettings(
  { recipe, session, tasks, warnings }: RunContext,
  { fisher, task: name }: RecipeModel,
  metadata: Partial<FisherMetadata>,
): void {
  const { epsilon, minWeight, split } = recipe.fisher;
  const task = tasks.find((prepared) => prepared.name === name);
  const data = task?.fisher?.digest ?? (split === 'train' ? undefined : task?.[split]?.digest);
  const other: string[] = [];
  if (Number(metadata.epsilon) !== epsilon) other.push(`epsilon ${metadata.epsilon}, and fisher.epsilon is ${epsilon}`);
  if (metadata.compute_dtype !== session.computeDtype)
    other.push(`compute_dtype ${metadata.compute_dtype}, and the run's is ${session.computeDtype}`);
  if (Number(metadata.min_weight ?? 0) !== minWeight)
    other.push(`min_weight ${metadata.min_weight ?? 0}, and fisher.min_weight is ${minWeight}`);
  if (data !== undefined && metadata.data !== data)
    other.push(`data ${short(metadata.data)}, and the ${split} split of ${name} is ${short(data)}`);
  if (other.length > 0) warnings.add(`${fisher?.written}: was measured with ${other.join('; with ')}`);
}
