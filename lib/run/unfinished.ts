import { z } from 'zod';
import { DfMergeError } from '../core/errors.js';
import { sumOfSeconds, totalSeconds } from '../core/timing.js';
import { readEvents } from '../search/journal.js';
import type { Candidate } from '../objectives/objective.js';
import { better, type FailedTrial, type TrialRecord } from '../search/trial.js';
import type { RunRecord } from './record.js';

/** What the header of a journal says that a page shows. */
const HEADER = z.looseObject({
  version: z.string(),
  seed: z.number(),
  recipe: z.looseObject({
    merge_method: z.string(),
    models: z.array(z.looseObject({ task: z.string().optional() })).min(1),
    fisher: z.unknown(),
    search: z.looseObject({
      init: z.number(),
      validation_ratio: z.number(),
      bounds: z.tuple([z.number(), z.number()]),
    }),
    compute_dtype: z.string(),
  }),
  isa: z.string(),
  matmul: z.string().optional(),
});

/**
 * What is known of a search that has not finished, from its journal, in the shape of a record: the trials so far, and as coefficients those of the
 * best of them. The journal does not name the models, nor what is scored in the end. Errors: INVALID_DATA, IO.
 */
export function unfinishedRecord(journal: string): RunRecord {
  const { header, events } = readEvents(journal);
  const result = HEADER.safeParse(header);
  if (!result.success) {
    const [{ path, message }] = result.error.issues;
    throw new DfMergeError(
      'INVALID_DATA',
      `${journal}:1: the header is wrong at ${path.join('.') || 'its top'}: ${message}`,
    );
  }
  const { version, seed, recipe, isa, matmul } = result.data;
  const asked = new Map<number, Candidate>();
  const trials: TrialRecord[] = [];
  const failed: FailedTrial[] = [];
  let best: TrialRecord | undefined;
  for (const event of events) {
    if (!('trial' in event) || event.part !== undefined) continue;
    if (event.event === 'asked') asked.set(event.trial, event);
    // No trial ends that was not asked, or the journal could not be read.
    const { coefficients } = asked.get(event.trial) as Candidate;
    if (event.event === 'told') trials.push({ trial: event.trial, coefficients, ...event.outcome });
    if (event.event === 'failed') failed.push({ trial: event.trial, coefficients, reason: event.reason });
    if (event.event === 'told') best = better(trials[trials.length - 1], best);
  }
  const seconds = sumOfSeconds(events.flatMap((event) => ('seconds' in event ? [event.seconds] : [])));
  const models = recipe.models.map(({ task }, index) => ({
    model: task ?? `model ${index + 1}`,
    ...(task === undefined ? {} : { task }),
    coefficient: best?.coefficients[index] ?? 0,
  }));
  return {
    dfmerge: version,
    method: recipe.merge_method,
    recipe: { ...recipe, base_model: '', models } as unknown as RunRecord['recipe'],
    recipeFolder: '.',
    seed,
    environment: { node: '', platform: '', cpu: '', isa, matmul, threads: 0, computeDtype: recipe.compute_dtype },
    models,
    coefficients: models.map(({ coefficient }) => coefficient),
    trials,
    ...(failed.length > 0 ? { failed } : {}),
    ...(best ? { best: { trial: best.trial, objective: best.objective } } : {}),
    tasks: [],
    comparisons: [],
    timing: { totalSeconds: totalSeconds(seconds), phases: seconds },
  };
}
