import type { NativeBatch, RowShapes } from '../../bindings/index.js';
import { Pace } from '../core/pace.js';
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
  for (const work = cutting({ rows, indices }, budget); ;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Does as makeBatches, and yields after every batch. */
function* cutting(
  { rows, indices }: { rows: TokenizedRows; indices: readonly number[] },
  budget: BatchBudget,
): Generator<void, RowBatch[]> {
  const { maxBytes, cost = countTokens } = budget;
  const shapes = {
    inputTokens: Int32Array.from(indices, (index) => rows.inputIds[index].length),
    choiceTokens: Int32Array.from(indices, (index) => totalLength(rows.choices[index])),
    choices: Int32Array.from(indices, (index) => rows.choices[index].length),
  };
  const costs = cost(shapes);
  const weighed = indices.map((index, i) => ({
    index,
    inputTokens: shapes.inputTokens[i],
    choiceTokens: shapes.choiceTokens[i],
    cost: costs[i],
  }));
  weighed.sort((a, b) => b.inputTokens - a.inputTokens || b.choiceTokens - a.choiceTokens);
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
    batches.push({ indices: group, batch: packRows(rows, group) });
  }
  return batches;
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
  const inputs = indices.map((index) => rows.inputIds[index]);
  const choices = indices.map((index) => rows.choices[index]);
  const segments = choices.flat();
  return {
    inputIds: concatenate(inputs),
    inputOffsets: offsets(inputs),
    labelIds: concatenate(segments),
    labelOffsets: offsets(segments),
    choiceOffsets: offsets(choices),
  };
}

function countTokens({ inputTokens, choiceTokens }: RowShapes): Float64Array {
  return Float64Array.from(inputTokens, (count, i) => count + choiceTokens[i]);
}

function totalLength(parts: readonly { length: number }[]): number {
  return sum(parts.map(({ length }) => length));
}

function offsets(parts: readonly { length: number }[]): Int32Array {
  const result = new Int32Array(parts.length + 1);
  parts.forEach((part, i) => (result[i + 1] = result[i] + part.length));
  return result;
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  const result = new Int32Array(totalLength(parts));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
