import { toUSVString } from 'node:util';
import { AddedTokens } from './added_tokens.js';
import { decodingSteps, type DecodingStep } from './decoders.js';
import { DfMergeError } from '../../core/errors.js';
import type { FurtherTokens } from './further_tokens.js';
import { FormatError, parseFormat, type AddedToken, type Model, type TokenizerFormat } from './format.js';
import { BytePairs } from './models/bpe.js';
import { YIELD_EVERY, type TokenModel } from './models/model.js';
import { Unigram } from './models/unigram.js';
import { WordLevel } from './models/word_level.js';
import { WordPiece } from './models/word_piece.js';
import { normalize, normalizingSteps, type NormalizingStep } from './normalizers.js';
import { aroundText, type Around } from './post_processor.js';
import { cut, cuttingSteps, type CuttingStep, type Piece } from './pre_tokenizers.js';
import { finish } from './slices.js';

const NONE: FurtherTokens = { tokens: [], all: false };
const MAX_KNOWN_LENGTH = 64;
const MAX_KNOWN_PIECES = 2 ** 14;

/**
 * What a tokenizer.json says, with the ids of Rust `tokenizers`: added tokens are taken out of a text as it is and then as it is normalized,
 * what lies between them is normalized and cut into pieces, and the model turns every piece into ids.
 */
export class Pipeline {
  /** The ids that belong around those of a text. */
  readonly around: Around;
  readonly #model: TokenModel;
  readonly #normalizer: NormalizingStep[];
  readonly #preTokenizer: CuttingStep[];
  readonly #added = new Map<string, number>();
  readonly #verbatim: AddedTokens;
  readonly #normalized: AddedTokens;
  readonly #addedById = new Map<number, AddedToken>();
  readonly #decoder: unknown;
  #decodingSteps: DecodingStep[] | undefined;
  /** The ids of short pieces that came lately. */
  readonly #known = new Map<string, readonly number[]>();

  /**
   * @param further tokens that other files add after those of tokenizer.json, where they are not known yet, or put in their place
   * Throws FormatError, and DfMergeError where a key is malformed or another file is at fault.
   */
  constructor(json: Record<string, unknown>, file: string, further: FurtherTokens = NONE) {
    const format = parseFormat(json, file);
    this.#normalizer = normalizingSteps(format.normalizer);
    this.#preTokenizer = cuttingSteps(format.pre_tokenizer);
    this.around = aroundText(format.post_processor);
    this.#model = modelOf(format.model);
    const tokens = addedTokens(format, further, this.#model);
    for (const token of tokens) {
      this.#added.set(token.content, token.id);
      this.#addedById.set(token.id, token);
    }
    this.#decoder = format.decoder;
    const normalized = tokens.filter((token) => token.normalized);
    this.#verbatim = new AddedTokens(
      new Map(tokens.filter((t) => !t.normalized).map((token) => [token.content, token])),
    );
    this.#normalized = new AddedTokens(byNormalized(normalized, this.#normalizer));
  }

  idOf(token: string): number | undefined {
    return this.#added.get(token) ?? this.#model.idOf(token);
  }

