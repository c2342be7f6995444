/** The half-precision types of checkpoints, as safetensors names them. */
export type HalfType = 'F16' | 'BF16';

/** The value of a 16-bit pattern, computed from the type's sign, exponent and fraction. */
export function decodeHalf(dtype: HalfType, pattern: number): number {
  const [fractionBits, bias] = dtype === 'F16' ? [10, 15] : [7, 127];
  const sign = pattern & 0x8000 ? -1 : 1;
  const exponent = (pattern & 0x7fff) >> fractionBits;
  const fraction = (pattern & ((1 << fractionBits) - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** (15 - fractionBits) - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}
