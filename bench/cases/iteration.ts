import type { NativeEngine } from '../../bindings/index.js';
import { BayesianOptimizer } from '../../lib/bayes/index.js';
import { sum } from '../../lib/core/statistics.js';
import { evaluateRows, scoringRows } from '../../lib/engine/evaluate.js';
import { fisherInputs } from '../../lib/engine/fisher.js';
import { runMerge } from '../../lib/engine/merge.js';
import type { Session } from '../../lib/engine/session.js';
import { dfMerge } from '../../lib/methods/df_merge.js';
import { randomRows, taskLengths } from '../lengths.js';
import { SHAPES } from '../shapes.js';
import type { CaseResult, IterationSpec } from '../spec.js';
import { MemoryWatch } from './memory_watch.js';
import { openModel } from './open_model.js';
import { optimizerAfter } from './suggest.js';
import { secondsOf, secondsOfRuns } from './timed.js';

/** The phase that each native call belongs to. */
const PHASE_OF = {
  interpolate: 'interpolate',
  beginFisher: 'fisher',
  addFisher: 'fisher',
  finishFisher: 'fisher',
  beginMerge: 'fold',
  fold: 'fold',
  finishMerge: 'finish',
  score: 'score',
} as const satisfies Partial<Record<keyof NativeEngine, string>>;

const POINTS_TOLD = 59;

type Task = { name: string; rows: ReturnType<typeof randomRows>; fisher: number[]; score: number[] };

/**
 * Times whole DF-Merge iterations through the library's functions: the suggestion; interpolation, Fisher and fold for each task; the merge;
 * and the scoring of every task. The phase "rest" is what no native call and no suggestion accounts for.
 */
export async function timeIteration(spec: IterationSpec): Promise<CaseResult> {
  const tasks = spec.tasks.map(({ task, fisherRows, scoreRows }): Task => {
    const { rows } = taskLengths(spec.lengths, task, Math.max(fisherRows, scoreRows));
    const first = (n: number) => Array.from({ length: n }, (_, i) => i);
    return {
      name: task,
      rows: randomRows(rows, SHAPES[spec.shape].vocabSize, task),
      fisher: first(fisherRows),
      score: first(scoreRows),
    };
  });
  const session = await openModel(spec, { dtype: spec.dtype, children: tasks.length });
  try {
    const memory = MemoryWatch.start();
    await iterate(session, shortened(tasks));
    const phases: Record<string, number> = {};
    timeCalls(session.engine, phases);
    const told = optimizerAfter(POINTS_TOLD, tasks.length).state();
    const seconds = await secondsOfRuns(
      () => iterate(session, tasks, { optimizer: BayesianOptimizer.from(told), phases }),
      spec.repeats,
    );
    phases.rest = sum(seconds) - sum(Object.values(phases));
    return {
      seconds,
      phases: Object.fromEntries(Object.entries(phases).map(([name, total]) => [name, total / seconds.length])),
      ...memory.stop(),
    };
  } finally {
    session.close();
  }
}

/** A few rows of each task, to warm up. They touch all code and nearly all memory, because the first rows have inputs nearly as long as any. */
function shortened(tasks: readonly Task[]): Task[] {
  return tasks.map((task) => ({ ...task, fisher: task.fisher.slice(0, 2), score: task.score.slice(0, 8) }));
}

async function iterate(
  session: Session,
  tasks: readonly Task[],
  timing?: { optimizer: BayesianOptimizer; phases: Record<string, number> },
): Promise<void> {
  let coefficients = tasks.map(() => 0.3);
  if (timing) {
    const { optimizer, phases } = timing;
    phases.suggest = (phases.suggest ?? 0) + (await secondsOf(() => void (coefficients = optimizer.ask())));
  }
  // Batches are cut here although a run cuts them once: the figures then stay comparable with those of earlier versions.
  const fishers = await Promise.all(
    tasks.map(async ({ name, rows, fisher }) => ({
      task: name,
      inputs: await fisherInputs(session, { rows, indices: fisher }, 'exact'),
      mode: 'exact' as const,
      seed: 0,
    })),
  );
  const fisher = { at: 'candidate', fromFile: tasks.map(() => false) } as const;
  await runMerge(session, dfMerge.plan({ coefficients, parameters: {}, fisher }), { fishers });
  for (const { rows, score, name } of tasks)
    await evaluateRows(session, await scoringRows(session, { rows, indices: score }), { subject: name });
}

/** Makes every native call of the engine add its seconds to its phase. */
function timeCalls(engine: NativeEngine, phases: Record<string, number>): void {
  for (const [name, phase] of Object.entries(PHASE_OF)) {
    const call = (engine[name as keyof typeof PHASE_OF] as (...args: unknown[]) => Promise<unknown>).bind(engine);
    phases[phase] ??= 0;
    const value = async (...args: unknown[]) => {
      const start = performance.now();
      try {
        return await call(...args);
      } finally {
        phases[phase] += (performance.now() - start) / 1000;
      }
    };
    Object.defineProperty(engine, name, { value });
  }
}
