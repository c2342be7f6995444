import { createHash } from 'node:crypto';
import { Sfc32 } from './random.js';

/**
 * A stream of random numbers that depends on nothing but a seed and names, whose SHA-256 seeds sfc32: the same on any machine and Node
 * version.
 */
export class RandomStream extends Sfc32 {
  /**
   * @param seed the run's seed
   * @param names what the stream is for; different names give independent streams
   */
  constructor(seed: number, ...names: string[]) {
    const digest = createHash('sha256')
      .update(JSON.stringify([seed, ...names]))
      .digest();
    super(digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8));
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
