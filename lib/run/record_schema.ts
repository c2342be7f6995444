import { z } from 'zod';

const share = z.number().min(0).max(1);
/** Where nothing was scored there is no accuracy. */
const accuracy = share.or(z.nan()).or(z.null());
const trialNumber = z.int().positive();
const whole = z.int().nonnegative();
const score = z.looseObject({ accuracy, examples: whole, correct: z.string().optional() });
const byTask = z.record(z.string(), accuracy);
const bitsets = z.record(z.string(), z.string());
const bounds = z.tuple([z.number(), z.number()]).refine(([low, high]) => low < high, 'expected [low, high]');

/** What pages and tables take from a record; whatever else it holds is kept and not looked at. */
const RECORD = z
  .looseObject({
    dfmerge: z.string(),
    method: z.string(),
    recipe: z.looseObject({
      base_model: z.string(),
      search: z.looseObject({ init: whole, validation_ratio: z.number().positive().max(1), bounds }),
    }),
    recipeFolder: z.string(),
    seed: z.number(),
    environment: z.looseObject({
      node: z.string(),
      platform: z.string(),
      cpu: z.string(),
      isa: z.string(),
      threads: z.number(),
      computeDtype: z.string(),
    }),
    models: z.array(z.looseObject({ model: z.string(), task: z.string().optional(), coefficient: z.number() })).min(1),
    coefficients: z.array(z.number()),
    trials: z.array(
      z.looseObject({
        trial: trialNumber,
        coefficients: z.array(z.number()),
        objective: z.number(),
        accuracy: byTask,
        stopped: z.literal(true).optional(),
      }),
    ),
    failed: z
      .array(z.looseObject({ trial: trialNumber, coefficients: z.array(z.number()), reason: z.string() }))
      .optional(),
    best: z.looseObject({ trial: trialNumber, objective: z.number() }).optional(),
    tasks: z.array(
      z.looseObject({
        name: z.string(),
        validation: score,
        test: score.optional(),
        data: z.looseObject({ validation: z.string(), test: z.string().optional() }).optional(),
      }),
    ),
    comparisons: z.array(
      z.looseObject({
        label: z.string(),
        accuracy: byTask,
        correct: bitsets.optional(),
        split: z.enum(['validation', 'test']),
      }),
    ),
    skipped: z
      .record(
        z.string(),
        z.looseObject({ skipped: z.number(), choices: z.number(), meanMass: z.number(), maxMass: z.number() }),
      )
      .optional(),
    warnings: z.array(z.string()).optional(),
    timing: z.looseObject({
      totalSeconds: z.number().nonnegative(),
      phases: z.record(z.string(), z.number().nonnegative()),
    }),
  })
  .refine(
    ({ models, trials, failed = [] }) =>
      [...trials, ...failed].every(({ coefficients }) => coefficients.length === models.length),
    { path: ['trials'], message: 'expected a coefficient per model in every trial' },
  )
  .refine(({ tasks }) => new Set(tasks.map(({ name }) => name)).size === tasks.length, {
    path: ['tasks'],
    message: 'expected tasks of different names',
  });

/** The first key at which a value is no record of a run, and what is wrong there; undefined where it is one. */
export function problemOfRecord(value: unknown): { path: PropertyKey[]; message: string } | undefined {
  return RECORD.safeParse(value).error?.issues[0];
}
