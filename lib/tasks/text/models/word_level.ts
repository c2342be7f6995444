import type { ModelOf } from '../format.js';
import { idsOf, tokensOf, unknownWord, type TokenModel } from './model.js';

/** Every piece is one token. */
export class WordLevel implements TokenModel {
  readonly #ids: Map<string, number>;
  #tokens: Map<number, string> | undefined;
  readonly #unknown: number | undefined;

  /** Throws FormatError. */
  constructor({ vocab, unk_token: unknown }: ModelOf<'WordLevel'>) {
    this.#ids = idsOf(vocab);
    this.#unknown = unknown === undefined ? undefined : this.#ids.get(unknown);
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

  // eslint-disable-next-line require-yield
  *encode(piece: string): Generator<void, number[]> {
    const id = this.#ids.get(piece) ?? this.#unknown;
    if (id === undefined) throw unknownWord(piece);
    return [id];
  }
}
