import { z } from 'zod';
import { DfMergeError } from '../core/errors.js';
import type { RunRecord } from '../run/record.js';

const number = z.number().or(z.nan()).or(z.null());
const numbers = z.array(number);
const score = z.looseObject({ accuracy: number });
const byName = z.record(z.string(), number);

/** What a page shows of a record and cannot do without. Whatever else a record holds may be there or not. */
const record = z.looseObject({
  dfmerge: z.string(),
  method: z.string(),
  recipe: z.looseObject({
    base_model: z.string(),
    models: z.array(z.looseObject({ model: z.string() })),
    search: z.looseObject({}).optional(),
  }),
  recipeFolder: z.string(),
  seed: z.number(),
  environment: z.looseObject({ threads: z.number() }),
  models: z.array(z.looseObject({ model: z.string(), task: z.string().optional(), coefficient: number })),
  coefficients: numbers,
  trials: z.array(
    z.looseObject({
      trial: z.number(),
      objective: z.number(),
      coefficients: z.array(z.number()),
      accuracy: byName.optional(),
    }),
  ),
  failed: z.array(z.looseObject({ trial: z.number(), reason: z.string() })).optional(),
  best: z.looseObject({ trial: z.number(), objective: z.number() }).optional(),
  tasks: z.array(z.looseObject({ name: z.string(), validation: score, test: score.optional() })),
  comparisons: z.array(z.looseObject({ label: z.string(), accuracy: byName })),
  skipped: z.record(z.string(), z.looseObject({})).optional(),
  warnings: z.array(z.string()).optional(),
  timing: z.looseObject({ totalSeconds: z.number(), phases: byName }),
});

/** Throws INVALID_ARGUMENT, which names the first key that is wrong, where a value is no record of a run. */
export function checkRecord(what: string, value: unknown): asserts value is RunRecord {
  const issue = record.safeParse(value).error?.issues[0];
  if (!issue) return;
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  throw new DfMergeError(
    'INVALID_ARGUMENT',
    `${what}: record${path} is not what the dfmerge.json of a merged folder holds there (${issue.message})`,
  );
}