  /**
   * The ids of a text without those around it, or at least the first `limit` of them. It yields after every few thousand characters of work.
   * Errors: INVALID_DATA for a word that is not in a vocabulary without an unknown token.
   */
  *encode(text: string, limit = Infinity): Generator<void, number[]> {
    const ids: number[] = [];
    let work = 0;
    for (const part of this.#parts(toUSVString(text))) {
      if (ids.length >= limit) break;
      if (part === undefined) yield;
      else if (typeof part === 'number') ids.push(part);
      else {
        for (const id of yield* this.#idsOf(part.text)) ids.push(id);
        work += part.text.length + 8;
        if (work >= YIELD_EVERY) {
          work = 0;
          yield;
        }
      }
    }
    return ids;
  }

  /**
   * The text of ids as transformers gives it without special tokens; ids that no token has are passed over.
   * Throws FormatError where the decoder of tokenizer.json is malformed or not known.
   */
  decode(ids: Iterable<number>): string {
    this.#decodingSteps ??= decodingSteps(this.#decoder);
    const tokens: string[] = [];
    for (const id of ids) {
      const added = this.#addedById.get(id);
      const token = added?.content ?? this.#model.tokenOf(id);
      if (token !== undefined && !added?.special) tokens.push(token);
    }
    return this.#decodingSteps.reduce((parts, step) => step(parts), tokens).join('');
  }

  /** Ids of added tokens and pieces for the model, in order, and undefined where the work may rest. */
  *#parts(text: string): Generator<number | Piece | undefined> {
    for (const section of this.#verbatim.sections(text)) {
      if ('id' in section) {
        yield section.id;
        continue;
      }
      const normalized = yield* resting(normalize(section.text, this.#normalizer));
      for (const part of this.#normalized.sections(normalized.text)) {
        if ('id' in part) yield part.id;
        else {
          const first = section.start === 0 && normalized.first && part.start === 0;
          yield* cut({ text: part.text, first }, this.#preTokenizer);
        }
      }
    }
  }

  *#idsOf(piece: string): Generator<void, readonly number[]> {
    if (piece.length > MAX_KNOWN_LENGTH) return yield* this.#model.encode(piece);
    let ids = this.#known.get(piece);
    if (!ids) {
      ids = yield* this.#model.encode(piece);
      if (this.#known.size >= MAX_KNOWN_PIECES) this.#known.clear();
      this.#known.set(piece, ids);
    }
    return ids;
  }
}

function* resting<T>(work: Generator<void, T>): Generator<undefined, T> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    yield undefined;
  }
}

function modelOf(model: Model): TokenModel {
  switch (model.type) {
    case 'Unigram':
      return new Unigram(model);
    case 'BPE':
      return new BytePairs(model);
    case 'WordPiece':
      return new WordPiece(model);
    case 'WordLevel':
      return new WordLevel(model);
  }
}

/** The added tokens, checked to have the ids that Rust `tokenizers` gives them, which are not always those of the file. */
function addedTokens(
  { added_tokens: tokens }: TokenizerFormat,
  further: FurtherTokens,
  model: TokenModel,
): AddedToken[] {
  const given = new Map<string, AddedToken>();
  let next = model.size;
  for (const [i, token] of further.all ? [] : tokens.entries()) {
    if (token.content === '') continue;
    const id = given.get(token.content)?.id ?? model.idOf(token.content) ?? next++;
    if (id !== token.id)
      throw new FormatError(
        `added_tokens[${i}].id`,
        `${token.id} for ${JSON.stringify(token.content)}, which has the id ${id} by its place in the vocabulary or after its end`,
      );
    given.set(token.content, token);
  }
  for (const { place, ...token } of further.tokens) {
    if (token.content === '' || given.has(token.content)) continue;
    const id = model.idOf(token.content) ?? next++;
    if (token.id !== undefined && token.id !== id)
      throw new DfMergeError(
        'INVALID_CONFIG',
        `${place}: ${token.id} for ${JSON.stringify(token.content)}, which by its place in the vocabulary or after its end gets the id ${id}`,
      );
    given.set(token.content, { ...token, id });
  }
  return [...given.values()];
}

/** Tokens by what they look like in normalized text. */
function byNormalized(tokens: readonly AddedToken[], steps: readonly NormalizingStep[]): Map<string, AddedToken> {
  const found = new Map<string, AddedToken>();
  for (const token of tokens) {
    const { text } = finish(normalize(token.content, steps));
    if (text === '' || found.has(text))
      throw new FormatError(
        'added_tokens',
        `${JSON.stringify(token.content)} is nothing of its own when it is normalized`,
      );
    found.set(text, token);
  }
  return found;
}
