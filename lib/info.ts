import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { COMPUTE_DTYPES, native, type ComputeDtype } from '../bindings/index.js';
import { cacheFolder, cacheUsage } from './data/row_cache.js';
import type { T5Model } from './model.js';
import { direct } from './native_call.js';
import type { EnvironmentRecord } from './report/record.js';
import { VERSION } from './version.js';

/** What this installation can do on this machine. */
export interface Info {
  version: string;
  node: string;
  platform: string;
  cpu: string;
  /** Instruction set of the kernels: the one chosen, those of this machine, those of this build. */
  isa: { chosen: string; available: string[]; built: string[] };
  /** What matrix products' operands can be; bfloat16 by instructions for it, or rounded and multiplied as float32, which saves no time. */
  compute: { dtypes: ComputeDtype[]; bfloat16: 'instructions' | 'rounded' };
  /** Which code multiplies matrices. */
  matmul: string;
  threads: number;
  cuda: { available: boolean; reason: string };
  /** Bytes. */
  memory: { total: number; free: number };
  compiler: string;
  /** Token ids kept between runs; no folder where the cache is off. */
  cache: { folder: string | null; files: number; bytes: number };
}

/** Describes the machine and the build. Errors: NATIVE_LOAD; UNSUPPORTED where DFMERGE_ISA names a set that is not here. */
export function info(): Info {
  const { isa, available, built, bfloat16, compiler } = direct(() => native().info());
  const folder = cacheFolder();
  return {
    version: VERSION,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpuName(),
    isa: { chosen: isa, available, built },
    compute: { dtypes: [...COMPUTE_DTYPES], bfloat16 },
    matmul: `built-in kernels (${isa}); this version does not use oneDNN`,
    threads: availableParallelism(),
    cuda: { available: false, reason: 'this build has no CUDA kernels' },
    memory: { total: totalmem(), free: freemem() },
    compiler,
    cache: { folder: folder ?? null, ...(folder === undefined ? { files: 0, bytes: 0 } : cacheUsage(folder)) },
  };
}

function cpuName(): string {
  return cpus()[0]?.model.trim() || 'unknown';
}

/** Where a run happened, for its record. */
export function environmentRecord(model: T5Model): EnvironmentRecord {
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpuName(),
    isa: native().info().isa,
    threads: model.threads,
    dtype: model.dtype,
  };
}
