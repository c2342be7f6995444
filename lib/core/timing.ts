/** Parts of a run whose wall time is kept, in the order in which they first happen. */
export const PHASES = ['load', 'fisher', 'merge', 'evaluate', 'suggest', 'write'] as const;
export type Phase = (typeof PHASES)[number];

/** Wall seconds by phase. A phase within a phase counts for the inner one alone. */
export class Stopwatch {
  readonly seconds: Record<Phase, number> = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<
    Phase,
    number
  >;
  #inner = 0;

  /** Runs `body` and adds its time to `phase`, whether it succeeds or throws. */
  async time<T>(phase: Phase, body: () => Promise<T>): Promise<T> {
    const outer = this.#inner;
    this.#inner = 0;
    const start = performance.now();
    try {
      return await body();
    } finally {
      const elapsed = (performance.now() - start) / 1000;
      this.seconds[phase] += elapsed - this.#inner;
      this.#inner = outer + elapsed;
    }
  }

  add(phases: Partial<Record<Phase, number>>): void {
    for (const phase of PHASES) this.seconds[phase] += phases[phase] ?? 0;
  }

  get total(): number {
    return PHASES.reduce((sum, phase) => sum + this.seconds[phase], 0);
  }
}

/** What was added between two readings. */
export function phasesSince(now: Record<Phase, number>, before: Record<Phase, number>): Record<Phase, number> {
  return Object.fromEntries(PHASES.map((phase) => [phase, now[phase] - before[phase]])) as Record<Phase, number>;
}
