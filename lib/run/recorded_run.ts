import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { DfMergeError } from '../core/errors.js';
import { decodeUtf8, exists, readBytes } from '../core/files.js';
import { MANIFEST_FILE } from '../core/manifest.js';
import type { RunRecord } from './record.js';

/** A run that has finished, as its folder holds it. */
export interface RecordedRun {
  /** The folder. */
  dir: string;
  /** Its dfmerge.json. */
  file: string;
  record: RunRecord;
}

const share = z.number().min(0).max(1);
const trialNumber = z.int().positive();
const whole = z.int().nonnegative();
const score = z.looseObject({ accuracy: share, examples: whole, correct: z.string().optional() });
const byTask = z.record(z.string(), share);
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

/** The folder of a run, which may be named by its dfmerge.json too. */
export async function runFolder(path: string): Promise<string> {
  const isRecord = basename(path) === MANIFEST_FILE && (await stat(path).catch(() => undefined))?.isFile();
  return resolve(isRecord ? dirname(path) : path);
}

/** Whether a folder holds the dfmerge.json of something that dfmerge made. */
export async function hasRecord(dir: string): Promise<boolean> {
  return exists(join(dir, MANIFEST_FILE));
}

/**
 * Reads the record of a finished search or merge. Errors: NOT_FOUND, IO; INVALID_DATA, which names the file and the key, where it is no record of
 * one or is damaged.
 */
export async function readRun(dir: string): Promise<RecordedRun> {
  const file = join(dir, MANIFEST_FILE);
  const text = decodeUtf8(await readBytes(file));
  const bad = (problem: string, cause?: unknown) => new DfMergeError('INVALID_DATA', `${file}: ${problem}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch (error) {
    throw bad(text === undefined ? 'not UTF-8 text' : `not JSON: ${(error as Error).message}`, error);
  }
  const has = (key: string) => typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  if (!has('recipe') || !has('trials'))
    throw bad('it is not the record of a search or a merge, and holds nothing to report');
  const result = RECORD.safeParse(value);
  if (result.success) return { dir, file, record: value as RunRecord };
  const [{ path, message }] = result.error.issues;
  throw bad(`the record is damaged at ${path.join('.') || 'its top'}: ${message}`);
}
