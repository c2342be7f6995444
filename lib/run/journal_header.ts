import { native } from '../../bindings/index.js';
import { checkpointFingerprints } from '../checkpoint/fingerprint.js';
import type { RunOptions } from '../core/progress.js';
import { VERSION } from '../core/version.js';
import type { ComputeOptions } from '../engine/session.js';
import { resolvedRecipe } from '../recipe/resolved.js';
import type { Json } from '../search/journal_file.js';
import type { JournalHeader } from '../search/journal_header.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import type { RunContext } from './context.js';
import { matmulOf } from './environment.js';

/**
 * All that decides the numbers of a search. The number of iterations is left out, so that a search can go on for longer, and so is what the
 * search is compared with.
 */
export async function journalHeader(
  { session, recipe, method, tasks }: RunContext,
  options: RunOptions & ComputeOptions & DataOptions,
): Promise<JournalHeader> {
  const resolved = resolvedRecipe(recipe);
  const data: Record<string, Json> = {};
  for (const { name, validation, test, fisher } of tasks) {
    const measured = method.needs.fisher ? fisher?.digest : undefined;
    data[name] = { validation: validation?.digest, test: test?.digest, fisher: measured };
  }
  const models = await checkpointFingerprints(
    [session.set.base, ...session.set.models].map(({ checkpoint }) => checkpoint),
    options,
  );
  return {
    version: VERSION,
    seed: recipe.search.seed,
    recipe: { ...resolved, search: { ...resolved.search, iterations: undefined } },
    data,
    models,
    isa: native().info().isa,
    ...matmulOf(session),
    batchMemory: options.batchMemory,
  };
}
