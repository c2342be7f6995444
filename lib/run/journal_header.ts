import { createHash } from 'node:crypto';
import { native } from '../../bindings/index.js';
import { checkpointFingerprints } from '../checkpoint/fingerprint.js';
import { digestFiles } from '../core/file_digest.js';
import type { RunOptions } from '../core/progress.js';
import { VERSION } from '../core/version.js';
import type { MergeMethod } from '../methods/method.js';
import { resolvedRecipe } from '../recipe/resolved.js';
import type { JournalPart } from '../search/journal_event.js';
import type { Json } from '../search/journal_file.js';
import type { JournalHeader } from '../search/journal_header.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import type { RunContext } from './context.js';
import { matmulOf } from './environment.js';

/** The digests of all that a run reads and that is too large to be read at every turn. */
export interface InputDigests {
  /** Of the base and then of the models. */
  checkpoints: string[];
  /** Of each model's Fisher file; undefined where it has none. */
  fisherFiles: (string | undefined)[];
}

/** Hashes the models and the Fisher files of a run. Errors: those of digestFiles. */
export async function inputDigests(
  { session, recipe }: RunContext,
  options: RunOptions & DataOptions,
): Promise<InputDigests> {
  const members = [session.set.base, ...session.set.models];
  const checkpoints = await checkpointFingerprints(
    members.map(({ checkpoint }) => checkpoint),
    options,
  );
  const files = recipe.models.map(({ fisher }) => fisher?.path);
  const digests = await digestFiles(
    files.filter((file) => file !== undefined),
    options,
  );
  return { checkpoints, fisherFiles: files.map((file) => (file === undefined ? undefined : digests.shift())) };
}

/**
 * All that decides the trials of a search, and nothing else: files count by their bytes, wherever they lie. The number of iterations is left
 * out, so that a search can go on for longer, and so is what happens after the trials: comparisons, test splits and the dtype that is written.
 */
export function journalHeader(
  { session, recipe, method, tasks, tokenizer }: RunContext,
  { checkpoints, fisherFiles }: InputDigests,
): JournalHeader {
  const { merge_method, parameters, fisher, search, compute_dtype } = resolvedRecipe(recipe);
  const measures = method.needs.fisher !== undefined;
  const data: Record<string, Json> = {};
  for (const task of tasks)
    data[task.name] = { validation: task.validation?.digest, fisher: measures ? task.fisher?.digest : undefined };
  const [base, ...models] = checkpoints;
  return {
    version: VERSION,
    seed: recipe.search.seed,
    recipe: {
      merge_method,
      models: recipe.models.map(({ task, parameters }) => ({ task, parameters: parameters && { ...parameters } })),
      parameters,
      tasks: tasks.map(({ name }) => name),
      fisher: measures ? fisher : undefined,
      search: { ...search, iterations: undefined },
      compute_dtype,
    },
    data,
    base,
    models,
    fisherFiles: measures ? fisherFiles.map((digest) => digest ?? null) : undefined,
    tokenizer,
    unicode: process.versions.unicode, // Normalization follows it.
    isa: native().info().isa,
    ...matmulOf(session),
    batchMemory: session.batchMemory,
  };
}

/** What the user calls that which a key of the header is about. */
export function headerNames({ recipe }: RunContext): Record<string, string> {
  const { baseModel, models, tasks } = recipe;
  return Object.fromEntries([
    ['base', baseModel.written],
    ...models.map(({ written }, index) => [`models.${index}`, written]),
    ...models.map(({ fisher }, index) => [`fisherFiles.${index}`, fisher?.written ?? 'none']),
    ...tasks.map(({ name, written }) => [`data.${name}.validation`, written]),
    ...tasks.map(({ name, written }) => [`data.${name}.fisher`, written]),
  ]) as Record<string, string>;
}

/** What an evaluation outside the trials depends on, beside the header of the journal. */
export interface PartInputs {
  split?: 'validation' | 'test';
  /** The method that a comparison merges by. */
  method?: MergeMethod;
  coefficients?: readonly number[];
}

/** A part of a run's journal, which is found again only where its inputs are the same. */
export function journalPart(
  { recipe, tasks, fisherFiles }: RunContext,
  part: string,
  { split, method, coefficients }: PartInputs,
): JournalPart {
  const fisher = method?.needs.fisher && {
    settings: recipe.fisher,
    rows: tasks.map((task) => task.fisher?.digest),
    files: fisherFiles,
  };
  const data = tasks.map((task) => [task.name, split && task[split]?.digest]);
  const inputs = JSON.stringify({ data, split, fisher, coefficients });
  return { part, inputs: createHash('sha256').update(inputs).digest('hex') };
}
