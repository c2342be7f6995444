import type { FisherMode } from '../../bindings/index.js';
import type { FisherPlace } from '../methods/method.js';
import type { SplitName } from './rows.js';

/** How the diagonal Fisher of each model is measured on the inputs of its task (paper, eq. 2-3). */
export interface FisherSettings {
  mode: FisherMode;
  /** How many inputs are drawn from the split, once per task; `all` takes every row. */
  samples: number | 'all';
  split: SplitName;
  /** The place that the merge method names, unless a recipe names another. */
  at: FisherPlace;
  /** Added to every entry, so that a division by a sum of Fishers is always defined. */
  epsilon: number;
  /** Choices of a lower p̃ are skipped, except for the likeliest one of an input; 0 skips none. */
  minWeight: number;
}
