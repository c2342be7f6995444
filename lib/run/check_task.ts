import { basename, dirname, resolve } from 'node:path';
import { assertWritable } from '../checkpoint/write.js';
import { exists } from '../core/files.js';
import { Pace } from '../core/pace.js';
import type { RunOptions } from '../core/progress.js';
import { timed } from '../core/timing.js';
import { Warnings } from '../core/warnings.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import type { Judging, LookedAt } from '../tasks/degenerate.js';
import { describeRows, type SplitDescription, type TaskDescription } from '../tasks/describe.js';
import { judgingBy } from '../tasks/prepare.js';
import { prepareSplit, type DataOptions, type PreparedSplit } from '../tasks/prepared_split.js';
import { tokenizerOf } from '../tasks/tokenize.js';
import { checkedModels, type CheckedModel } from './checked_models.js';
import type { TimeEstimate } from './estimate.js';
import { preflightTask, type PlannedTaskRun } from './preflight_task.js';
import { Problems, type Problem } from './problems.js';
import type { RunRoom } from './room.js';

/** What a run of one model on one task would do, and all that keeps it from being done. */
export interface TaskCheckResult {
  /** Everything that is wrong; the run can be done where the list is empty. */
  problems: Problem[];
  /** What is odd and not wrong. */
  warnings: string[];
  /** The base, where there is one, and the model; empty where they cannot be opened. */
  models: CheckedModel[];
  /** The task with the splits that could be read. */
  tasks: TaskDescription[];
  /** The folder of the tokenizer. */
  tokenizer?: string;
  memory?: RunRoom['memory'];
  disk?: RunRoom['disk'];
  /** Absent where there are problems. */
  time?: TimeEstimate;
}

/** What a command does with its task, as far as a check has to know. */
export interface TaskWork {
  run: PlannedTaskRun & { overwrite?: boolean };
  needLabels: boolean;
  /** The rows that are used; by default all. */
  drawn?: (rows: number) => Promise<number[]>;
  /** What a split is called in the result; by default its own name. */
  called?: SplitDescription['split'];
  /** Looks for rows that are well formed and mean nothing, and throws where nothing can come of them. */
  look: (looked: LookedAt, judging: Judging) => Promise<void>;
  /** Measures what the whole work takes, in seconds. */
  seconds: (session: Session, splits: readonly UsedSplit[]) => Promise<number>;
}

/** A split, and which of its rows are used. */
export interface UsedSplit extends PreparedSplit {
  indices: readonly number[];
}

/**
 * Checks a run of one model on one task and everything that it reads and writes, without doing it. Nothing is written but token ids that are
 * kept between runs. Errors: the reason of a signal that has fired and those that are defects; what is wrong with the run is in the result.
 */
export async function checkTask(
  work: TaskWork,
  options: RunOptions & ComputeOptions & DataOptions,
): Promise<TaskCheckResult> {
  const problems = new Problems();
  const warnings = new Warnings(options.onWarning);
  const result: Omit<TaskCheckResult, 'warnings'> = { problems: problems.list, models: [], tasks: [] };
  await collect(work, { result, problems, options: { ...options, onProgress: undefined, onWarning: warnings.add } });
  return { ...result, warnings: warnings.messages };
}

interface Checking {
  result: Omit<TaskCheckResult, 'warnings'>;
  problems: Problems;
  options: RunOptions & ComputeOptions & DataOptions;
}

async function collect(work: TaskWork, { result, problems, options }: Checking): Promise<void> {
  const { run } = work;
  const { set, parameters = 0, room } = await preflightTask(run, options, problems);
  Object.assign(result, room);
  const { output } = run;
  if (output?.kind === 'folder' && problems.list.length === 0 && (await exists(dirname(resolve(output.path)))))
    await problems.attempt('', () => assertWritable(output.path, { overwrite: run.overwrite }));
  if (!set || (room && room.memory.needed > room.memory.total)) return;
  const members = run.base === undefined ? [run.model] : [run.base, run.model];
  const task = basename(resolve(run.data));
  result.models = checkedModels(
    set,
    members.map((model) => ({ model })),
    parameters,
  );
  if (set.tokenizerDir !== undefined) result.tokenizer = set.tokenizerDir;
  const opened = await problems.attempt('', () =>
    timed(() => Session.open(members[0], members.slice(1), { ...options, onWarning: undefined })),
  );
  if (!opened) return;
  const session = opened.value;
  try {
    const { value: splits, seconds } = await timed(() => splitsOf(work, session, { result, problems, options }));
    if (splits.length > 0) {
      const pace = new Pace(options.signal);
      const described: SplitDescription[] = [];
      for (const [i, { rows, indices }] of splits.entries())
        described.push({ split: work.called ?? run.splits[i], ...(await describeRows({ rows, indices }, pace)) });
      result.tasks.push({ name: task, splits: described });
    }
    if (problems.list.length > 0) return;
    const measured = await problems.attempt('', () => timed(() => work.seconds(session, splits)));
    if (!measured) return;
    result.time = {
      seconds: opened.seconds + seconds + measured.value,
      trials: 0,
      trialSeconds: 0,
      measuredSeconds: measured.seconds,
    };
  } finally {
    session.close();
  }
}

/** The splits that can be read; what is wrong with the others is told for each of them. */
async function splitsOf(
  { run, needLabels, drawn, look }: TaskWork,
  session: Session,
  { problems, options }: Checking,
): Promise<UsedSplit[]> {
  const tokenizer = await problems.attempt('', () => tokenizerOf(session));
  if (!tokenizer) return [];
  const judging = await judgingBy(session, { ...options, tokenizer });
  const splits: UsedSplit[] = [];
  for (const name of run.splits) {
    // Which files are not there was told before.
    if (!(await exists(resolve(run.data, `${name}.jsonl`)))) continue;
    await problems.attempt('', async () => {
      const { cache, signal } = options;
      const split = await prepareSplit(tokenizer, run.data, { split: name, needLabels, cache, signal });
      const indices = drawn ? await drawn(split.all.length) : split.all;
      splits.push({ ...split, indices });
      await look({ ...split, task: basename(resolve(run.data)), indices }, judging);
    });
  }
  return splits;
}
