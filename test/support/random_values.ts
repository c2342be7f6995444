import { RandomStream } from '../../lib/core/random_stream.js';

/** Seeded test data: float32 values and integers. */
export class RandomValues {
  readonly #stream: RandomStream;

  constructor(seed: number) {
    this.#stream = new RandomStream(seed, 'test');
  }

  /** A number in [0, 1). */
  uniform(): number {
    return this.#stream.nextUint32() / 2 ** 32;
  }

  /** An integer in [from, to]. */
  between(from: number, to: number): number {
    return from + this.#stream.below(to - from + 1);
  }

  /** n normal deviates, by the transform of Box and Muller, times `scale`. */
  normal(n: number, scale = 1): Float32Array {
    return Float32Array.from(
      { length: n },
      () => scale * Math.sqrt(-2 * Math.log(this.uniform() + 2 ** -33)) * Math.cos(2 * Math.PI * this.uniform()),
    );
  }

  /** n positive numbers whose exponents are spread evenly over 10^low .. 10^high, as those of Fishers are. */
  positive(n: number, low: number, high: number): Float32Array {
    return Float32Array.from({ length: n }, () => 10 ** (low + (high - low) * this.uniform()));
  }

  /** n integers in [0, below). */
  ids(n: number, below: number): Int32Array {
    return Int32Array.from({ length: n }, () => this.#stream.below(below));
  }
}
