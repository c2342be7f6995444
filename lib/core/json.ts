import { DfMergeError } from './errors.js';

/**
 * A value as indented JSON with a newline behind it. Errors: NUMERIC naming the key of a number that is not finite, which `JSON.stringify`
 * would turn into null without a word.
 */
export function jsonText(value: unknown): string {
  checkFinite(value, '');
  return `${JSON.stringify(value, null, 2)}\n`;
}

function checkFinite(value: unknown, key: string): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new DfMergeError('NUMERIC', `${key || 'the result'} is ${value}, which JSON has no word for`);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  for (const [name, inner] of Object.entries(value)) checkFinite(inner, key === '' ? name : `${key}.${name}`);
}
