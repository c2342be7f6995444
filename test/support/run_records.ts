import { RandomStream } from '../../lib/core/random_stream.js';
import type { ComparisonRecord, RunRecord, Score, TaskRecord } from '../../lib/run/record.js';

/** What a record is to tell of. */
export interface RecordShape {
  tasks: readonly string[];
  /** How many trials have a score; 0 for a merge. */
  trials?: number;
  /** How many of the first trials are the start. */
  init?: number;
  /** Numbers of trials that failed, and of such that were stopped early. */
  failed?: readonly number[];
  stopped?: readonly number[];
  /** The best trial. Default: the one of highest objective. */
  best?: number;
  /** The test accuracies of base, fine-tuned, average and Fisher merging; undefined where nothing was compared. */
  compared?: boolean;
  /** Accuracy of the merged model on the test rows. Default: 0.6. */
  merged?: number;
  average?: number;
  rows?: number;
  ratio?: number;
  seed?: number;
  test?: boolean;
}

/** The record of a run that nobody made: random answers of the accuracies that are asked for, the same for the same shape. */
export function runRecord(shape: RecordShape): RunRecord {
  const { tasks, trials: count = 12, init = 4, failed = [], stopped = [], rows = 400, seed = 1, ratio = 1 } = shape;
  const random = new RandomStream(seed, 'record', ...tasks);
  const scoreOf = (chance: number, examples: number): Score => {
    const bits = Buffer.alloc(Math.ceil(examples / 8));
    let right = 0;
    for (let row = 0; row < examples; row++)
      if (random.next() < chance) {
        bits[row >> 3] |= 1 << (row & 7);
        right += 1;
      }
    return { accuracy: right / examples, examples, correct: bits.toString('base64') };
  };
  const testRows = (index: number) => rows + 50 * index;
  const comparison = (label: string, chance: number): ComparisonRecord => {
    const scores = tasks.map((name, index) => [name, scoreOf(chance, testRows(index))] as const);
    return {
      label,
      split: shape.test === false ? 'validation' : 'test',
      accuracy: Object.fromEntries(scores.map(([name, { accuracy }]) => [name, accuracy])),
      correct: Object.fromEntries(scores.map(([name, { correct }]) => [name, correct ?? ''])),
      mean: scores.reduce((sum, [, { accuracy }]) => sum + accuracy, 0) / scores.length,
    };
  };
  const target = tasks.map((_, model) => 0.2 + (0.6 * model) / tasks.length);
  const numbers = Array.from({ length: count + failed.length }, (_, index) => index + 1);
  const trials = numbers
    .filter((trial) => !failed.includes(trial))
    .map((trial) => {
      const coefficients = tasks.map((_, model) =>
        trial <= init ? random.next() : Math.min(1, Math.max(0, target[model] + 0.6 * (random.next() - 0.5))),
      );
      const accuracy = Object.fromEntries(
        tasks.map((name, model) => [
          name,
          Math.min(1, Math.max(0, 0.7 - Math.abs(coefficients[model] - target[model]) + 0.02 * random.next())),
        ]),
      );
      const objective = Object.values(accuracy).reduce((sum, value) => sum + value, 0) / tasks.length;
      return {
        trial,
        coefficients,
        objective,
        accuracy,
        ...(stopped.includes(trial) ? { stopped: true as const } : {}),
      };
    });
  const finished = trials.filter((trial) => !('stopped' in trial));
  const top = finished.reduce((one, other) => (other.objective > one.objective ? other : one), finished[0]);
  const best = count === 0 ? undefined : (finished.find(({ trial }) => trial === shape.best) ?? top);
  if (best && shape.best !== undefined) best.objective = top.objective + 0.01;
  const coefficients = best?.coefficients ?? target;
  const splits = (index: number): Omit<TaskRecord, 'name'> =>
    shape.test === false
      ? { validation: scoreOf(shape.merged ?? 0.6, testRows(index)), data: { validation: `v${index}` } }
      : {
          validation: scoreOf(shape.merged ?? 0.6, rows),
          test: scoreOf(shape.merged ?? 0.6, testRows(index)),
          data: { validation: `v${index}`, test: `t${index}` },
        };
  return {
    dfmerge: '0.1.0',
    method: count === 0 ? 'linear' : 'df_merge',
    recipe: {
      merge_method: 'df_merge',
      base_model: 'models/base',
      models: tasks.map((task) => ({ model: `models/${task}`, task })),
      fisher: { mode: 'exact', samples: 30, split: 'validation', at: 'candidate', epsilon: 1e-12, min_weight: 0 },
      search: {
        acquisition: 'ei',
        xi: 0.01,
        kappa: 2.576,
        init,
        iterations: count - init,
        validation_ratio: ratio,
        early_stopping: stopped.length > 0,
        early_stopping_margin: 0,
        seed,
        optimizer: 'default',
        bounds: [0, 1],
      },
      dtype: 'float32',
      compute_dtype: 'float32',
    },
    recipeFolder: '..',
    seed,
    environment: { node: '20', platform: 'linux-x64', cpu: 'A CPU', isa: 'avx2', threads: 2, computeDtype: 'float32' },
    models: tasks.map((task, model) => ({ model: `models/${task}`, task, coefficient: coefficients[model] })),
    coefficients,
    trials,
    ...(failed.length > 0
      ? {
          failed: failed.map((trial) => ({
            trial,
            coefficients: tasks.map(() => random.next()),
            reason: 'the merge is not finite: encoder.block.0.layer.0.SelfAttention.q.weight holds a NaN',
          })),
        }
      : {}),
    ...(best ? { best: { trial: best.trial, objective: best.objective } } : {}),
    tasks: tasks.map((name, index) => ({ name, ...splits(index) })),
    comparisons: shape.compared
      ? [
          comparison('base', 0.3),
          comparison('fine-tuned (each on its own task)', 0.85),
          comparison('average', shape.average ?? 0.5),
          comparison('Fisher merging', 0.52),
        ]
      : [],
    timing: {
      totalSeconds: 4000,
      phases: { load: 1, fisher: 1200, merge: 2, evaluate: 2700, suggest: 8, write: 0.5 },
    },
  };
}
