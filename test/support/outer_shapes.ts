import type { OuterOperands } from './plain_ops.js';
import type { RandomValues } from './random_values.js';

/** The shape of a squared outer product, which makes target [out, in] of x [forwardRows, in] and dy [rows of all segments, out]. */
export interface OuterShape {
  out: number;
  in: number;
  /** How many rows x has. Default: up to the last row of a segment. */
  forwardRows?: number;
  /** Each segment's first forward row, and how many rows it has. */
  segments: [number, number][];
  /** Sparse rows that are added, each as [row of the target, segment]. */
  extra?: [number, number][];
}

/** Random operands of a shape, with weights from 0.1 to 1. */
export function outerOperands(random: RandomValues, shape: OuterShape, squared: boolean): OuterOperands {
  const { extra = [], forwardRows = Math.max(...shape.segments.map(([first, rows]) => first + rows)) } = shape;
  const gradient = new Int32Array(shape.segments.length + 1);
  shape.segments.forEach(([, rows], s) => (gradient[s + 1] = gradient[s] + rows));
  return {
    out: shape.out,
    in: shape.in,
    x: random.normal(forwardRows * shape.in),
    dy: random.normal(gradient[shape.segments.length] * shape.out),
    gradient,
    forward: Int32Array.from(shape.segments, ([first]) => first),
    weight: random.positive(shape.segments.length, -1, 0),
    squared,
    extraRows: Int32Array.from(extra, ([row]) => row),
    extraSegments: Int32Array.from(extra, ([, segment]) => segment),
    extra: random.normal(extra.length * shape.in),
  };
}

/** So many rows of the target that there are several tasks of 16 panels. */
export const SEVERAL_TASKS: OuterShape = {
  out: 400,
  in: 5,
  forwardRows: 3,
  segments: [
    [0, 2],
    [2, 1],
  ],
};

/** Sparse rows lie at both edges and several in one tile; a segment has several rows, a row has several segments, and a segment has none. */
export const SPARSE_ROWS: OuterShape = {
  out: 30,
  in: 18,
  forwardRows: 8,
  segments: [
    [0, 3],
    [3, 5],
    [0, 3],
    [5, 0],
  ],
  extra: [
    [0, 0],
    [0, 2],
    [0, 3],
    [1, 0],
    [2, 0],
    [3, 1],
    [3, 2],
    [4, 0],
    [17, 1],
    [29, 2],
    [29, 3],
  ],
};
