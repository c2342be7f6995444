import { sum } from './statistics.js';

/** The parts of a run whose wall time is kept, in the order in which they first happen. */
export const PHASES = ['load', 'fisher', 'merge', 'evaluate', 'suggest', 'write'] as const;
export type Phase = (typeof PHASES)[number];

/** Wall seconds by phase; a phase that is absent took no time. */
export type Seconds = { [phase in Phase]?: number };

/** Runs `body` and returns its result with the wall seconds that it took. */
export async function timed<T>(body: () => T | Promise<T>): Promise<{ value: T; seconds: number }> {
  const start = performance.now();
  const value = await body();
  return { value, seconds: (performance.now() - start) / 1000 };
}

/** The seconds of several pieces of work, added phase by phase. Every phase has an entry. */
export function sumOfSeconds(parts: readonly Seconds[]): Record<Phase, number> {
  const total = (phase: Phase) => sum(parts.map((part) => part[phase] ?? 0));
  return Object.fromEntries(PHASES.map((phase) => [phase, total(phase)])) as Record<Phase, number>;
}

/** The seconds of all phases together. */
export function totalSeconds(seconds: Seconds): number {
  return sum(PHASES.map((phase) => seconds[phase] ?? 0));
}
