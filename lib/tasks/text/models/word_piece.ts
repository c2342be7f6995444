import type { ModelOf } from '../format.js';
import { idsOf, tokensOf, unknownWord, YIELD_EVERY, type TokenModel } from './model.js';

/** Cuts the longest known token from the front of a piece again and again; what cannot be cut so is unknown as a whole. */
export class WordPiece implements TokenModel {
  readonly #ids: Map<string, number>;
  #tokens: Map<number, string> | undefined;
  readonly #settings: ModelOf<'WordPiece'>;
  /** The length of the longest token in UTF-16 units, beyond which there is nothing to look up. */
  readonly #longest: number;

  /** Throws FormatError. */
  constructor(settings: ModelOf<'WordPiece'>) {
    this.#settings = settings;
    this.#ids = idsOf(settings.vocab);
    let longest = 0;
    for (const token of this.#ids.keys()) longest = Math.max(longest, token.length);
    this.#longest = longest;
  }

  get size(): number {
    return this.#ids.size;
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    this.#tokens ??= tokensOf(this.#ids);
    return this.#tokens.get(id);
  }

  *encode(piece: string): Generator<void, number[]> {
    const { max_input_chars_per_word: most, continuing_subword_prefix: prefix } = this.#settings;
    if (charactersBeyond(piece, most)) return [this.#unknown(piece)];
    const ids: number[] = [];
    let work = 0;
    for (let start = 0; start < piece.length;) {
      const found = this.#longestAt(piece, start, start > 0 ? prefix : '');
      if (!found) return [this.#unknown(piece)];
      ids.push(found.id);
      work += this.#longest;
      if (work >= YIELD_EVERY) {
        work = 0;
        yield;
      }
      start = found.end;
    }
    return ids;
  }

  #longestAt(piece: string, start: number, prefix: string): { id: number; end: number } | undefined {
    for (let end = Math.min(piece.length, start + this.#longest); end > start; end--) {
      const id = this.#ids.get(prefix + piece.slice(start, end));
      if (id !== undefined) return { id, end };
    }
    return undefined;
  }

  #unknown(piece: string): number {
    const id = this.#ids.get(this.#settings.unk_token);
    if (id === undefined) throw unknownWord(piece);
    return id;
  }
}

/** Whether a text has more than `most` characters, which are not UTF-16 units. */
function charactersBeyond(text: string, most: number): boolean {
  if (text.length <= most) return false;
  let count = 0;
  for (let at = 0; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) if (++count > most) return true;
  return false;
}
