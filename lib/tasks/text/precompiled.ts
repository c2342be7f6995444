/**
 * SentencePiece's precompiled character map, as a tokenizer.json carries it: replacements of characters and of short sequences. T5's map is
 * NFKC with a treatment of its own for spaces and control characters.
 *
 * @huggingface/tokenizers approximates the map by `String.normalize('NFKC')`, which gives other ids for zero-width joiners (emoji),
 * stacked accents and some full-width text. Here the map itself is read, and applied as the Rust `tokenizers` does, on whose ids models
 * were trained: a grapheme under 6 bytes is replaced by what its *shortest* mapped prefix turns into; in any other grapheme, and where no
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
    const trieBytes = bytes.readUInt32LE(0);
    if (trieBytes === 0 || trieBytes % 4 !== 0 || trieBytes + 4 > bytes.length)
      throw new RangeError('precompiled_charsmap is cut short');
    this.#trie = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
    this.#replacements = bytes.subarray(4 + trieBytes);
    this.#asciiStays = this.#mapText(PRINTABLE) === PRINTABLE;
  }

  /** The text with every mapped sequence replaced. */
  normalize(text: string): string {
    return this.#asciiStays ? text.replace(BEYOND_ASCII, (run) => this.#mapText(run)) : this.#mapText(text);
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
/** Runs of anything but printable ASCII, with one neighbour on each side, because an accent belongs to the letter before it. */
const BEYOND_ASCII = /[\x20-\x7e]?[^\x20-\x7e]+(?:[\x20-\x7e][^\x20-\x7e]+)*[\x20-\x7e]?/g;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

// The fields of a Darts-clone unit.
const unitOffset = (unit: number) => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
const unitLabel = (unit: number) => (unit & 0x800000ff) >>> 0;
const unitHasLeaf = (unit: number) => ((unit >>> 8) & 1) === 1;
const unitValue = (unit: number) => unit & 0x7fffffff;
