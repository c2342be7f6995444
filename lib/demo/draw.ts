import type { RandomStream } from '../core/random_stream.js';

/** One item of a list, each equally likely. */
export function pick<T>(stream: RandomStream, list: readonly T[]): T {
  return list[stream.below(list.length)];
}

/** `count` different items of a list, in random order. */
export function pickSome<T>(stream: RandomStream, list: readonly T[], count: number): T[] {
  return stream.sample(list.length, count).map((i) => list[i]);
}

/** The items of a list in random order. */
export function shuffled<T>(stream: RandomStream, list: readonly T[]): T[] {
  return pickSome(stream, list, list.length);
}
