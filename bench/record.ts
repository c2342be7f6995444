import { release, totalmem } from 'node:os';
import { info } from '../lib/commands/info.js';
import type { Work } from './catalog.js';
import type { Dtype } from './shapes.js';
import type { Check, LimitSample } from './spec.js';

/** All runs of one program of a case. */
export interface Measured {
  label: string;
  threads: number;
  /** In the order in which they were taken. */
  seconds: number[];
  /** Bytes. */
  peak?: number;
  anonymous?: number;
  phases?: Record<string, number>;
  reading?: number[];
  copying?: number[];
}

export interface CaseRecord {
  name: string;
  group: string;
  dtype: Dtype;
  work: Work;
  check?: Check;
  /** Ours first, then the same on one thread where that was measured, then peers. */
  measured: Measured[];
  /** Why the case cannot run here. */
  skipped?: string;
  /** Ours ended badly, or its result was wrong. */
  failed?: string;
  /** Peers that could not do the case, and why. */
  absent: string[];
}

export interface Machine {
  cpu: string;
  threads: number;
  memory: number;
  system: string;
  node: string;
  dfmerge: string;
  isa: string;
  matmul: string;
  compiler: string;
}

/** Everything that a run of the benchmark found, as `--json` keeps it. */
export interface BenchRecord {
  format: 1;
  started: string;
  finished: string;
  machine: Machine;
  options: { threads: number; repeats: number; lengths: string };
  /** All cases were run. */
  whole: boolean;
  /** Versions of the peers' packages. */
  peers: Record<string, string>;
  limits: LimitSample[];
  cases: CaseRecord[];
}

export function describeMachine(): Machine {
  const { version, node, platform, cpu, isa, matmul, threads, compiler } = info();
  return {
    cpu,
    threads,
    memory: totalmem(),
    system: `${platform} ${release()}`,
    node,
    dfmerge: version,
    isa: isa.chosen,
    matmul,
    compiler,
  };
}

/** The best rate of a kind: GFLOP/s or GB/s; undefined where it was not measured. */
export function limitOf(limits: readonly LimitSample[], kind: LimitSample['kind']): LimitSample | undefined {
  return limits
    .filter((sample) => sample.kind === kind)
    .reduce<LimitSample | undefined>((best, sample) => (best && best.rate >= sample.rate ? best : sample), undefined);
}
