import { release, totalmem } from 'node:os';
import { info } from '../lib/commands/info.js';
import type { Work } from './catalog.js';
import type { Dtype } from './shapes.js';
import type { Check, LimitSample } from './spec.js';

/** All runs of one program of a case. */
export interface Measured {
  label: string;
  threads: number;
  /** Seconds of each run, in the order in which they were taken. */
  seconds: number[];
  /** The most bytes resident, mapped files included. */
  peak?: number;
  anonymous?: number;
  phases?: Record<string, number>;
  reading?: number[];
  copying?: number[];
  /** How many of a peer's sequences are the same as ours, as "n of m". */
  same?: string;
}

export interface CaseRecord {
  name: string;
  group: string;
  dtype: Dtype;
  work: Work;
  check?: Check;
  /** Our own runs come first, then those on one thread where they were measured, and then the peers'. */
  measured: Measured[];
  /** The reason where the case cannot run here. */
  skipped?: string;
  /** The complaint where our own process ended badly or its result was wrong. */
  failed?: string;
  /** The peers that could not do the case, each with the reason. */
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
  /** Whether all cases were run. */
  whole: boolean;
  /** The versions of the peers' packages. */
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

/** The sample with the best rate of a kind, in GFLOP/s or GB/s; undefined where that was not measured. */
export function limitOf(limits: readonly LimitSample[], kind: LimitSample['kind']): LimitSample | undefined {
  return limits
    .filter((sample) => sample.kind === kind)
    .reduce<LimitSample | undefined>((best, sample) => (best && best.rate >= sample.rate ? best : sample), undefined);
}
