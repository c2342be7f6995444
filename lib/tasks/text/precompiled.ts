/**
 * SentencePiece's precompiled character map, as a tokenizer.json carries it: replacements of characters and of short sequences. T5's map is
 * NFKC with a treatment of its own for spaces and control characters.
 *
 * `String.normalize('NFKC')` alone would give other ids for zero-width joiners (emoji), stacked accents and some full-width text. The map is
 * applied as Rust `tokenizers` does, on whose ids models were trained: a grapheme under 6 bytes is replaced by what its *shortest* mapped prefix turns into; in any other grapheme, and where no
 * prefix is mapped, single characters are replaced.
 *
 * The layout is base64 of [u32: bytes of the trie][trie: u32 units of a Darts double array][replacements in UTF-8, each ended by a zero].
 */
export class PrecompiledMap {
  readonly #trie: Uint32Array;
  readonly #replacements: Buffer;
  /** True where printable ASCII maps to itself, so that most text needs no look-up. */
  readonly #asciiStays: boolean;

  /** @throws RangeError where the map's sizes do not fit its bytes */
  constructor(base64: string) {
    const bytes = Buffer.from(base64, 'base64');
    const trieBytes = bytes.length >= 4 ? bytes.readUInt32LE(0) : 0;
    if (trieBytes === 0 || trieBytes % 4 !== 0 || trieBytes + 4 > bytes.length)
      throw new RangeError('precompiled_charsmap is cut short');
    this.#trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
    this.#replacements = bytes.subarray(4 + trieBytes);
    this.#asciiStays = this.#mapText(PRINTABLE) === PRINTABLE;
  }

  /** The text with every mapped sequence replaced. */
  normalize(text: string): string {
    if (!this.#asciiStays) return this.#mapText(text);
    let result = '';
    let done = 0;
    for (const [start, end] of runsBeyondAscii(text)) {
      result += text.slice(done, start) + this.#mapText(text.slice(start, end));
      done = end;
    }
    return done === 0 ? text : result + text.slice(done);
  }

  #mapText(text: string): string {
    let result = '';
    for (const { segment } of graphemes.segment(text)) {
      const whole = Buffer.byteLength(segment) < MAX_WHOLE_GRAPHEME_BYTES ? this.#replacement(segment) : undefined;
      if (whole !== undefined) result += whole;
      else for (const character of segment) result += this.#replacement(character) ?? character;
    }
    return result;
  }

  /** What the shortest mapped prefix of `text` turns into, which then stands for all of it; undefined where none is mapped. */
  #replacement(text: string): string | undefined {
    const trie = this.#trie;
    let at = unitOffset(trie[0]);
    for (const byte of Buffer.from(text)) {
      at ^= byte;
      const unit = trie[at] ?? 0;
      if (byte === 0 || unitLabel(unit) !== byte) return undefined;
      at ^= unitOffset(unit);
      if (unitHasLeaf(unit)) return this.#replacementAt(unitValue(trie[at] ?? 0));
    }
    return undefined;
  }

  #replacementAt(start: number): string {
    const end = this.#replacements.indexOf(0, start);
    return this.#replacements.toString('utf8', start, end < 0 ? undefined : end);
  }
}

const MAX_WHOLE_GRAPHEME_BYTES = 6;
const PRINTABLE = String.fromCharCode(...Array.from({ length: 0x7f - 0x20 }, (_, i) => 0x20 + i));
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

// The fields of a Darts-clone unit.
const unitOffset = (unit: number) => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
const unitLabel = (unit: number) => (unit & 0x800000ff) >>> 0;
const unitHasLeaf = (unit: number) => ((unit >>> 8) & 1) === 1;
const unitValue = (unit: number) => unit & 0x7fffffff;

const isPrintable = (unit: number) => unit >= 0x20 && unit <= 0x7e;

/**
 * Runs of anything but printable ASCII, with one neighbour on each side, because an accent belongs to the letter before it; a single
 * printable character between two runs belongs to both. (A regular expression for a long run would take a stack as long.)
 */
function* runsBeyondAscii(text: string): Generator<[start: number, end: number]> {
  for (let at = 0; at < text.length; at++) {
    if (isPrintable(text.charCodeAt(at))) continue;
    const start = Math.max(at - 1, 0);
    let end = at + 1;
    while (end < text.length && !(isPrintable(text.charCodeAt(end)) && isPrintable(text.charCodeAt(end + 1)))) end++;
    end = Math.min(end + 1, text.length);
    yield [start, end];
    at = end - 1;
  }
}
