import { cpus } from 'node:os';
import { native } from '../../bindings/index.js';
import type { Session } from '../engine/session.js';
import type { EnvironmentRecord } from './record.js';

/** The name of the machine's processor. */
export function cpuName(): string {
  return cpus()[0]?.model.trim() || 'unknown';
}

/** What multiplies matrices where it is not the built-in kernels: other code, other bits. Records and journals say nothing else. */
export function productsOf({ engine }: Session): { matmul?: string } {
  const products = engine.matmul();
  return products === 'builtin' ? {} : { matmul: products };
}

/** Where a run happened, for its record. */
export function environmentRecord(session: Session): EnvironmentRecord {
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpuName(),
    isa: native().info().isa,
    ...productsOf(session),
    threads: session.threads,
    dtype: session.dtype,
  };
}
