import type { NativeBatch, RowShapes } from '../../bindings/index.js';
import { atOnce, Pace } from '../core/pace.js';
import { sorting } from '../core/sort.js';
import { sum } from '../core/statistics.js';

/** Rows as token ids. */
export interface TokenizedRows {
  /** The ids of each row's input. */
  inputIds: Int32Array[];
  /** The ids of each choice of each row. */
  choices: Int32Array[][];
  /** The index of each row's right choice, or -1 where it is unknown. */
  labels: Int32Array;
}

/** One batch, and the rows that it holds in its order. */
export interface RowBatch {
  indices: number[];
  batch: NativeBatch;
}

/** Rows of a split that were cut into batches, once for all the passes that they go through. */
export interface BatchedRows {
  rows: TokenizedRows;
  /** The rows that the batches hold, each once. */
  indices: readonly number[];
  batches: readonly RowBatch[];
}

/** How much one batch may hold. */
export interface BatchBudget {
  /** The most that the costs of a batch's rows may add up to. */
  maxBytes: number;
  /** What each row costs; by default, the number of ids of its input and all of its choices together. */
  cost?: (rows: RowShapes) => Float64Array;
}

/**
 * Packs rows into ragged batches within a budget, longest first: the first batch then needs the most memory, so that a job
 * that does not fit fails at its start. Equal lengths keep the order of `indices`; a row over the budget gets a batch of its own.
 * @param indices the rows to pack, each once
 */
export function makeBatches(rows: TokenizedRows, indices: readonly number[], budget: BatchBudget): RowBatch[] {
  return atOnce(cutting({ rows, indices }, budget));
}

/** How many rows are looked at between two yields. */
const ROWS = 512;

/** A row and what batches are cut by. */
interface Weighed {
  index: number;
  inputTokens: number;
  choiceTokens: number;
  cost: number;
}

/** Does as makeBatches, and yields after some rows and after every batch. */
function* cutting(
  { rows, indices }: { rows: TokenizedRows; indices: readonly number[] },
  budget: BatchBudget,
): Generator<void, RowBatch[]> {
  const { maxBytes } = budget;
  const weighed = yield* sorting(
    yield* weighing({ rows, indices }, budget),
    (a, b) => b.inputTokens - a.inputTokens || b.choiceTokens - a.choiceTokens,
  );
  const groups: number[][] = [];
  let left = 0;
  for (const row of weighed) {
    if (groups.length === 0 || row.cost > left) {
      groups.push([]);
      left = maxBytes;
    }
    groups.at(-1)!.push(row.index);
    left -= row.cost;
  }
  const batches: RowBatch[] = [];
  for (const group of groups) {
    yield;
    batches.push({ indices: group, batch: yield* packing(rows, group) });
  }
  return batches;
}

function* weighing(
  { rows, indices }: { rows: TokenizedRows; indices: readonly number[] },
  { cost = countTokens }: BatchBudget,
): Generator<void, Weighed[]> {
  const shapes = {
    inputTokens: new Int32Array(indices.length),
    choiceTokens: new Int32Array(indices.length),
    choices: new Int32Array(indices.length),
  };
  for (const [i, index] of indices.entries()) {
    shapes.inputTokens[i] = rows.inputIds[index].length;
    shapes.choiceTokens[i] = totalLength(rows.choices[index]);
    shapes.choices[i] = rows.choices[index].length;
    if (i % ROWS === 0) yield;
  }
  const costs = cost(shapes);
  yield;
  const { inputTokens, choiceTokens } = shapes;
  return indices.map((index, i) => ({
    index,
    inputTokens: inputTokens[i],
    choiceTokens: choiceTokens[i],
    cost: costs[i],
  }));
}

/** The rows `indices` of a split, with the batches that makeBatches cuts them into, in slices. Throws the reason of the pace's signal. */
export async function batched(
  split: { rows: TokenizedRows; indices: readonly number[] },
  budget: BatchBudget,
  pace = new Pace(),
): Promise<BatchedRows> {
  return { ...split, batches: await pace.finish(cutting(split, budget)) };
}

/** How much work it is to score rows: their tokens. */
export function scoringCost({ batches }: BatchedRows): number {
  return sum(batches.map(({ batch }) => batch.inputIds.length + batch.labelIds.length));
}

/** One ragged batch of the given rows, in the given order. */
export function packRows(rows: TokenizedRows, indices: readonly number[]): NativeBatch {
  return atOnce(packing(rows, indices));
}

/** Does as packRows, and yields after some rows. */
export function* packing(rows: TokenizedRows, indices: readonly number[]): Generator<void, NativeBatch> {
  const inputOffsets = new Int32Array(indices.length + 1);
  const choiceOffsets = new Int32Array(indices.length + 1);
  let choiceTokens = 0;
  for (const [i, index] of indices.entries()) {
    inputOffsets[i + 1] = inputOffsets[i] + rows.inputIds[index].length;
    choiceOffsets[i + 1] = choiceOffsets[i] + rows.choices[index].length;
    choiceTokens += totalLength(rows.choices[index]);
    if (i % ROWS === ROWS - 1) yield;
  }
  const inputIds = new Int32Array(inputOffsets[indices.length]);
  const labelIds = new Int32Array(choiceTokens);
  const labelOffsets = new Int32Array(choiceOffsets[indices.length] + 1);
  let segment = 0;
  for (const [i, index] of indices.entries()) {
    inputIds.set(rows.inputIds[index], inputOffsets[i]);
    for (const ids of rows.choices[index]) {
      labelIds.set(ids, labelOffsets[segment]);
      labelOffsets[segment + 1] = labelOffsets[segment] + ids.length;
      segment++;
    }
    if (i % ROWS === ROWS - 1) yield;
  }
  return { inputIds, inputOffsets, labelIds, labelOffsets, choiceOffsets };
}

function countTokens({ inputTokens, choiceTokens }: RowShapes): Float64Array {
  return Float64Array.from(inputTokens, (count, i) => count + choiceTokens[i]);
}

function totalLength(parts: readonly { length: number }[]): number {
  let total = 0;
  for (const { length } of parts) total += length;
  return total;
}
