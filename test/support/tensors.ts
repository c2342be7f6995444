import { readFile } from 'node:fs/promises';
import { readHeader } from '../../lib/checkpoint/safetensors.js';

/** The float tensors of a small safetensors file by name. */
export class Tensors {
  constructor(private readonly byName: Map<string, Float32Array>) {}
  get(name: string): Float32Array {
    const values = this.byName.get(name);
    if (!values) throw new Error(`no tensor ${name}`);
    return values;
  }
  names(): string[] {
    return [...this.byName.keys()];
  }
}

/** Reads the float tensors of a file; those of float64 are rounded to float32. */
export async function readTensors(file: string): Promise<Tensors> {
  const bytes = await readFile(file);
  const { tensors } = await readHeader(file);
  const byName = new Map<string, Float32Array>();
  for (const { name, dtype, begin, end } of tensors.values()) {
    const copy = Uint8Array.prototype.slice.call(bytes, begin, end);
    if (dtype === 'F32') byName.set(name, new Float32Array(copy.buffer, copy.byteOffset, copy.length / 4));
    if (dtype === 'F64')
      byName.set(name, Float32Array.from(new Float64Array(copy.buffer, copy.byteOffset, copy.length / 8)));
  }
  return new Tensors(byName);
}

/** The relative error ‖a − b‖ / ‖b‖, which is NaN where the lengths differ, so that no comparison with a bound holds. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.NaN;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
}
