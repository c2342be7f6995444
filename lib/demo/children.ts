import { join } from 'node:path';
import { evaluate } from '../commands/evaluate.js';
import type { DataOptions } from '../tasks/prepared_split.js';
import { finetune, type FinetuneEvaluation } from '../commands/finetune.js';
import type { ComputeOptions } from '../engine/session.js';
import type { ProgressEvent, RunOptions } from '../core/progress.js';
import { sum } from '../core/statistics.js';
import type { Plan } from './plan.js';

/** A folder of the demo and the tasks in it. */
export interface Family {
  /** The folder, which holds data/TASK, models/base and, in the end, models/TASK. */
  out: string;
  tasks: readonly string[];
}

/** How the children are fine-tuned. */
export interface ChildrenOptions {
  plan: Plan['finetuning'];
  seed: number;
  /** How many children are trained at the same time. */
  atOnce: number;
  onChild: (task: string, best: FinetuneEvaluation) => void | Promise<void>;
}

/** Fine-tunes one child of the base per task, several at the same time. The first error ends all of them. */
export async function fineTuneChildren(
  { out, tasks }: Family,
  options: ChildrenOptions,
  run: RunOptions & ComputeOptions & DataOptions,
): Promise<void> {
  const { plan, seed, atOnce, onChild } = options;
  const waiting = [...tasks];
  const done = new Map<string, number>();
  const failed = new AbortController();
  const signal = run.signal ? AbortSignal.any([run.signal, failed.signal]) : failed.signal;
  const progressOf = (task: string) => (event: ProgressEvent) => {
    if (event.phase !== 'train') return;
    done.set(task, event.done);
    run.onProgress?.({
      phase: 'train',
      done: sum(done.values()),
      total: tasks.length * plan.steps,
      subject: 'the children',
    });
  };
  const worker = async (): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      const folders = {
        model: join(out, 'models/base'),
        data: join(out, 'data', task),
        out: join(out, 'models', task),
      };
      const { best } = await finetune({ ...run, ...plan, ...folders, seed, signal, onProgress: progressOf(task) });
      await onChild(task, best);
    }
  };
  const guarded = () =>
    worker().catch((error: unknown) => {
      failed.abort();
      throw error;
    });
  const ends = await Promise.allSettled(Array.from({ length: Math.min(atOnce, tasks.length) }, guarded));
  const end = ends.find(({ status }) => status === 'rejected');
  if (end?.status === 'rejected') throw end.reason;
}

/** The test accuracy of every child on every task, by child and then by task. */
export async function crossEvaluate(
  { out, tasks }: Family,
  run: RunOptions & ComputeOptions & DataOptions,
): Promise<Map<string, Record<string, number>>> {
  const table = new Map<string, Record<string, number>>();
  let evaluated = 0;
  const onProgress = ({ fraction = 0, ...event }: ProgressEvent) =>
    run.onProgress?.({ ...event, fraction: (evaluated + fraction) / tasks.length ** 2 });
  for (const child of tasks) {
    const accuracy: Record<string, number> = {};
    for (const task of tasks) {
      const folders = { model: join(out, 'models', child), data: join(out, 'data', task) };
      accuracy[task] = (await evaluate({ ...run, ...folders, onProgress, split: 'test' })).accuracy;
      evaluated++;
    }
    table.set(child, accuracy);
  }
  return table;
}
