import { mix32 } from '../core/random.js';
import { Random } from './random.js';

/**
 * Sobol points (Sobol' 1967) in base 2, Owen-scrambled.
 *
 * The direction numbers for dimensions 2 to 64 are the first of `new-joe-kuo-6.21201` (Joe & Kuo, "Constructing Sobol sequences with
 * better two-dimensional projections", SIAM J. Sci. Comput. 30, 2008), Copyright (c) 2008 Stephen Joe and Frances Y. Kuo,
 * distributed by them under a BSD-style licence. A row is [a, m_1, ..., m_s]: the inner coefficients of a primitive polynomial of
 * degree s, and the initial numbers.
 */
const DIRECTIONS: readonly (readonly number[])[] = [
  [0, 1],
  [1, 1, 3],
  [1, 1, 3, 1],
  [2, 1, 1, 1],
  [1, 1, 1, 3, 3],
  [4, 1, 3, 5, 13],
  [2, 1, 1, 5, 5, 17],
  [4, 1, 1, 5, 5, 5],
  [7, 1, 1, 7, 11, 19],
  [11, 1, 1, 5, 1, 1],
  [13, 1, 1, 1, 3, 11],
  [14, 1, 3, 5, 5, 31],
  [1, 1, 3, 3, 9, 7, 49],
  [13, 1, 1, 1, 15, 21, 21],
  [16, 1, 3, 1, 13, 27, 49],
  [19, 1, 1, 1, 15, 7, 5],
  [22, 1, 3, 1, 15, 13, 25],
  [25, 1, 1, 5, 5, 19, 61],
  [1, 1, 3, 7, 11, 23, 15, 103],
  [4, 1, 3, 7, 13, 13, 15, 69],
  [7, 1, 1, 3, 13, 7, 35, 63],
  [8, 1, 3, 5, 9, 1, 25, 53],
  [14, 1, 3, 1, 13, 9, 35, 107],
  [19, 1, 3, 1, 5, 27, 61, 31],
  [21, 1, 1, 5, 11, 19, 41, 61],
  [28, 1, 3, 5, 3, 3, 13, 69],
  [31, 1, 1, 7, 13, 1, 19, 1],
  [32, 1, 3, 7, 5, 13, 19, 59],
  [37, 1, 1, 3, 9, 25, 29, 41],
  [41, 1, 3, 5, 13, 23, 1, 55],
  [42, 1, 3, 7, 3, 13, 59, 17],
  [50, 1, 3, 1, 3, 5, 53, 69],
  [55, 1, 1, 5, 5, 23, 33, 13],
  [56, 1, 1, 7, 7, 1, 61, 123],
  [59, 1, 1, 7, 9, 13, 61, 49],
  [62, 1, 3, 3, 5, 3, 55, 33],
  [14, 1, 3, 1, 15, 31, 13, 49, 245],
  [21, 1, 3, 5, 15, 31, 59, 63, 97],
  [22, 1, 3, 1, 11, 11, 11, 77, 249],
  [38, 1, 3, 1, 11, 27, 43, 71, 9],
  [47, 1, 1, 7, 15, 21, 11, 81, 45],
  [49, 1, 3, 7, 3, 25, 31, 65, 79],
  [50, 1, 3, 1, 1, 19, 11, 3, 205],
  [52, 1, 1, 5, 9, 19, 21, 29, 157],
  [56, 1, 3, 7, 11, 1, 33, 89, 185],
  [67, 1, 3, 3, 3, 15, 9, 79, 71],
  [70, 1, 3, 7, 11, 15, 39, 119, 27],
  [84, 1, 1, 3, 1, 11, 31, 97, 225],
  [97, 1, 1, 1, 3, 23, 43, 57, 177],
  [103, 1, 3, 7, 7, 17, 17, 37, 71],
  [115, 1, 3, 1, 5, 27, 63, 123, 213],
  [122, 1, 1, 3, 5, 11, 43, 53, 133],
  [8, 1, 3, 5, 5, 29, 17, 47, 173, 479],
  [13, 1, 3, 3, 11, 3, 1, 109, 9, 69],
  [16, 1, 1, 1, 5, 17, 39, 23, 5, 343],
  [22, 1, 3, 1, 5, 25, 15, 31, 103, 499],
  [25, 1, 1, 1, 11, 11, 17, 63, 105, 183],
  [44, 1, 1, 5, 11, 9, 29, 97, 231, 363],
  [47, 1, 1, 5, 15, 19, 45, 41, 7, 383],
  [52, 1, 3, 7, 7, 31, 19, 83, 137, 221],
  [55, 1, 1, 1, 3, 23, 15, 111, 223, 83],
  [59, 1, 1, 5, 13, 31, 15, 55, 25, 161],
  [62, 1, 1, 3, 13, 25, 47, 39, 87, 257],
];

