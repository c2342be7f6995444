import { BayesianOptimizer, type BayesianOptimizerOptions } from '../bayes/index.js';
import { Pace } from '../core/pace.js';
import type { MethodSearch } from '../methods/method.js';
import type { Candidate } from '../objectives/objective.js';
import type { SearchSettings } from '../recipe/recipe.js';

/**
 * Which coefficients are tried. A proposal may depend on all that was told and on what was asked and not yet told, so that several candidates
 * can be in flight; a search that is resumed repeats those calls in their order and goes on as if it had never stopped.
 */
export interface Proposals {
  /** How many candidates there are in all. */
  readonly total: number;
  /** The next candidate, or undefined after the last. It may take seconds, in slices. Throws the reason of the pace's signal. */
  ask(pace?: Pace): Promise<Candidate | undefined>;
  /** Notes a candidate that an earlier process asked for, in place of asking. */
  asked(candidate: Candidate): void;
  tell(candidate: Candidate, objective: number): void;
  /** The candidate has no objective. It is not proposed again. */
  failed(candidate: Candidate): void;
}

/** How many models there are, and the settings of the recipe that proposals are made by. */
export interface ProposalSettings {
  models: number;
  settings: SearchSettings;
}

/** The proposals of a merge method's search. */
export function proposalsOf(search: MethodSearch, { models, settings }: ProposalSettings): Proposals {
  if (search.over === 'coefficients') return new BayesianProposals(models, settings);
  return new ListedProposals(search.grid.map((coefficient) => Array<number>(models).fill(coefficient)));
}

/** How many trials a search has. */
export function trialsOf(search: MethodSearch, settings: Pick<SearchSettings, 'init' | 'iterations'>): number {
  return search.over === 'coefficients' ? settings.init + settings.iterations : search.grid.length;
}

/** Proposes the points of a list in their order, whatever is told. */
export class ListedProposals implements Proposals {
  #asked = 0;

  constructor(private readonly points: readonly (readonly number[])[]) {}

  get total(): number {
    return this.points.length;
  }

  async ask(): Promise<Candidate | undefined> {
    if (this.#asked === this.total) return undefined;
    const coefficients = [...this.points[this.#asked]];
    return { trial: ++this.#asked, coefficients };
  }

  asked(): void {
    this.#asked++;
  }

  tell(): void {}

  failed(): void {}
}

/**
 * Bayesian optimisation over one coefficient per model. The method `default` begins at the coefficients of plain averaging: a search then
 * never ends below them by its own objective, and good coefficients are seldom far from them.
 */
export class BayesianProposals implements Proposals {
  readonly total: number;
  readonly #first: number[] | undefined;
  readonly #optimizer: BayesianOptimizer;
  #asked = 0;

  constructor(models: number, settings: SearchSettings) {
    const { seed, acquisition, xi, kappa, init, iterations, optimizer: mode, bounds } = settings;
    const [lower, upper] = bounds;
    this.total = init + iterations;
    this.#first =
      mode === 'default' ? Array<number>(models).fill(Math.min(upper, Math.max(lower, 1 / models))) : undefined;
    const box: BayesianOptimizerOptions['bounds'] = Array.from({ length: models }, () => bounds);
    this.#optimizer = new BayesianOptimizer({
      bounds: box,
      seed,
      acquisition,
      xi,
      kappa,
      init: Math.max(1, init),
      mode,
    });
  }

  async ask(pace = new Pace()): Promise<Candidate | undefined> {
    if (this.#asked === this.total) return undefined;
    if (this.#asked === 0 && this.#first) {
      const candidate = { trial: 1, coefficients: this.#first };
      this.asked(candidate);
      return candidate;
    }
    const coefficients = await pace.finish(this.#optimizer.askInSteps());
    return { trial: ++this.#asked, coefficients };
  }

  asked({ coefficients }: Candidate): void {
    this.#asked++;
    this.#optimizer.addPending(coefficients);
  }

  tell({ coefficients }: Candidate, objective: number): void {
    this.#optimizer.tell(coefficients, objective);
  }

  /** The point stays pending, which keeps the optimiser away from it. */
  failed(): void {}
}
