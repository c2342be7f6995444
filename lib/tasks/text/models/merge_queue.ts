/** Merges that wait: the one of the lowest rank comes first, of those the leftmost. A binary heap. */
export class MergeQueue {
  /** rank · 2³¹ + place, in the order of a heap. Both together stay below 2⁵³. */
  readonly #keys: number[] = [];

  /** @param rank below 2²², @param at below 2³¹ */
  push(rank: number, at: number): void {
    const keys = this.#keys;
    const key = rank * PLACES + at;
    let hole = keys.push(key) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[hole] = keys[parent];
      hole = parent;
    }
    keys[hole] = key;
  }

  pop(): { rank: number; at: number } | undefined {
    const keys = this.#keys;
    if (keys.length === 0) return undefined;
    const [top] = keys;
    const key = keys.pop()!;
    if (keys.length > 0) this.#sink(key);
    const at = top % PLACES;
    return { rank: (top - at) / PLACES, at };
  }

  /** Puts a key where the first one was. */
  #sink(key: number): void {
    const keys = this.#keys;
    let hole = 0;
    for (let child = 1; child < keys.length; child = 2 * hole + 1) {
      if (child + 1 < keys.length && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= key) break;
      keys[hole] = keys[child];
      hole = child;
    }
    keys[hole] = key;
  }
}

const PLACES = 2 ** 31;