const BITS = 32;

/**
 * How many dimensions the table covers. Coordinates beyond it are pseudo-random: a longer point is still uniform, but not as evenly
 * spread in them.
 */
export const SOBOL_DIMENSIONS = DIRECTIONS.length + 1;

/**
 * A scrambled Sobol sequence of `dimension` coordinates in (0, 1), read by index.
 *
 * Nested uniform scrambling (Owen 1995): each bit is flipped or not by a hash of the bits above it, so every elementary interval of
 * volume 2^-k still holds exactly one of any aligned 2^k points of the one- and two-dimensional projections where Sobol's do.
 */
export class SobolSequence {
  private readonly directions: Uint32Array[];
  private readonly keys: number[];

  constructor(
    readonly dimension: number,
    private readonly seed: number,
  ) {
    this.directions = Array.from({ length: Math.min(dimension, SOBOL_DIMENSIONS) }, (_, j) => directionNumbers(j));
    this.keys = this.directions.map((_, j) => mix32(mix32(seed, 0x50b01), j));
  }

  /** Writes point number `index` into out[offset .. offset + dimension). */
  write(index: number, out: Float64Array, offset = 0): void {
    for (let j = 0; j < this.directions.length; j++) {
      out[offset + j] = (scramble(this.raw(index, j), this.keys[j]) + 0.5) / 2 ** BITS;
    }
    if (this.dimension > this.directions.length) {
      const random = new Random(this.seed, index, 0x50b02);
      for (let j = this.directions.length; j < this.dimension; j++) out[offset + j] = random.next();
    }
  }

  /** Point number `index`, [dimension]. */
  point(index: number): Float64Array {
    const out = new Float64Array(this.dimension);
    this.write(index, out);
    return out;
  }

  private raw(index: number, j: number): number {
    const v = this.directions[j];
    let x = 0;
    for (let bit = 0, rest = index; rest > 0; bit++, rest >>>= 1) if (rest & 1) x ^= v[bit];
    return x >>> 0;
  }
}

/** The direction numbers v_1 .. v_32 of coordinate j, v_k = m_k 2^(32-k), where m_k follows Sobol's recurrence over the polynomial. */
function directionNumbers(j: number): Uint32Array {
  const v = new Uint32Array(BITS);
  if (j === 0) {
    for (let k = 0; k < BITS; k++) v[k] = 1 << (BITS - 1 - k);
    return v;
  }
  const [a, ...m] = DIRECTIONS[j - 1];
  const degree = m.length;
  for (let k = 0; k < BITS; k++) {
    if (k < degree) {
      v[k] = m[k] << (BITS - 1 - k);
      continue;
    }
    v[k] = v[k - degree] ^ (v[k - degree] >>> degree);
    for (let i = 1; i < degree; i++) if ((a >>> (degree - 1 - i)) & 1) v[k] ^= v[k - i];
  }
  return v;
}

/** Flips each bit of x or not, by a hash of the key and the bits above it. */
function scramble(x: number, key: number): number {
  let out = 0;
  for (let bit = 0; bit < BITS; bit++) {
    // The prefix above this bit, with a leading one so that prefixes of different lengths never collide.
    const prefix = bit === 0 ? 1 : (1 << bit) | (x >>> (BITS - bit));
    out = (out << 1) | (((x >>> (BITS - 1 - bit)) & 1) ^ (mix32(key, prefix) & 1));
  }
  return out >>> 0;
}
