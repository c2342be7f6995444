import { dfMerge } from './df_merge.js';
import { fisher } from './fisher.js';
import { gta } from './gta.js';
import { linear } from './linear.js';
import type { MergeMethod } from './method.js';
import { taskArithmetic } from './task_arithmetic.js';

/**
 * Every merge method, from DF-Merge down to plain averaging: the order of lists in messages and tables. A method is added by a line here
 * and a file beside this one; docs/adding-a-merge-method.md says how.
 */
const REGISTERED = [dfMerge, gta, fisher, taskArithmetic, linear] as const satisfies readonly MergeMethod[];

/** The name of a method. */
export type MethodName = (typeof REGISTERED)[number]['name'];

/** What a recipe may call a method: its name or one of its aliases. */
export type MethodSpelling = SpellingOf<(typeof REGISTERED)[number]>;
type SpellingOf<Method extends MergeMethod> = Method['name'] | Method['aliases'][number];

/** The name of a method that `dfmerge search` has something to look for in. */
export type SearchMethodName = Extract<(typeof REGISTERED)[number], { search: unknown }>['name'];

/** A method of the registry. */
export type RegisteredMethod = MergeMethod & { readonly name: MethodName };

/** A method that a merged model can be compared with. */
export type ComparedMethod = RegisteredMethod & Required<Pick<MergeMethod, 'comparison'>>;

/** The registry that recipes, searches, comparisons, reports and documentation read. */
export const METHODS: readonly RegisteredMethod[] = REGISTERED;

/** What recipes may call methods: every name, and then every alias. */
export const METHOD_SPELLINGS: readonly MethodSpelling[] = [
  ...REGISTERED.map(({ name }) => name),
  ...REGISTERED.flatMap(({ aliases }) => aliases),
];

/** The methods that leave coefficients to a search. */
export const SEARCH_METHODS = METHODS.filter(({ search }) => search !== undefined);

/** The methods to compare with, from plain averaging up. */
export const COMPARED_METHODS = METHODS.filter(
  (method): method is ComparedMethod => method.comparison !== undefined,
).reverse();

/** The method of a name or an alias; undefined where there is none, which cannot happen with a spelling of the registry. */
export function methodNamed(name: MethodSpelling): RegisteredMethod;
export function methodNamed(name: string): RegisteredMethod | undefined;
export function methodNamed(name: string): RegisteredMethod | undefined {
  return METHODS.find((method) => method.name === name || method.aliases.includes(name));
}

/** mergekit's methods without a counterpart here: saying that one is not supported says more than calling it unknown. */
export const MERGEKIT_METHODS: ReadonlySet<string> = new Set([
  ...['ties', 'dare_ties', 'dare_linear', 'della', 'della_linear', 'breadcrumbs', 'breadcrumbs_ties', 'sce'],
  ...['model_stock', 'slerp', 'nuslerp', 'multislerp', 'karcher', 'nearswap', 'arcee_fusion', 'passthrough'],
]);
