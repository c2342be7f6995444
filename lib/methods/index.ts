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

/** The name of a method, as recipes spell it. */
export type MethodName = (typeof REGISTERED)[number]['name'];

/** The name of a method that `dfmerge search` has something to look for in. */
export type SearchMethodName = Extract<(typeof REGISTERED)[number], { search: unknown }>['name'];

/** The registry that recipes, searches, comparisons, reports and documentation read. */
export const METHODS: readonly MergeMethod[] = REGISTERED;

/** The names of all methods. */
export const METHOD_NAMES = REGISTERED.map(({ name }) => name);

/** The methods that leave coefficients to a search. */
export const SEARCH_METHODS = METHODS.filter(({ search }) => search !== undefined);

/** A method that a merged model can be compared with. */
export type ComparedMethod = MergeMethod & Required<Pick<MergeMethod, 'comparison'>>;

/** The methods to compare with, from plain averaging up. */
export const COMPARED_METHODS = METHODS.filter(
  (method): method is ComparedMethod => method.comparison !== undefined,
).reverse();

/** The method of a name or of an alias; undefined where there is none, which a name of the registry's rules out. */
export function methodNamed(name: MethodName): MergeMethod;
export function methodNamed(name: string): MergeMethod | undefined;
export function methodNamed(name: string): MergeMethod | undefined {
  return METHODS.find((method) => method.name === name || method.aliases.includes(name));
}

/** mergekit's methods without a counterpart here: saying that one is not supported says more than calling it unknown. */
export const MERGEKIT_METHODS: ReadonlySet<string> = new Set([
  ...['ties', 'dare_ties', 'dare_linear', 'della', 'della_linear', 'breadcrumbs', 'breadcrumbs_ties', 'sce'],
  ...['model_stock', 'slerp', 'nuslerp', 'multislerp', 'karcher', 'nearswap', 'arcee_fusion', 'passthrough'],
]);
