const bits = new DataView(new ArrayBuffer(4));

/**
 * The nearest bfloat16, and of two equally near ones that of even significand. It is computed from the definition of the type, which has 8
 * bits of significand and the exponents of float32.
 */
export function roundToBfloat16(value: number): number {
  if (value === 0 || !Number.isFinite(value)) return value;
  bits.setFloat32(0, value);
  const exponent = Math.max(((bits.getUint32(0) >>> 23) & 0xff) - 127, -126);
  const unit = 2 ** (exponent - 7);
  const units = value / unit; // This quotient is exact in float64.
  const below = Math.floor(units);
  const rest = units - below;
  const nearest = rest > 0.5 || (rest === 0.5 && below % 2 !== 0) ? below + 1 : below;
  const rounded = nearest * unit;
  return Math.abs(rounded) >= 2 ** 128 ? Math.sign(value) * Infinity : rounded;
}

/** The instructions for bfloat16 take operands and sums below this for zero. */
export const SMALLEST_NORMAL = 2 ** -126;
