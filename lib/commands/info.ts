import { availableParallelism, freemem, totalmem } from 'node:os';
import { COMPUTE_DTYPES, native, type ComputeDtype, type NativeInfo } from '../../bindings/index.js';
import { cacheFolder } from '../core/cache_folder.js';
import { cacheUsage } from '../tasks/row_cache.js';
import { callNative } from '../engine/native_call.js';
import { cpuName } from '../run/environment.js';
import { VERSION } from '../core/version.js';

/** What this installation can do on this machine. */
export interface Info {
  version: string;
  node: string;
  platform: string;
  cpu: string;
  /** The instruction sets of the kernels: the one that was chosen, those of this machine, and those of this build. */
  isa: { chosen: string; available: string[]; built: string[] };
  /** The dtypes of matrix products' operands. bfloat16 has instructions, or is rounded and multiplied as float32, which saves no time. */
  compute: { dtypes: ComputeDtype[]; bfloat16: 'instructions' | 'rounded' };
  /** Which code multiplies matrices, and which the build has besides. */
  matmul: string;
  threads: number;
  cuda: { available: boolean; reason: string };
  /** The machine's memory in bytes. */
  memory: { total: number; free: number };
  compiler: string;
  /** The token ids that are kept between runs; `folder` is null where the cache is off. */
  cache: { folder: string | null; files: number; bytes: number };
}

/** Describes the machine and the build. Errors: NATIVE_LOAD; UNSUPPORTED where DFMERGE_ISA or DFMERGE_MATMUL names what is not here. */
export function info(): Info {
  const { isa, available, built, bfloat16, compiler, matmul } = callNative(() => native().info());
  const folder = cacheFolder();
  return {
    version: VERSION,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpuName(),
    isa: { chosen: isa, available: available.filter((name) => built.includes(name)), built },
    compute: { dtypes: [...COMPUTE_DTYPES], bfloat16 },
    matmul: describeMatmul(matmul, isa),
    threads: availableParallelism(),
    cuda: { available: false, reason: 'this build has no CUDA kernels' },
    memory: { total: totalmem(), free: freemem() },
    compiler,
    cache: { folder: folder ?? null, ...(folder === undefined ? { files: 0, bytes: 0 } : cacheUsage(folder)) },
  };
}

function describeMatmul({ float32, bfloat16, onednn }: NativeInfo['matmul'], isa: string): string {
  const named = (matmul: string) => (matmul === 'builtin' ? `built-in kernels (${isa})` : matmul);
  const chosen = float32 === bfloat16 ? named(float32) : `float32: ${named(float32)}, bfloat16: ${named(bfloat16)}`;
  if (onednn === '') return `${chosen}; this build has no oneDNN`;
  return `${chosen}; this build can use oneDNN ${onednn} (DFMERGE_MATMUL=builtin or onednn)`;
}
