import { sum } from '../lib/core/statistics.js';
import type { Shape } from './shapes.js';

/** How many tokens the input and each choice of a row have, `</s>` included. */
export interface RowLengths {
  input: number;
  choices: number[];
}

/** How useful work is counted. This is printed with the tables of every run. */
export const CONVENTIONS = [
  'Useful work counts a multiply-add as 2 and nothing twice: the encoder once per input, cross-attention keys and values once per input, decoder and head',
  'at label positions only; a backward pass is twice its forward pass (data gradients, and one outer product per weight, input and choice), the encoder',
  'again for every choice. Norms, softmax, squaring and optimiser steps count as nothing. Bytes are operands read and results written, once each.',
  '"of limit" is the time of the useful work at the limits above over the time taken; "x" is how many times as long as dfmerge something takes. Results',
  'were checked before they were timed; the largest relative error is in brackets. Products take another weight at every call, so that it comes from memory.',
  'Fishers and scoring keep their parameters from run to run, as the batches of one candidate do, so that weights are packed while warming up; training',
  'steps and iterations pack them each time.',
];

/** The FLOP of one row's forward pass. */
interface Parts {
  encoder: number;
  /** The keys and values of cross-attention. */
  crossed: number;
  /** Decoder and head, for all choices. */
  decoder: number;
}

function forwardParts(shape: Shape, { input, choices }: RowLengths): Parts {
  const { dModel, dFf, layers, vocabSize } = shape;
  const inner = shape.numHeads * shape.dKv;
  const feedForward = 2 * dModel * dFf;
  const attention = (queries: number, keys: number) => 4 * layers * inner * queries * keys; // Scores, and the mix of values.
  const perDecoderToken = 2 * (layers * (6 * dModel * inner + feedForward) + dModel * vocabSize);
  return {
    encoder: 2 * layers * (4 * dModel * inner + feedForward) * input + attention(input, input),
    crossed: 2 * layers * 2 * dModel * inner * input,
    decoder: sum(choices.map((n) => perDecoderToken * n + attention(n, n) + attention(n, input))),
  };
}

/** The FLOP of computing the NLL of every choice. */
export function scoreFlop(shape: Shape, rows: readonly RowLengths[]): number {
  return sum(
    rows.map((row) => {
      const { encoder, crossed, decoder } = forwardParts(shape, row);
      return encoder + crossed + decoder;
    }),
  );
}

/** The FLOP of an exact Fisher, which takes all choices forward and then a gradient of its own for each of them. */
export function fisherFlop(shape: Shape, rows: readonly RowLengths[]): number {
  return sum(
    rows.map((row) => {
      const { encoder, crossed, decoder } = forwardParts(shape, row);
      return encoder + crossed + decoder + row.choices.length * 2 * (encoder + crossed) + 2 * decoder;
    }),
  );
}

/** The FLOP of a training step on the first choice of each row. */
export function trainFlop(shape: Shape, rows: readonly RowLengths[]): number {
  return fisherFlop(
    shape,
    rows.map(({ input, choices }) => ({ input, choices: choices.slice(0, 1) })),
  );
}

/** The FLOP of C [m, n] = A [m, k] B [k, n]. */
export function matmulFlop(m: number, n: number, k: number): number {
  return 2 * m * n * k;
}

/** How many vectors of the parameters' size each part of a merge reads or writes, base and model being float32. */
export const MERGE_PASSES = {
  interpolate: 3, // It reads base and model and writes theta.
  fold: 7, // It reads base, model, Fisher, numerator and denominator and writes the last two.
  finish: 4, // It reads base, numerator and denominator and writes theta.
} as const;
export type MergePart = keyof typeof MERGE_PASSES;
