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
