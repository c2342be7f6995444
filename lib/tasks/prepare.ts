import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { emptyTokens } from '../checkpoint/vocabulary.js';
import { Pace } from '../core/pace.js';
import type { RunOptions } from '../core/progress.js';
import type { BatchedRows } from '../engine/batch.js';
import { scoringRows } from '../engine/evaluate.js';
import { fisherInputs, type FisherMode } from '../engine/fisher.js';
import type { Session } from '../engine/session.js';
import { checkChoices, checkFisherRows, checkLabels, type Judging } from './degenerate.js';
import { prepareSplit, type DataOptions, type PreparedSplit } from './prepared_split.js';
import type { SplitName } from './rows.js';
import { drawFisherRows, subsetRows } from './subset.js';
import type { Tokenizer } from './text/tokenizer.js';

/** A split, or rows of it, cut into batches once for all the passes of a run. */
export interface PreparedPart {
  /** The SHA-256 of the data file in hexadecimal. */
  digest: string;
  rows: BatchedRows;
}

/** A task of a recipe, ready for the engine. */
export interface PreparedTask {
  name: string;
  /** The whole validation split, which has labels; absent where nothing is scored. */
  validation?: PreparedPart;
  /** The rows of the validation split that score a trial; a smaller share's rows are among a larger one's. */
  subset?: PreparedPart;
  /** The whole test split, which has labels; absent where there is none or nothing is scored. */
  test?: PreparedPart;
  /** The inputs of the task's Fisher, drawn once and kept for all candidates. */
  fisher?: PreparedPart;
}

/** A task's name and the folder of its data. */
export interface TaskFolder {
  name: string;
  path: string;
}

/** Which inputs of each task its Fisher is measured on, and in which mode. */
export interface FisherRows {
  mode: FisherMode;
  split: SplitName;
  /** How many inputs are drawn from the split; `all` takes every row. */
  samples: number | 'all';
}

/** Which parts of the tasks are needed. */
export interface PrepareOptions extends DataOptions, Pick<RunOptions, 'signal' | 'onWarning'> {
  tokenizer: Tokenizer;
  /** The seed of the validation subsets and of the Fishers' inputs. */
  seed: number;
  /** The part of each validation split that scores a trial, in (0, 1]. */
  validationRatio: number;
  /** The inputs that Fishers are measured on; absent where none is measured. */
  fisher?: FisherRows;
  /** Whether validation and test splits are scored, and so need labels. */
  scored: 'yes' | 'where labelled' | 'no';
}

/**
 * Loads every task of a recipe and cuts its rows into batches. A task without test.jsonl has no test split.
 * Errors: those of prepareSplit, subsetRows and drawFisherRows.
 */
export async function prepareTasks(
  session: Session,
  tasks: readonly TaskFolder[],
  options: PrepareOptions,
): Promise<PreparedTask[]> {
  const judging = await judgingBy(session, options);
  const prepared: PreparedTask[] = [];
  for (const task of tasks) prepared.push(await prepareTask(session, task, { ...options, judging }));
  return prepared;
}

/** What the rows of a session's models are judged by. Errors: those of emptyTokens. */
export async function judgingBy(
  { set }: Session,
  { tokenizer, onWarning, signal }: Pick<PrepareOptions, 'tokenizer' | 'onWarning' | 'signal'>,
): Promise<Judging> {
  const empty = (await emptyTokens(set.tokenizerDir ?? set.base.dir)).add(tokenizer.eosTokenId);
  return { empty, onWarning, pace: new Pace(signal) };
}

async function prepareTask(
  session: Session,
  task: TaskFolder,
  options: PrepareOptions & { judging: Judging },
): Promise<PreparedTask> {
  const { seed, validationRatio, fisher, scored, cache, signal } = options;
  const draw = { seed, task: task.name, pace: new Pace(signal) };
  const load = (split: SplitName, needLabels: boolean) =>
    prepareSplit(options.tokenizer, task.path, { split, needLabels, cache, signal });
  const scoredSplit = async (split: SplitName): Promise<PreparedSplit | undefined> => {
    if (scored === 'no' || (split === 'test' && !existsSync(join(task.path, 'test.jsonl')))) return undefined;
    const prepared = await load(split, scored === 'yes');
    const unlabelled = prepared.rows.labels.filter((label) => label < 0).length;
    if (unlabelled === 0) {
      await checkChoices(looked(prepared), options.judging);
      await checkLabels(looked(prepared), options.judging);
      return prepared;
    }
    if (unlabelled < prepared.all.length)
      options.onWarning?.(
        `task ${task.name}: ${unlabelled} of ${prepared.all.length} rows of ${prepared.file} have no label, so that nothing is evaluated on this split`,
      );
    return undefined;
  };
  const looked = ({ file, rows }: PreparedSplit, indices?: readonly number[]) => ({
    task: task.name,
    file,
    rows,
    indices,
  });
  const scoringPart = async (split: PreparedSplit, indices = split.all): Promise<PreparedPart> => ({
    digest: split.digest,
    rows: await scoringRows(session, { rows: split.rows, indices }, signal),
  });
  const validation = await scoredSplit('validation');
  const test = await scoredSplit('test');
  const whole = validation && (await scoringPart(validation));
  const subset = validation && (await subsetRows(validation.all.length, validationRatio, draw));
  return {
    name: task.name,
    validation: whole,
    subset: validation && subset?.length !== validation.all.length ? await scoringPart(validation, subset) : whole,
    test: test && (await scoringPart(test)),
    fisher: fisher && (await fisherPart(fisher)),
  };

  async function fisherPart({ split, samples, mode }: FisherRows): Promise<PreparedPart> {
    const source = split === 'validation' && validation ? validation : await load(split, false);
    const { digest, rows, all } = source;
    const indices = await drawFisherRows(all.length, samples, draw);
    if (source !== validation) await checkChoices(looked(source, indices), options.judging);
    await checkFisherRows(looked(source, indices), mode, options.judging);
    return { digest, rows: await fisherInputs(session, { rows, indices, signal }, mode) };
  }
}
