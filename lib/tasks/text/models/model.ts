import { DfMergeError } from '../../../core/errors.js';
import { FormatError } from '../format.js';

/** Turns pieces of text into ids. */
export interface TokenModel {
  /** How many tokens there are, added ones aside; those of equal text count one by one. */
  readonly size: number;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /**
   * The ids of a piece that is not empty. It yields after every few thousand characters of its work.
   * Errors: INVALID_DATA where a word is unknown and the vocabulary has no token for unknown words.
   */
  encode(piece: string): Generator<void, number[]>;
}

/** After how many characters of work a model yields. */
export const YIELD_EVERY = 4096;

/** The ids of a vocabulary by token. Throws FormatError. */
export function idsOf(vocab: Record<string, unknown>): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    if (!isId(id))
      throw new FormatError('model.vocab', `the id of ${JSON.stringify(token)} is no integer from 0 to 2^26 - 1`);
    ids.set(token, id);
  }
  return ids;
}

/** A table of tokens by id. */
export function tokensOf(ids: ReadonlyMap<string, number>): Map<number, string> {
  return new Map([...ids].map(([token, id]) => [id, token]));
}

/** Ids are below 2²⁶, so that two of them fit into one number. */
function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 26;
}

export function unknownWord(piece: string): DfMergeError {
  const known = `the tokenizer has no token for unknown words and does not know one of ${JSON.stringify(piece.slice(0, 80))}`;
  return new DfMergeError('INVALID_DATA', known);
}

/** The ids of the tokens `<0x00>` to `<0xFF>` that stand for the bytes of a text, or undefined where one of them is missing. */
export function byteIds(text: string, model: Pick<TokenModel, 'idOf'>): number[] | undefined {
  const ids: number[] = [];
  for (const byte of Buffer.from(text)) {
    const id = model.idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
    if (id === undefined) return undefined;
    ids.push(id);
  }
  return ids;
}
