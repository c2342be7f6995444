import { createModel } from '../../lib/engine/create.js';
import { Session, type ComputeOptions } from '../../lib/engine/session.js';
import { configOf, SHAPES, type Dtype } from '../shapes.js';
import type { CaseResult, CreateSpec } from '../spec.js';

/** Writes a model of a shape with random parameters. */
export async function createRandomModel({ shape, out, seed, threads }: CreateSpec): Promise<CaseResult> {
  await createModel({ out, config: configOf(SHAPES[shape]), seed, threads });
  return { seconds: [] };
}

/** Opens the base and as many children as asked for. The children are one and the same folder, but each is mapped by itself. */
export function openModel(
  spec: { base: string; child?: string; threads: number },
  options: { dtype: Dtype; children?: number },
): Promise<Session> {
  const children = Array.from({ length: options.children ?? 0 }, () => spec.child as string);
  return Session.open(spec.base, children, {
    threads: spec.threads,
    computeDtype: options.dtype as ComputeOptions['computeDtype'],
  });
}
