import { FormatError, type ModelOf } from '../format.js';
import { MergeQueue } from './merge_queue.js';
import { byteIds, idsOf, tokensOf, unknownWord, YIELD_EVERY, type TokenModel } from './model.js';

/** Byte pair encoding: starts from characters and merges neighbours, the pair of the lowest rank first, of those the leftmost. */
export class BytePairs implements TokenModel {
  readonly #ids: Map<string, number>;
  #tokens: Map<number, string> | undefined;
  readonly #settings: ModelOf<'BPE'>;
  /** The ranks of pairs, by pairKey. */
  readonly #ranks = new Map<number, number>();
  /** The token that a merge of each rank makes. */
  readonly #merged: number[] = [];
  readonly #unknown: number | undefined;

  /** Throws FormatError. */
  constructor(settings: ModelOf<'BPE'>) {
    this.#settings = settings;
    if (settings.dropout)
      throw new FormatError('model.dropout', 'merges that are left out at random are not supported');
    this.#ids = idsOf(settings.vocab);
    const prefix = settings.continuing_subword_prefix ?? '';
    for (const [left, right] of mergesOf(settings.merges)) {
      if (!right.startsWith(prefix))
        throw new FormatError('model.merges', `${JSON.stringify(right)} lacks the prefix ${JSON.stringify(prefix)}`);
      const rank = this.#merged.length;
      this.#ranks.set(pairKey(this.#idOfMerge(left), this.#idOfMerge(right)), rank);
      this.#merged.push(this.#idOfMerge(left + right.slice(prefix.length)));
    }
    this.#unknown = typeof settings.unk_token === 'string' ? this.#ids.get(settings.unk_token) : undefined;
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
    const whole = this.#settings.ignore_merges ? this.#ids.get(piece) : undefined;
    if (whole !== undefined) return [whole];
    return yield* this.#merge(yield* this.#characters(piece));
  }

  #idOfMerge(token: string): number {
    const id = this.#ids.get(token);
    if (id === undefined) throw new FormatError('model.merges', `${JSON.stringify(token)} is not in the vocabulary`);
    return id;
  }

  /** The ids of a piece's characters, each with the model's prefix and suffix. */
  *#characters(piece: string): Generator<void, number[]> {
    const { fuse_unk: fuses, byte_fallback: bytes } = this.#settings;
    const prefix = this.#settings.continuing_subword_prefix ?? '';
    const suffix = this.#settings.end_of_word_suffix ?? '';
    const ids: number[] = [];
    // An unknown token waits until something known follows it. Bytes do not count as known, and so overtake it.
    let waiting = false;
    const flush = (): void => {
      if (waiting) ids.push(this.#unknown!);
      waiting = false;
    };
    let work = 0;
    for (let start = 0; start < piece.length;) {
      const end = start + (piece.codePointAt(start)! > 0xffff ? 2 : 1);
      const token = (start > 0 ? prefix : '') + piece.slice(start, end) + (end === piece.length ? suffix : '');
      start = end;
      if (++work % YIELD_EVERY === 0) yield;
      const id = this.#ids.get(token);
      if (id !== undefined) {
        flush();
        ids.push(id);
        continue;
      }
      const fallback = bytes ? byteIds(token, this) : undefined;
      if (fallback) {
        for (const byte of fallback) ids.push(byte);
        continue;
      }
      if (typeof this.#settings.unk_token !== 'string') continue; // A character without a token is left out.
      if (this.#unknown === undefined) throw unknownWord(piece);
      if (!fuses) flush();
      waiting = true;
    }
    flush();
    return ids;
  }

  *#merge(ids: number[]): Generator<void, number[]> {
    const queue = new MergeQueue();
    const next = Int32Array.from(ids, (_, i) => i + 1);
    const previous = Int32Array.from(ids, (_, i) => i - 1);
    const gone = new Uint8Array(ids.length);
    const offer = (at: number): void => {
      const right = next[at];
      const rank = right < ids.length ? this.#ranks.get(pairKey(ids[at], ids[right])) : undefined;
      if (rank !== undefined) queue.push(rank, at);
    };
    for (let at = 0; at + 1 < ids.length; at++) {
      offer(at);
      if (at % YIELD_EVERY === 0) yield;
    }
    let work = 0;
    for (let top = queue.pop(); top; top = queue.pop()) {
      if (++work % YIELD_EVERY === 0) yield;
      const { rank, at } = top;
      const right = next[at];
      if (gone[at] === 1 || right >= ids.length) continue;
      // The pair may have changed since it was offered, but still make the same token.
      const now = this.#ranks.get(pairKey(ids[at], ids[right]));
      if (now === undefined || this.#merged[now] !== this.#merged[rank]) continue;
      ids[at] = this.#merged[rank];
      gone[right] = 1;
      next[at] = next[right];
      if (next[right] < ids.length) previous[next[right]] = at;
      if (previous[at] >= 0) offer(previous[at]);
      offer(at);
    }
    return ids.filter((_, i) => gone[i] === 0);
  }
}

function pairKey(left: number, right: number): number {
  return left * 2 ** 26 + right;
}

function* mergesOf(merges: readonly unknown[]): Generator<[string, string]> {
  const legacy = merges.every((merge) => typeof merge === 'string');
  for (const [i, merge] of merges.entries()) {
    if (legacy && (merge as string).startsWith('#version')) continue;
    const parts: unknown = legacy ? (merge as string).split(' ') : merge;
    if (!Array.isArray(parts) || parts.length !== 2 || parts.some((part) => typeof part !== 'string'))
      throw new FormatError(`model.merges[${i}]`, 'expected two tokens');
    yield parts as [string, string];
  }
}
