/** So many items are sorted in one go; it takes a few milliseconds. */
const RUN = 4096;
/** How many items are merged before the work yields. */
const MERGED = 4096;

/**
 * Sorts as Array.prototype.sort does, equal items in their order, into a new array. It is work for a Pace: short runs are sorted and then merged
 * two by two, and it yields in between.
 */
export function* sorting<T>(items: readonly T[], compare: (a: T, b: T) => number): Generator<void, T[]> {
  let from = [...items];
  for (let start = 0; start < from.length; start += RUN) {
    const run = from.slice(start, start + RUN).sort(compare);
    for (let i = 0; i < run.length; i++) from[start + i] = run[i];
    yield;
  }
  let to = new Array<T>(from.length);
  for (let length = RUN; length < from.length; length *= 2) {
    for (let start = 0; start < from.length; start += 2 * length) {
      const middle = Math.min(start + length, from.length);
      const end = Math.min(start + 2 * length, from.length);
      for (let left = start, right = middle, at = start; at < end; at++) {
        const takesLeft = left < middle && (right === end || compare(from[left], from[right]) <= 0);
        to[at] = takesLeft ? from[left++] : from[right++];
        if (at % MERGED === 0) yield;
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
