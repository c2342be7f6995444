import { createHash } from 'node:crypto';
import { Pace } from './pace.js';

/** How many bytes are digested before the pace is asked; they take a few milliseconds. */
const BYTES = 2 ** 22;

/** The SHA-256 of some bytes one after another. Throws the reason of the pace's signal. */
export async function sha256(parts: readonly Uint8Array[], pace = new Pace()): Promise<Buffer> {
  const hash = createHash('sha256');
  for (const part of parts) {
    for (let start = 0; start < part.length; start += BYTES) {
      hash.update(part.subarray(start, start + BYTES));
      if (pace.isOver) await pace.rest();
    }
  }
  return hash.digest();
}
