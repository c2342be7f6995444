import { cpus } from 'node:os';
import { native } from '../../bindings/index.js';
import type { Session } from '../engine/session.js';
import type { EnvironmentRecord } from './record.js';

/** The name of the machine's processor. */
export function cpuName(): string {
  return cpus()[0]?.model.trim() || 'unknown';
}

/** What multiplies matrices, for records and journals, which name it only where it is not the built-in kernels: other code gives other bits. */
export function matmulOf({ engine }: Session): { matmul?: string } {
  const matmul = engine.matmul();
  return matmul === 'builtin' ? {} : { matmul };
}

/** Where a run happened, for its record. */
export function environmentRecord(session: Session): EnvironmentRecord {
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpuName(),
    isa: native().info().isa,
    ...matmulOf(session),
    threads: session.threads,
    computeDtype: session.computeDtype,
  };
}
