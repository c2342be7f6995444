import { WHITE_SPACE, WORD } from './characters.js';
import type { AddedToken } from './format.js';

/** A part of a text: an added token's id, or the text between two of them, from the place where it begins. */
export type Section = { id: number } | { text: string; start: number };

/** Finds added tokens in texts: the leftmost, and of those that begin together the longest. */
export class AddedTokens {
  readonly #tokens: ReadonlyMap<string, AddedToken>;
  readonly #regExp: RegExp | undefined;

  /** @param tokens the tokens by what is to be found of them, which no two share */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
    const escaped = longestFirst.map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
    this.#regExp = tokens.size > 0 ? new RegExp(escaped.join('|'), 'gu') : undefined;
  }

  /** The sections of a text, in order. None is empty. */
  *sections(text: string): Generator<Section> {
    let done = 0;
    for (const match of this.#regExp ? text.matchAll(this.#regExp) : []) {
      const token = this.#tokens.get(match[0])!;
      let start = match.index;
      let end = start + match[0].length;
      if (token.single_word && (isWord(before(text, start)) || isWord(after(text, end)))) continue;
      // White space that the last token took already stays with it.
      if (token.lstrip) while (start > done && isWhiteSpace(text[start - 1])) start--;
      if (token.rstrip) while (end < text.length && isWhiteSpace(text[end])) end++;
      if (done < start) yield { text: text.slice(done, start), start: done };
      yield { id: token.id };
      done = end;
    }
    if (done < text.length) yield { text: text.slice(done), start: done };
  }
}

const ONE_WORD_CHARACTER = new RegExp(`^[${WORD}]$`, 'u');
const ONE_WHITE_SPACE = new RegExp(`^${WHITE_SPACE}$`, 'u');
const isWord = (character: string) => ONE_WORD_CHARACTER.test(character);
const isWhiteSpace = (character: string) => ONE_WHITE_SPACE.test(character);

function after(text: string, at: number): string {
  return at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : '';
}

function before(text: string, at: number): string {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xdc00 && unit <= 0xdfff ? text.slice(at - 2, at) : text.slice(at - 1, at);
}
