/**
 * The program of a case's own process. Its argument is a CaseSpec as JSON, and it prints a CaseResult as one JSON line. For example:
 * node dist/bench/case.js '{"kind": "suggest", "points": 60, "dimensions": 6, "threads": 1, "repeats": 5}'.
 */
import { timeGeneration } from './cases/generate.js';
import { timeIteration } from './cases/iteration.js';
import { measureLimits, timeMatmul, timeOuter } from './cases/kernels.js';
import { timeLoading } from './cases/load.js';
import { measureMemory } from './cases/memory.js';
import { timeMerge } from './cases/merge.js';
import { timeWork, writeReference } from './cases/model_work.js';
import { createRandomModel } from './cases/open_model.js';
import { timeSuggestion } from './cases/suggest.js';
import type { CaseResult, CaseSpec } from './spec.js';

function run(spec: CaseSpec): CaseResult | Promise<CaseResult> {
  switch (spec.kind) {
    case 'limits':
      return measureLimits(spec);
    case 'matmul':
      return timeMatmul(spec);
    case 'outer':
      return timeOuter(spec);
    case 'merge':
      return timeMerge(spec);
    case 'fisher':
    case 'score':
    case 'train':
      return timeWork(spec);
    case 'reference':
      return writeReference(spec);
    case 'generate':
      return timeGeneration(spec);
    case 'iteration':
      return timeIteration(spec);
    case 'memory':
      return measureMemory(spec);
    case 'load':
      return timeLoading(spec);
    case 'suggest':
      return timeSuggestion(spec);
    case 'create':
      return createRandomModel(spec);
  }
}

async function result(spec: CaseSpec): Promise<CaseResult> {
  try {
    return await run(spec);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'UNSUPPORTED') return { seconds: [], skipped: message };
    throw error;
  }
}

try {
  const outcome = await result(JSON.parse(process.argv[2]) as CaseSpec);
  const { check } = outcome;
  if (check && !(check.error <= check.bound))
    throw new Error(`wrong result: off by ${check.error} from ${check.against}, bound ${check.bound}`);
  console.log(JSON.stringify(outcome));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
