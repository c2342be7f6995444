import { testing, type BenchSeconds } from '../../bindings/testing/index.js';
import { matmulFlop } from '../flops.js';
import { DTYPES, type Dtype } from '../shapes.js';
import type { CaseResult, Check, LimitSample, LimitsSpec, MatmulSpec, OuterSpec } from '../spec.js';
import { MemoryWatch } from './memory_watch.js';

/** Calls are repeated until a sample has taken this long. */
const SAMPLE_SECONDS = 0.05;
/** The greatest relative error against the scalar kernels. */
const BOUND: Record<Dtype, number> = { float32: 2e-5, bfloat16: 1e-2 };

function result({ seconds, error }: BenchSeconds, dtype: Dtype, memory: MemoryWatch): CaseResult {
  const check: Check = { against: 'scalar', error, bound: BOUND[dtype] };
  return { seconds: [...seconds], check, peak: memory.stop().peak };
}

export function timeMatmul({ m, n, k, dtype, weights, threads, repeats }: MatmulSpec): CaseResult {
  const memory = MemoryWatch.start();
  return result(
    testing().bench.matmul(
      { isa: '', threads },
      { m, n, k, dtype, weights, samples: repeats, sampleSeconds: SAMPLE_SECONDS },
    ),
    dtype,
    memory,
  );
}

export function timeOuter({
  out,
  in: width,
  dtype,
  targets,
  inputs,
  choices,
  threads,
  repeats,
}: OuterSpec): CaseResult {
  const gradient = [0];
  const forward: number[] = [];
  let row = 0;
  inputs.forEach((rows, i) => {
    for (let c = 0; c < choices[i]; c++) {
      forward.push(row);
      gradient.push(gradient[gradient.length - 1] + rows);
    }
    row += rows;
  });
  const operands = {
    out,
    in: width,
    gradient: Int32Array.from(gradient),
    forward: Int32Array.from(forward),
    dtype,
    targets,
    samples: repeats,
    sampleSeconds: SAMPLE_SECONDS,
  };
  const memory = MemoryWatch.start();
  return result(testing().bench.squaredOuter({ isa: '', threads }, operands), dtype, memory);
}

/** Ways of copying, as reports name them. */
const COPY_WAYS: Record<string, string> = {
  plain: 'plain stores',
  library: 'memcpy',
  streaming: 'non-temporal stores',
};

/** The bytes of each of the copy's two buffers, far more than the caches hold. */
export const COPY_BYTES = 512 * 2 ** 20;

/**
 * Measures the machine's limits as this engine reaches them: large products in every dtype of the build, and copying between buffers that
 * the caches do not hold.
 */
export function measureLimits({ products, copyBytes, threads, repeats }: LimitsSpec): CaseResult {
  const limits: LimitSample[] = [];
  for (const dtype of DTYPES) {
    for (const [m, n, k] of products) {
      const rate = largeProduct({ kind: 'matmul', m, n, k, dtype, weights: 1, threads, repeats });
      if (rate !== undefined) limits.push({ kind: dtype, what: `${m}x${n}x${k}`, by: 'dfmerge', rate });
    }
  }
  for (const [way, rate] of Object.entries(copyRates(threads, { bytes: copyBytes, samples: repeats })))
    limits.push({ kind: 'copy', what: COPY_WAYS[way], by: 'dfmerge', rate });
  return { seconds: [], limits };
}

/** For each way of copying, the GB/s, read and written, of the fastest of `samples` copies of `bytes` bytes between two buffers. */
export function copyRates(threads: number, operands: { bytes: number; samples: number }): Record<string, number> {
  const { bytes, ...ways } = testing().bench.copy(threads, operands);
  return Object.fromEntries(
    Object.entries(ways).map(([way, seconds]) => [way, (2 * bytes) / Math.min(...seconds) / 1e9]),
  );
}

/** The GFLOP/s of the fastest run; undefined where the build does not compute in the dtype. */
function largeProduct(spec: MatmulSpec): number | undefined {
  try {
    const { seconds, check } = timeMatmul(spec);
    if (check && !(check.error <= check.bound))
      throw new Error(`${spec.dtype} product: error ${check.error} against ${check.against}, bound ${check.bound}`);
    return matmulFlop(spec.m, spec.n, spec.k) / Math.min(...seconds) / 1e9;
  } catch (error) {
    if ((error as { code?: string }).code === 'UNSUPPORTED') return undefined;
    throw error;
  }
}
