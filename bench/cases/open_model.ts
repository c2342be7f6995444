import { createModel } from '../../lib/engine/create.js';
import { Session, type ComputeOptions } from '../../lib/engine/session.js';
import { configOf, SHAPES, type Dtype } from '../shapes.js';
import type { CaseResult, CreateSpec } from '../spec.js';

/** Writes a random model of a shape. */
export async function createRandomModel({ shape, out, seed, threads }: CreateSpec): Promise<CaseResult> {
  await createModel({ out, config: configOf(SHAPES[shape]), seed, threads });
  return { seconds: [] };
}

/** The base and `children` models, which are one and the same folder: each is mapped by itself. */
export function openModel(
  spec: { base: string; child?: string; threads: number },
  options: { dtype: Dtype; children?: number },
): Promise<Session> {
  const children = Array.from({ length: options.children ?? 0 }, () => spec.child as string);
  return Session.open(spec.base, children, {
    threads: spec.threads,
    dtype: options.dtype as ComputeOptions['dtype'],
  });
}
