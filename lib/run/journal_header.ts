import { native } from '../../bindings/index.js';
import { checkpointFingerprint } from '../checkpoint/fingerprint.js';
import { VERSION } from '../core/version.js';
import type { ComputeOptions } from '../engine/session.js';
import { resolvedRecipe } from '../recipe/resolved.js';
import type { JournalHeader } from '../search/journal_header.js';
import type { RunContext } from './context.js';
import { productsOf } from './environment.js';

/**
 * All that decides the numbers of a search. The number of iterations does not, so that a search can be gone on with for longer; what a search
 * is compared with does not either.
 */
export async function journalHeader(
  { session, recipe, method, tasks }: RunContext,
  { batchMemory }: ComputeOptions,
): Promise<JournalHeader> {
  const { search, ...resolved } = resolvedRecipe(recipe);
  const { iterations: _, ...settings } = search;
  const data = tasks.map(({ name, validation, test, fisher }) => [
    name,
    {
      validation: validation?.digest,
      test: test?.digest,
      ...(method.needs.fisher ? { fisher: fisher?.digest } : {}),
    },
  ]);
  const models: string[] = [];
  for (const { checkpoint } of [session.set.base, ...session.set.models])
    models.push(await checkpointFingerprint(checkpoint));
  return {
    version: VERSION,
    seed: recipe.search.seed,
    recipe: { ...resolved, search: settings },
    data: Object.fromEntries(data),
    models,
    isa: native().info().isa,
    ...productsOf(session),
    batchMemory,
  };
}
