import type { MethodParameter, ParameterMistake, ParameterValues } from './parameter.js';

/**
 * One native pass of a merge, as data: `lib/engine/merge.ts` carries it out. Models count from 1 in the order of the recipe, and 0 is the
 * base. θ are the engine's current parameters, τ_i = θ_i − θ0 is the task vector of model i, λ_i its coefficient, and the numerator and the
 * denominator are two vectors of the engine that are as long as θ.
 */
export type Pass =
  /** The numerator and the denominator become zero. */
  | { readonly pass: 'begin' }
  /** θ = θ_i. */
  | { readonly pass: 'load'; readonly model: number }
  /** θ = θ0 + λ_i τ_i. */
  | { readonly pass: 'move'; readonly model: number; readonly coefficient: number }
  /**
   * C_i becomes the Fisher of model i's task, measured at θ. It is folded into the numerator and the denominator in the sweep that completes
   * it, so no fold follows.
   */
  | { readonly pass: 'measure'; readonly model: number; readonly coefficient: number }
  /** C_i becomes the Fisher in the file that the recipe names for model i. */
  | { readonly pass: 'read fisher'; readonly model: number }
  /** The numerator gains C_i λ_i τ_i and the denominator gains C_i, which is 1 where the pass is not `weighted`. */
  | { readonly pass: 'fold'; readonly model: number; readonly coefficient: number; readonly weighted: boolean }
  /** θ = θ0 + M · numerator / denominator, for the M models that were added. */
  | { readonly pass: 'finish' };

/** Where a Fisher is measured: at the fine-tuned model θ_i, or at the candidate θ0 + λ_i τ_i. */
export const FISHER_PLACES = ['model', 'candidate'] as const;
export type FisherPlace = (typeof FISHER_PLACES)[number];

/** What a plan is made from. */
export interface PlanRequest {
  /** λ_1 … λ_M: those that a recipe's parameters give, or those that a search tries. */
  readonly coefficients: readonly number[];
  /** Every parameter of the method that is not searched, with its default where the recipe leaves it out. */
  readonly parameters: ParameterValues;
  /** For methods that need Fishers: where they are measured, and which models have theirs in a file. */
  readonly fisher: { readonly at: FisherPlace; readonly fromFile: readonly boolean[] };
}

/** What a method needs beside the models' weights. A recipe is checked against it. */
export interface MethodNeeds {
  /** Whether the result depends on θ0. Where it does, θ0 itself cannot be one of the merged models, since its task vector is zero. */
  readonly base: boolean;
  /** How many models are merged, the base not counted. */
  readonly models: { readonly least: number; readonly most?: number };
  /** The diagonal Fisher of every model, measured here unless the recipe says otherwise. */
  readonly fisher?: { readonly at: FisherPlace };
  /** Whether inputs of every model's task are read by the merge itself; a Fisher that lies in a file makes up for them. */
  readonly tasks: boolean;
  /** Whether sums over a whole tensor come before its first merged element, so that every tensor is read twice. */
  readonly reduction: boolean;
}

/** How `dfmerge search` finds the coefficients of a method: each by Bayesian optimisation, or one for all models from a grid. */
export type MethodSearch =
  { readonly over: 'coefficients' } | { readonly over: 'one coefficient'; readonly grid: readonly number[] };

/** A method that others can be set beside, at coefficients that need no search. */
export interface MethodComparison {
  /** The name that `--compare` takes. */
  readonly name: string;
  /** The label of its row in tables. */
  readonly label: (coefficients: readonly number[]) => string;
  /** λ = 1/M for every model, or the best one of the search's grid, judged on the validation subsets. */
  readonly coefficients: 'equal' | 'grid';
  /** Whether a search includes it unless told otherwise. */
  readonly cheap: boolean;
}

/** Everything that the rest of dfmerge knows about a way to merge models. */
export interface MergeMethod {
  /** The name as recipes spell it, which is mergekit's spelling where mergekit has the method. */
  readonly name: string;
  /** Other spellings that recipes may use. */
  readonly aliases: readonly string[];
  /** The name that reports and tables use; it begins with a capital letter. */
  readonly title: string;
  /** The formula of θ in one line of plain text. */
  readonly formula: string;
  /** What it does, in a sentence for readers who know no formula: it stands in the model cards of merges. */
  readonly summary: string;
  /** The paper or the code that it comes from. */
  readonly source: string;
  /** The paper as a BibTeX entry, for model cards; absent where there is none. */
  readonly citation?: string;
  readonly parameters: readonly MethodParameter[];
  readonly needs: MethodNeeds;
  /** How a search works; absent where it has nothing to look for. */
  readonly search?: MethodSearch;
  readonly comparison?: MethodComparison;
  /**
   * The method that remains where every C_i is 1. With `replaces`, `fisher: none` in a recipe stands for that method; without it such a
   * recipe is refused with a message that names the method.
   */
  readonly withoutFisher?: { readonly name: string; readonly replaces: boolean };
  /** λ_1 … λ_M of a merge of M = `models` models, from the values of all parameters. */
  readonly coefficients: (values: ParameterValues, models: number) => number[];
  /** What is wrong between the values of a merge, each of which is right by itself. */
  readonly check?: (values: ParameterValues) => ParameterMistake | undefined;
  /** The passes that make the merged model out of the base and the models, in order. */
  readonly plan: (request: PlanRequest) => Pass[];
}
