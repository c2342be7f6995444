import type { RunOptions } from '../core/progress.js';
import { Pace } from '../core/pace.js';
import { RandomStream } from '../core/random_stream.js';
import { sum } from '../core/statistics.js';
import { timed } from '../core/timing.js';
import type { BatchedRows } from '../engine/batch.js';
import { evaluateRows } from '../engine/evaluate.js';
import { runMerge, type FisherSource } from '../engine/merge.js';
import { COMPARED_METHODS } from '../methods/index.js';
import { proposalsOf, trialsOf } from '../search/proposals.js';
import type { PreparedPart } from '../tasks/prepare.js';
import type { Comparison } from './comparison.js';
import { mergePlan, type RunContext } from './context.js';

/** The wall seconds that a run will take, from passes over a few batches of its own data. */
export interface TimeEstimate {
  /** All of the run; with early stopping it is an upper limit. */
  seconds: number;
  /** How many trials a search has; 0 for a merge. */
  trials: number;
  /** One trial of a search: Fishers, merge and scoring. */
  trialSeconds: number;
  /** What the measurement itself took. */
  measuredSeconds: number;
}

/** How many batches of a part are measured: the longest rows, the shortest and one between. */
const MEASURED = 3;
/** The phases of a merge that are extrapolated. */
const MEASURING: ReadonlySet<string> = new Set(['fisher']);
/** Bytes per second of writing, which is not measured. */
const WRITING = 300e6;
/** Bytes per second of hashing, which is not measured either. */
const HASHING = 1e9;

/** Measures a merge and a few batches of every task, and works out what the whole run takes. The session's parameters change. */
export async function estimateTime(
  context: RunContext,
  { compare, search, parameters }: { compare: readonly Comparison[]; search: boolean; parameters: number },
  { signal }: RunOptions = {},
): Promise<TimeEstimate> {
  const { session, recipe, method, tasks } = context;
  const start = performance.now();
  const plan = mergePlan(context);
  const models = recipe.models.length;
  const coefficients = Array<number>(models).fill(1 / models);
  const fishers: (FisherSource | undefined)[] = [];
  const scales: number[] = [];
  for (const source of plan.fishers) {
    const part = source && 'inputs' in source ? few(source.inputs) : undefined;
    fishers.push(source && 'inputs' in source && part ? { ...source, inputs: part.rows } : source);
    scales.push(part?.scale ?? 1);
  }
  // The first pass reads the files and touches the memory, and is no measure of those that follow.
  await runMerge(session, plan.passes(coefficients), { fishers, signal });
  let inBatches = 0;
  let extrapolated = 0;
  let last = 0;
  let model = -1;
  const onProgress: RunOptions['onProgress'] = ({ phase, done, total }) => {
    if (!MEASURING.has(phase)) return;
    const now = performance.now();
    if (done === 0) model = scales.findIndex((_, i) => i > model && 'inputs' in (fishers[i] ?? {}));
    else if (done < total || total === 1) {
      inBatches += now - last;
      extrapolated += (now - last) * (scales[model] ?? 1);
    }
    last = now;
  };
  const merged = await timed(() => runMerge(session, plan.passes(coefficients), { fishers, signal, onProgress }));
  const fixed = Math.max(0, merged.seconds - inBatches / 1000);
  const merging = fixed + extrapolated / 1000;

  const scoring = async (part: PreparedPart | undefined): Promise<number> => {
    if (!part) return 0;
    const { rows, scale } = few(part.rows);
    return (await timed(() => evaluateRows(session, rows, { signal }))).seconds * scale;
  };
  const seconds = { subset: 0, validation: 0, test: 0 };
  for (const task of tasks) {
    const validation = await scoring(task.validation);
    const share = (part: PreparedPart | undefined) =>
      part && task.validation ? part.rows.indices.length / task.validation.rows.indices.length : 0;
    seconds.validation += validation;
    seconds.subset += validation * share(task.subset);
    seconds.test += task.test && !task.validation ? await scoring(task.test) : validation * share(task.test);
  }
  const compared = tasks.every(({ test }) => test) ? seconds.test : seconds.validation;
  const trials = search && method.search ? trialsOf(method.search, recipe.search) : 0;
  const trialSeconds = merging + seconds.subset;
  const comparisons = sum(
    compare.map((name) => {
      const other = COMPARED_METHODS.find(({ comparison }) => comparison.name === name);
      if (!other) return fixed + compared; // loading models is no slower than merging them
      const one = other.needs.fisher ? merging : fixed;
      const grid = other.comparison.coefficients === 'grid' && other.search ? trialsOf(other.search, recipe.search) : 0;
      return grid * (one + seconds.subset) + one + compared;
    }),
  );
  const ending = merging + seconds.validation + seconds.test + writingSeconds(parameters);
  return {
    seconds:
      context.loadSeconds +
      (search ? (await proposing(context, new Pace(signal))) + hashing(context) : 0) +
      trials * trialSeconds +
      comparisons +
      ending,
    trials,
    trialSeconds,
    measuredSeconds: (performance.now() - start) / 1000,
  };
}

/** The seconds that all proposals of a search take, by one of them when half of the trials have scores. */
async function proposing({ method, recipe: { models, search: settings } }: RunContext, pace: Pace): Promise<number> {
  if (!method.search) return 0;
  const proposals = proposalsOf(method.search, { models: models.length, settings });
  const random = new RandomStream(settings.seed, 'time', 'proposals');
  const [low, high] = settings.bounds;
  const draw = () => random.below(1000) / 1000;
  const half = Math.min(proposals.total - 1, Math.max(settings.init, Math.floor(proposals.total / 2)));
  for (let trial = 1; trial <= half; trial++) {
    const candidate = { trial, coefficients: models.map(() => low + (high - low) * draw()) };
    proposals.asked(candidate);
    proposals.tell(candidate, draw());
  }
  const start = performance.now();
  await proposals.ask(pace);
  return ((performance.now() - start) / 1000) * (proposals.total - Math.min(settings.init, proposals.total));
}

/** The seconds that the models of a search are hashed in, where that was not done before. */
function hashing({ session: { set } }: RunContext): number {
  const tensors = [set.base, ...set.models].flatMap(({ checkpoint }) => [...checkpoint.tensors.values()]);
  return sum(tensors.map(({ begin, end }) => end - begin)) / HASHING;
}

/** The seconds that a pass over batches takes, by a few of them; it is made twice, since the first touches the memory. */
export async function passSeconds(rows: BatchedRows, pass: (rows: BatchedRows) => Promise<unknown>): Promise<number> {
  const part = few(rows);
  await pass(part.rows);
  return (await timed(() => pass(part.rows))).seconds * part.scale;
}

/** The seconds that so many float32 values take to be written. */
export function writingSeconds(parameters: number): number {
  return (parameters * 4) / WRITING;
}

/** A few batches of a part, and how many times as many rows the part has. */
function few({ rows, indices, batches }: BatchedRows): { rows: BatchedRows; scale: number } {
  if (batches.length <= MEASURED) return { rows: { rows, indices, batches }, scale: 1 };
  const chosen = Array.from(
    { length: MEASURED },
    (_, i) => batches[Math.round((i * (batches.length - 1)) / (MEASURED - 1))],
  );
  const members = chosen.flatMap((batch) => batch.indices);
  const tokens = (list: readonly { batch: { inputIds: Int32Array; labelIds: Int32Array } }[]) =>
    sum(list.map(({ batch }) => batch.inputIds.length + batch.labelIds.length));
  return { rows: { rows, indices: members, batches: chosen }, scale: tokens(batches) / tokens(chosen) };
}
