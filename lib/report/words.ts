import { methodNamed } from '../methods/index.js';
import type { RunRecord } from '../run/record.js';
import type { RunNumbers } from './numbers.js';

/** A word of a page and its meaning. */
type Word = readonly [word: string, meaning: string];

const MODELS: readonly Word[] = [
  ['base', 'The model that all the others were fine-tuned from. A merge starts at its weights.'],
  [
    'fine-tuned model',
    'A copy of the base that was trained further on one task: the best that can be hoped for on that task.',
  ],
  [
    'merged model',
    'One model made of the weights of the fine-tuned ones, without training. It is meant for all tasks at once.',
  ],
  ['coefficient λ', 'How much of what a fine-tuned model has learned goes into the merge: 0 is nothing, 1 all of it.'],
];

const ACCURACIES: readonly Word[] = [
  [
    'accuracy',
    'The share of rows (questions with a few answers to choose from) whose right answer the model finds most likely.',
  ],
  [
    'validation and test split',
    'Rows that no model was trained on. A search looks at validation rows; test rows are kept for judging it in the end.',
  ],
  ['mean', 'The average over tasks, in which each task counts the same, however many rows it has.'],
  [
    'interval (95 %)',
    'Another draw of as many rows would give a slightly different accuracy. The range holds the true one in 95 of 100 cases (Wilson’s interval; for a mean, of the tasks’ intervals put together).',
  ],
];

const SHARE: Word = [
  'share kept',
  'The merged model’s accuracy divided by that of the model that was fine-tuned for the task: 100 % means that nothing was lost.',
];

const CHANCE: readonly Word[] = [
  [
    'difference and p',
    'Percentage points that the first model is ahead, and how likely chance alone would make a difference as large if both models were equally good: below 0.05 it is usually taken for real. Of 20 comparisons, one falls below that by chance.',
  ],
  [
    'how p is computed',
    'Both models answered the same rows. Per task: McNemar’s exact test, on the rows where just one of them is right. For the mean: a permutation test within each task, 100,000 draws from a fixed seed.',
  ],
];

const SEARCH: readonly Word[] = [
  ['trial', 'One merge at one choice of coefficients, and its score.'],
  ['objective', 'What the search makes as large as it can: the mean accuracy on validation rows.'],
];

const START: Word = [
  'start',
  'The first trials, spread over all coefficients, from which the search learns where to look next.',
];

const IMPORTANCE: Word = [
  'importance',
  'How much of the ups and downs of the objective, over all allowed coefficients, a coefficient has a part in, alone or together with others (the total Sobol index of the search’s model of the objective). The shares may add up to more than 100 %. A model that predicts trials badly says little.',
];

const FISHER: Word = [
  'Fisher',
  'A number per weight that says how much a model’s answers depend on it. Weights that matter to a model count for more in the merge.',
];

/** The words that the page of a run uses. */
export function wordsOf(record: RunRecord, { splits, search }: RunNumbers): Word[] {
  return [
    ...MODELS,
    ...(splits.length > 0 ? ACCURACIES : []),
    ...(splits.some(({ kept }) => kept) ? [SHARE] : []),
    ...(splits.some(({ differences }) => differences.length > 0) ? CHANCE : []),
    ...(search ? SEARCH : []),
    ...(search?.start ? [START] : []),
    ...(search?.importance ? [IMPORTANCE] : []),
    ...(methodNamed(record.method)?.needs.fisher ? [FISHER] : []),
  ];
}

/** The words that a page of several runs uses. */
export function wordsOfComparison({ kept, tested }: { kept: boolean; tested: boolean }): Word[] {
  return [...MODELS, ...ACCURACIES, ...(kept ? [SHARE] : []), ...(tested ? CHANCE : []), ...SEARCH];
}
