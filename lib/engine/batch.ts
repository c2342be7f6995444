import type { NativeBatch } from '../../bindings/index.js';

/** Rows as token ids. */
export interface TokenizedRows {
  /** Per row: its input's ids. */
  inputIds: Int32Array[];
  /** Per row and choice: the choice's ids. */
  choices: Int32Array[][];
  /** Per row: index of the right choice, -1 where unknown. */
  labels: Int32Array;
}

/** One batch and which rows it holds, in its order. */
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
  maxBytes: number;
  /**
   * What one row weighs against `maxBytes`; a batch weighs the sum of its rows. Default: inputTokens + choiceTokens.
   * @param inputTokens ids of the row's input
   * @param choiceTokens ids of all its choices together
   * @param choices how many choices
   */
  cost?: (inputTokens: number, choiceTokens: number, choices: number) => number;
}

/**
 * Packs rows into ragged batches within a budget, longest first: the first batch then needs the most memory, so that a job
 * that does not fit fails at its start. Equal lengths keep the order of `indices`; a row over the budget gets a batch of its own.
 * @param indices rows to pack, each once
 */
export function makeBatches(rows: TokenizedRows, indices: readonly number[], budget: BatchBudget): RowBatch[] {
  const { maxBytes, cost = (inputTokens, choiceTokens) => inputTokens + choiceTokens } = budget;
  const weighed = indices.map((index) => {
    const inputTokens = rows.inputIds[index].length;
    const choiceTokens = totalLength(rows.choices[index]);
    return { index, inputTokens, choiceTokens, cost: cost(inputTokens, choiceTokens, rows.choices[index].length) };
  });
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
  return groups.map((group) => ({ indices: group, batch: packRows(rows, group) }));
}

/** Rows `indices` of a split together with the batches that makeBatches cuts of them. */
export function batched(rows: TokenizedRows, indices: readonly number[], budget: BatchBudget): BatchedRows {
  return { rows, indices, batches: makeBatches(rows, indices, budget) };
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

function totalLength(parts: readonly { length: number }[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
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
