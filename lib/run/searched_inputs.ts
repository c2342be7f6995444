import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RunOptions } from '../core/progress.js';
import { isObject } from '../core/files.js';
import type { Recipe } from '../recipe/recipe.js';
import { readLines, type Json } from '../search/journal_file.js';
import { differingKeys, type JournalHeader } from '../search/journal_header.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import type { RunContext } from './context.js';
import { headerNames, inputDigests, journalHeader } from './journal_header.js';
import { JOURNAL_FILE } from './output.js';

/**
 * Warns where a merge is repeated from the record of a search, whose journal lies beside it, and reads other bytes than the search did: its
 * result is then another one. Errors: those of digestFiles.
 */
export async function warnOfOtherInputs(context: RunContext, options: RunOptions & DataOptions): Promise<void> {
  const { recipe, warnings } = context;
  const journal = journalOf(recipe);
  if (journal === undefined) return;
  const [found] = readLines(journal).lines;
  if (!isObject(found)) return;
  const wanted = journalHeader(context, await inputDigests(context, options));
  // Where every Fisher lies in a file and nothing is evaluated, no text is read.
  const reads = wanted.tokenizer !== undefined;
  const differences = differingKeys(ofMerge(found as JournalHeader, reads), ofMerge(wanted, reads), '');
  if (differences.length === 0) return;
  const names = headerNames(context);
  const what = differences.map(({ key }) => (key in names ? `${key} (${names[key]})` : key)).join(', ');
  warnings.add(`this is not the merge that ${recipe.file} tells of, since other inputs are read than then: ${what}`);
}

/** Whether a recipe is the record of a search, whose journal lies beside it. */
export function isOfSearch(recipe: Pick<Recipe, 'file'>): boolean {
  return journalOf(recipe) !== undefined;
}

function journalOf({ file }: Pick<Recipe, 'file'>): string | undefined {
  const journal = file === undefined ? undefined : join(dirname(file), JOURNAL_FILE);
  return journal !== undefined && existsSync(journal) ? journal : undefined;
}

/** What of a journal's header decides a merge at given coefficients. */
function ofMerge(header: JournalHeader, readsText: boolean): Json {
  const { version, base, models, fisherFiles, data, tokenizer, unicode, isa, matmul, batchMemory } = header;
  const rows = Object.entries((data ?? {}) as Record<string, { fisher?: Json } | undefined>);
  const fishers = Object.fromEntries(rows.map(([task, digests]) => [task, { fisher: digests?.fisher }]));
  // Without Fishers no text is read and no product taken.
  const text = readsText ? { data: fishers, tokenizer, unicode } : {};
  const measured = fisherFiles && { fisherFiles, ...text, isa, matmul, batchMemory };
  return JSON.parse(JSON.stringify({ version, base, models, ...(measured || {}) })) as Json;
}
