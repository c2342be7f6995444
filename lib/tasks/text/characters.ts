/** Classes of characters as the crates under Rust `tokenizers` have them. JavaScript's `\s` and `\w` are others. */
export const WHITE_SPACE = '\\p{White_Space}';
export const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
export const PUNCTUATION = '\\p{P}$+<=>^`|~';

/**
 * Tells which of some classes a code point is in. What was told once is remembered, because a regular expression is slow to ask.
 * @param classes insides of character classes; the first that fits counts
 * @returns the number of the class from 1, or 0 for none
 */
export function classifier(classes: readonly string[]): (codePoint: number) => number {
  const tests = classes.map((inside) => new RegExp(`^[${inside}]$`, 'u'));
  const known = new Uint8Array(0x110000);
  return (codePoint) => {
    const seen = known[codePoint];
    if (seen > 0) return seen - 1;
    const found = tests.findIndex((one) => one.test(String.fromCodePoint(codePoint))) + 1;
    known[codePoint] = found + 1;
    return found;
  };
}

/** The characters that stand for the 256 bytes in byte-level tokenizers: printable ones for themselves, and others from U+0100. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();

/** The text's bytes in UTF-8 as BYTE_CHARACTERS. */
export function byteLevel(text: string): string {
  let result = '';
  for (const byte of Buffer.from(text)) result += BYTE_CHARACTERS[byte];
  return result;
}
