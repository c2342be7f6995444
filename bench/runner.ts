import type { BenchCase, PeerRequest } from './catalog.js';
import type { Peers } from './peers.js';
import type { CaseRecord, Measured } from './record.js';
import { COPY_BYTES } from './cases/kernels.js';
import { DTYPES, type Dtype } from './shapes.js';
import type { CaseResult, LimitSample } from './spec.js';
import { runProcess, type Workshop } from './workshop.js';

export interface RunSettings {
  threads: number;
  repeats: number;
  workshop: Workshop;
  peers?: Peers;
}

/** The dtypes that the engine computes in, by what the limits say. */
export function dtypesOf(limits: readonly LimitSample[]): Dtype[] {
  return DTYPES.filter((dtype) => limits.some(({ kind, by }) => kind === dtype && by === 'dfmerge'));
}

const LARGE_PRODUCTS = [
  [2048, 2048, 2048],
  [4096, 3072, 768],
  [4096, 4096, 4096],
] as const;

/** Measures the machine's limits, each program in a process of its own. */
export async function measureLimits({ threads, repeats, workshop, peers }: RunSettings): Promise<LimitSample[]> {
  const { limits = [] } = await runProcess({
    kind: 'limits',
    copyBytes: COPY_BYTES,
    products: LARGE_PRODUCTS,
    threads,
    repeats,
  });
  return [...limits, ...((await peers?.limits(LARGE_PRODUCTS, { threads, repeats, folder: workshop.folder })) ?? [])];
}

/** One program of a case, which runs in a new process at every call. */
interface Contestant {
  label: string;
  threads: number;
  ours: boolean;
  run(
    repeats: number,
  ): Promise<
    Pick<CaseResult, 'seconds' | 'peak' | 'anonymous' | 'check' | 'phases' | 'reading' | 'copying' | 'skipped'> &
      Pick<Measured, 'same'>
  >;
}

/**
 * Runs a case. Where our program is alone it runs in one process; beside others each program gets two processes with half of the runs each,
 * and they take turns.
 */
export async function runCase(
  benchCase: BenchCase,
  settings: RunSettings & { dtypes: readonly Dtype[] },
): Promise<CaseRecord> {
  const { name, group, dtype, work } = benchCase;
  const record: CaseRecord = { name, group, dtype, work, measured: [], absent: [] };
  if (!settings.dtypes.includes(dtype)) return { ...record, skipped: `this build does not compute in ${dtype}` };
  let contestants = contestantsOf(benchCase, settings);
  const rounds = contestants.length > 1 ? 2 : 1;
  const repeats = Math.ceil(settings.repeats / rounds);
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      const { label, threads } = contestant;
      try {
        const { check, skipped, ...result } = await contestant.run(repeats);
        if (skipped) return { ...record, skipped };
        if (check && !(record.check && record.check.error >= check.error)) record.check = check;
        add(record.measured, { label, threads, ...result });
      } catch (error) {
        if (contestant.ours) return { ...record, failed: (error as Error).message };
        record.absent.push(`${label}: ${(error as Error).message.split('\n').at(-1)}`);
        contestants = contestants.filter((other) => other !== contestant);
      }
    }
  }
  return record;
}

function contestantsOf(benchCase: BenchCase, { threads, workshop, peers }: RunSettings): Contestant[] {
  const ours = (label: string, count: number): Contestant => ({
    label,
    threads: count,
    ours: true,
    run: async (repeats) => runProcess(await workshop.specOf(benchCase, { threads: count, repeats })),
  });
  const peer = (request: PeerRequest): Contestant => ({
    label: request.label,
    threads,
    ours: false,
    run: (repeats) => (peers as Peers).run(request, { threads, repeats, folder: workshop.folder }),
  });
  return [
    ours('dfmerge', threads),
    ...(benchCase.scaling && threads > 1 ? [ours('dfmerge, 1 thread', 1)] : []),
    ...(peers ? benchCase.peers.filter(({ program }) => peers.missing(program).length === 0).map(peer) : []),
  ];
}

/** Adds the runs of a process to those of the same program's other processes. */
function add(all: Measured[], next: Measured): void {
  const known = all.find(({ label }) => label === next.label);
  if (!known) return void all.push(next);
  known.seconds.push(...next.seconds);
  if (next.reading) known.reading = [...(known.reading ?? []), ...next.reading];
  if (next.copying) known.copying = [...(known.copying ?? []), ...next.copying];
  known.peak = larger(known.peak, next.peak);
  known.anonymous = larger(known.anonymous, next.anonymous);
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : Math.max(a, b ?? 0);
}
