import { DfMergeError } from './errors.js';
import { MAX_SEED } from './random.js';

/** The numbers that an option takes, both limits included. */
export interface NumberRange {
  least?: number;
  most?: number;
}

/**
 * Returns the value of an option that must be a finite number within a range.
 * @param name the option as the user knows it
 * Errors: INVALID_ARGUMENT naming the option, its value and what was expected.
 */
export function numberOption(name: string, value: unknown, range: NumberRange = {}): number {
  return checked(name, { value, kind: 'a number', holds: Number.isFinite }, range);
}

/** Returns the value of an option that must be a whole number within a range. Errors: as numberOption has them. */
export function wholeOption(name: string, value: unknown, range: NumberRange = {}): number {
  return checked(name, { value, kind: 'a whole number', holds: Number.isSafeInteger }, range);
}

/** Returns a seed, which is a whole number from 0 to 2^32 − 1. Errors: as numberOption has them. */
export function seedOption(value: unknown, name = 'seed'): number {
  return wholeOption(name, value, { least: 0, most: MAX_SEED });
}

function checked(
  name: string,
  { value, kind, holds }: { value: unknown; kind: string; holds: (value: unknown) => boolean },
  { least = -Infinity, most = Infinity }: NumberRange,
): number {
  const number = value as number;
  if (holds(value) && number >= least && number <= most) return number;
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  throw new DfMergeError('INVALID_ARGUMENT', `${name} ${shown}: expected ${kind}${rangeWords({ least, most })}`);
}

function rangeWords({ least, most }: Required<NumberRange>): string {
  if (Number.isFinite(least) && Number.isFinite(most)) return ` from ${least} to ${most}`;
  if (Number.isFinite(least)) return ` of at least ${least}`;
  return Number.isFinite(most) ? ` of at most ${most}` : '';
}
