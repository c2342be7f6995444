import { sum } from '../../lib/core/statistics.js';
import { packRows, type TokenizedRows } from '../../lib/engine/batch.js';
import { evaluateRows, scoringRows } from '../../lib/engine/evaluate.js';
import { fisherInputs, measureFisher } from '../../lib/engine/fisher.js';
import type { Session } from '../../lib/engine/session.js';
import { rightChoices } from '../../lib/engine/train.js';
import type { RowLengths } from '../flops.js';
import type { Dtype } from '../shapes.js';
import type { Check, WorkSpec } from '../spec.js';

/** The result of a row in few numbers: the NLL of every choice, and a digest of each tensor that the work accumulates. */
export interface Probe {
  nll: number[];
  tensors: Record<string, TensorDigest>;
}

/** A tensor's norm, and its sums under pseudo-random signs. The mean square of the differences of two tensors' sums estimates |a − b|². */
interface TensorDigest {
  norm: number;
  signed: number[];
}

const SIGNS = 8;
/**
 * The greatest relative errors of the NLLs, of the worst tensor and of the median one. Where a ReLU's input is zero but for rounding, two
 * right results differ by one row of a gradient, which is about 1e-3 of its tensor and of those before it. A wrong kernel moves the median
 * too.
 */
const BOUNDS: Record<Dtype, { nll: number; tensor: number; median: number }> = {
  float32: { nll: 2e-5, tensor: 5e-3, median: 2e-5 },
  bfloat16: { nll: 5e-3, tensor: 3e-2, median: 1e-2 },
};

/** The row that stands for the work. In a small model it is the first, otherwise the one with the shortest input, with two of its choices. */
export function probedRow(rows: readonly RowLengths[], small: boolean): RowLengths {
  if (small) return rows[0];
  const { input, choices } = rows.reduce((a, b) => (b.input < a.input ? b : a));
  return { input, choices: choices.slice(0, 2) };
}

/** Does the work on one row at the model's current parameters, and digests the result. */
export async function probe(session: Session, work: WorkSpec['kind'], row: TokenizedRows): Promise<Probe> {
  const { results } = await evaluateRows(session, await scoringRows(session, { rows: row, indices: [0] }));
  const { nll } = results[0];
  if (work === 'score') return { nll, tensors: {} };
  if (work === 'fisher') {
    await measureFisher(session, await fisherInputs(session, { rows: row, indices: [0] }, 'exact'), { mode: 'exact' });
  } else {
    await session.job((engine) => engine.beginTraining());
    await session.job((engine) => engine.addGradient(packRows(rightChoices(row), [0]), 1));
  }
  return {
    nll,
    tensors: Object.fromEntries(
      session.parameters.map(({ name }) => [name, digest(session.engine.parameter('fisher', name))]),
    ),
  };
}

function digest(values: Float32Array): TensorDigest {
  const signed = new Float64Array(SIGNS);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    squares += value * value;
    let bits = Math.imul(i ^ (i >>> 15), 0x85ebca6b);
    bits ^= bits >>> 13;
    for (let s = 0; s < SIGNS; s++) signed[s] += (bits >>> s) & 1 ? value : -value;
  }
  return { norm: Math.sqrt(squares), signed: [...signed] };
}

/** Whichever of three relative errors is the greatest part of its bound: that of the NLLs, of the worst tensor and of the median tensor. */
export function compareProbes(
  actual: Probe,
  expected: Probe,
  { dtype, against }: { dtype: Dtype; against: string },
): Check {
  const bounds = BOUNDS[dtype];
  const nll = Math.max(...expected.nll.map((value, c) => Math.abs(actual.nll[c] - value) / Math.abs(value)));
  const tensors = Object.entries(expected.tensors).map(([name, digest]) => tensorError(actual.tensors[name], digest));
  if (tensors.some(Number.isNaN)) return { against, error: NaN, bound: bounds.tensor };
  tensors.sort((a, b) => a - b);
  const checks: Check[] = [{ against, error: nll, bound: bounds.nll }];
  if (tensors.length > 0) {
    checks.push({ against, error: tensors.at(-1)!, bound: bounds.tensor });
    checks.push({ against, error: tensors[Math.floor(tensors.length / 2)], bound: bounds.median });
  }
  return (
    checks.find(({ error }) => Number.isNaN(error)) ??
    checks.reduce((a, b) => (b.error / b.bound <= a.error / a.bound ? a : b))
  );
}

function tensorError(a: TensorDigest, b: TensorDigest): number {
  const difference = Math.sqrt(sum(b.signed.map((value, s) => (a.signed[s] - value) ** 2)) / SIGNS);
  return difference === 0 ? 0 : difference / b.norm;
}
