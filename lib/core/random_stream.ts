import { createHash } from 'node:crypto';

/**
 * A stream of random numbers that depends on nothing but a seed and names: SHA-256 of them seeds sfc32 (Chris Doty-Humphrey's
 * Small Fast Counter generator, 128 bits of state), the same on any machine and Node version.
 * @param seed the run's seed
 * @param names what the stream is for; different names give independent streams
 */
export class RandomStream {
  readonly #state: Uint32Array;

  constructor(seed: number, ...names: string[]) {
    const digest = createHash('sha256')
      .update(JSON.stringify([seed, ...names]))
      .digest();
    this.#state = Uint32Array.of(digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), 1);
    for (let i = 0; i < 12; i++) this.nextUint32(); // sfc32's own advice: mix the seed through the state
  }

  /** An integer in [0, 2^32). */
  nextUint32(): number {
    const state = this.#state;
    const [a, b, c, counter] = state;
    const sum = (a + b + counter) >>> 0;
    state[3] = counter + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    return sum;
  }

  /** An integer in [0, n), each equally likely: values past the last whole multiple of n are drawn again. */
  below(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const value = this.nextUint32();
      if (value < limit) return value % n;
    }
  }

  /** The first `k` of a random permutation of 0 .. n-1; a smaller k gives a prefix of a larger one's. */
  sample(n: number, k: number): number[] {
    const items = Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < k; i++) {
      const j = i + this.below(n - i);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items.slice(0, k);
  }
}
