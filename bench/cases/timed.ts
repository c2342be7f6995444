import { sum } from '../../lib/core/statistics.js';
import type { CaseResult } from '../spec.js';
import { MemoryWatch } from './memory_watch.js';

/** The seconds that `body` takes. */
export async function secondsOf(body: () => Promise<unknown> | void): Promise<number> {
  const start = performance.now();
  await body();
  return (performance.now() - start) / 1000;
}

/** The seconds of timed runs after which no further one begins. */
const PATIENCE = 60;

/** The seconds of each of `repeats` runs, or of fewer where they take long. `prepare` goes before each, off the clock. */
export async function secondsOfRuns(
  body: () => Promise<void>,
  repeats: number,
  prepare: () => Promise<void> = async () => {},
): Promise<number[]> {
  const seconds: number[] = [];
  while (seconds.length < repeats && sum(seconds) < PATIENCE) {
    await prepare();
    seconds.push(await secondsOf(body));
  }
  return seconds;
}

/** Runs `body` once to warm up and then `repeats` times on the clock. `prepare` goes before each, off the clock. */
export async function timed(
  body: () => Promise<void>,
  repeats: number,
  prepare: () => Promise<void> = async () => {},
): Promise<CaseResult> {
  const memory = MemoryWatch.start();
  await prepare();
  await body();
  return { seconds: await secondsOfRuns(body, repeats, prepare), ...memory.stop() };
}
