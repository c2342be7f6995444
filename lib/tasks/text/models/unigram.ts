import { FormatError, type ModelOf } from '../format.js';
import { byteIds, unknownWord, YIELD_EVERY, type TokenModel } from './model.js';
import { Trie } from './trie.js';

/** How much worse than the worst token a character is that no token begins with. */
const UNKNOWN_PENALTY = 10;

/**
 * SentencePiece's unigram model: of all ways to write a piece as tokens the one whose scores have the greatest sum. Unknown characters that
 * follow one another are one unknown token.
 */
export class Unigram implements TokenModel {
  readonly size: number;
  readonly #ids = new Map<string, number>();
  /** The tokens by id; two may be equal. */
  readonly #tokens: string[] = [];
  readonly #scores: Float64Array;
  readonly #trie: Trie;
  readonly #unknown: number | undefined;
  readonly #unknownScore: number;
  readonly #byteFallback: boolean;

  /** Throws FormatError. */
  constructor({ vocab, unk_id: unknown, byte_fallback: byteFallback = false }: ModelOf<'Unigram'>) {
    if (typeof unknown === 'number' && unknown >= vocab.length)
      throw new FormatError('model.unk_id', `${unknown} is beyond the ${vocab.length} tokens`);
    this.size = vocab.length;
    this.#unknown = unknown ?? undefined;
    this.#byteFallback = byteFallback;
    this.#scores = new Float64Array(vocab.length);
    this.#trie = new Trie(4 * vocab.length);
    let least = Infinity;
    for (const [id, entry] of vocab.entries()) {
      const [token, score] = Array.isArray(entry) && entry.length === 2 ? (entry as unknown[]) : [];
      if (typeof token !== 'string' || typeof score !== 'number')
        throw new FormatError(`model.vocab[${id}]`, 'expected a token and its score');
      this.#ids.set(token, id);
      this.#tokens.push(token);
      this.#scores[id] = score;
      if (token !== '') this.#trie.set(token, id);
      least = Math.min(least, score);
    }
    this.#unknownScore = least - UNKNOWN_PENALTY;
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  *encode(piece: string): Generator<void, number[]> {
    const size = piece.length;
    const trie = this.#trie;
    // The best way to write what lies before each place: its score, where its last token begins (-1: there is none yet) and that token.
    const best = new Float64Array(size + 1);
    const begins = new Int32Array(size + 1).fill(-1);
    const last = new Int32Array(size + 1);
    let work = 0;
    for (let start = 0; start < size;) {
      const next = start + (piece.codePointAt(start)! > 0xffff ? 2 : 1);
      let known = false;
      let node = 0;
      for (let end = start; end < size;) {
        node = trie.step(node, piece.charCodeAt(end++));
        work++;
        if (node === -1) break;
        const id = trie.valueAt(node);
        if (id === -1) continue;
        const score = this.#scores[id] + best[start];
        if (begins[end] === -1 || score > best[end]) {
          best[end] = score;
          begins[end] = start;
          last[end] = id;
        }
        known ||= end === next;
      }
      const unknown = this.#unknownScore + best[start];
      if (!known && (begins[next] === -1 || unknown > best[next])) {
        if (this.#unknown === undefined) throw unknownWord(piece);
        best[next] = unknown;
        begins[next] = start;
        last[next] = this.#unknown;
      }
      if (work >= YIELD_EVERY) {
        work = 0;
        yield;
      }
      start = next;
    }
    return this.#tokensOf(piece, begins, last);
  }

  /** The ids of the best way, read from its end. */
  #tokensOf(piece: string, begins: Int32Array, last: Int32Array): number[] {
    const ids: number[] = [];
    let unknownEnd = -1;
    let end = piece.length;
    const flush = (): void => {
      if (unknownEnd === -1) return;
      const fused = this.#idsOfUnknown(piece.slice(end, unknownEnd));
      for (let i = fused.length - 1; i >= 0; i--) ids.push(fused[i]);
      unknownEnd = -1;
    };
    while (end > 0) {
      if (last[end] === this.#unknown) {
        if (unknownEnd === -1) unknownEnd = end;
      } else {
        flush();
        ids.push(last[end]);
      }
      end = begins[end];
    }
    flush();
    return ids.reverse();
  }

  #idsOfUnknown(text: string): number[] {
    const id = this.#ids.get(text);
    if (id !== undefined) return [id];
    return (this.#byteFallback ? byteIds(text, this) : undefined) ?? [this.#unknown!];
  }
}
