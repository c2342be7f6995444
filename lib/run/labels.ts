/** How records name what a merge is compared with. */
import { COMPARED_METHODS } from '../methods/index.js';

export const BASE_LABEL = 'base';
export const FINE_TUNED_LABEL = 'fine-tuned (each on its own task)';
/** Plain averaging, the simplest merge that there is. */
export const AVERAGE_LABEL = COMPARED_METHODS[0].comparison.label([]);
