/** Seeded random numbers. Nothing here reads a clock or a global: the same seed gives the same numbers on any machine. */

/** The largest seed: all streams are made from words of 32 bits. */
export const MAX_SEED = 2 ** 32 - 1;

/** Mixes two 32-bit words into one (the finaliser of MurmurHash3, Appleby 2011), so that near seeds give unrelated streams. */
export function mix32(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A double in [0, 1) made of the upper 27 bits of one 32-bit word and the upper 26 of another, as numpy makes it. */
export function to53Bits(high: number, low: number): number {
  return ((high >>> 5) * 0x4000000 + (low >>> 6)) / 0x20000000000000;
}

/**
 * The small fast counting generator sfc32 (Doty-Humphrey, PractRand), whose state is three words of the seed and a counter. Its period
 * is at least 2^32.
 */
export class Sfc32 {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Takes the seed as three words, each read modulo 2^32, and draws 12 times so that they mix, as the author advises. */
  constructor(a: number, b: number, c: number) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    for (let i = 0; i < 12; i++) this.nextUint32();
  }

  /** An integer in [0, 2^32). */
  nextUint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A double in [0, 1) with 53 random bits, from two words. */
  next(): number {
    return to53Bits(this.nextUint32(), this.nextUint32());
  }
}
