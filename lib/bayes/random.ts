import { mix32, Sfc32, to53Bits } from '../core/random.js';

/** What the rest of the folder asks of a generator. */
export interface Uniform {
  /** A double in [0, 1) with 53 random bits. */
  next(): number;
}

/** A stream of sfc32 that is named by numbers, with normal deviates. */
export class Random extends Sfc32 implements Uniform {
  #spareNormal: number | undefined;

  /** @param keys words that name the stream, such as (seed, number of the trial, purpose); each is read modulo 2^32 */
  constructor(...keys: number[]) {
    const seed = keys.reduce((hash, key) => mix32(hash, key >>> 0), 0);
    super(mix32(seed, 1), mix32(seed, 2), mix32(seed, 3));
  }

  /** A standard normal number, by the polar method (Marsaglia & Bray 1964), which makes two at a time. */
  nextNormal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    for (;;) {
      const u = 2 * this.next() - 1;
      const v = 2 * this.next() - 1;
      const s = u * u + v * v;
      if (s >= 1 || s === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spareNormal = v * scale;
      return u * scale;
    }
  }
}

const MT_SIZE = 624;
const MT_SHIFT = 397;

/**
 * The Mersenne Twister MT19937 (Matsumoto & Nishimura 1998), drawing what `numpy.random.RandomState(seed)` draws, for runs that are
 * to be compared with the paper's Python.
 */
export class Mt19937 implements Uniform {
  private readonly state = new Uint32Array(MT_SIZE);
  private index = MT_SIZE;

  /** @param seed an integer in [0, 2^32) */
  constructor(seed: number) {
    this.state[0] = seed >>> 0;
    for (let i = 1; i < MT_SIZE; i++) {
      const previous = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, previous) + i;
    }
  }

  nextUint32(): number {
    if (this.index === MT_SIZE) this.twist();
    let y = this.state[this.index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** What `RandomState.random_sample()` draws. */
  next(): number {
    return to53Bits(this.nextUint32(), this.nextUint32());
  }

  /** A uniform integer in [0, max], as numpy's legacy generator draws it: masked bits, drawn again while above `max`. */
  nextInteger(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.nextUint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** What `RandomState.permutation(n)` draws: 0..n-1 shuffled (Fisher & Yates) from the last place down. */
  permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.nextInteger(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  /** What `RandomState.choice(n, count, replace=False)` draws: `count` different integers of 0..n-1. */
  choice(n: number, count: number): number[] {
    return this.permutation(n).slice(0, count);
  }

  private twist(): void {
    const s = this.state;
    for (let i = 0; i < MT_SIZE; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % MT_SIZE] & 0x7fffffff);
      s[i] = s[(i + MT_SHIFT) % MT_SIZE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.index = 0;
  }
}
