import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DfMergeError } from '../../core/errors.js';
import { exists, isObject, parseJsonObject, readBytes, readJsonObject } from '../../core/files.js';
import { correct } from './corrections.js';
import { LibraryTokenizer, libraryCode } from './library.js';

/** Turns text into token ids as the checkpoint's own tokenizer does. */
export interface Tokenizer {
  /**
   * The ids of the text, ended by one `</s>`, as transformers' T5 tokenizer gives them.
   * Errors: INVALID_DATA for a word that is not in a vocabulary without an unknown token.
   */
  encode(text: string): number[];
  /** The ids that encode gives, cut to at most `maxTokens` (default 512) so that the last id is still `</s>`. */
  encodeInput(text: string, maxTokens?: number): number[];
  readonly eosTokenId: number;
  /** SHA-256 (hex) of what it was loaded from and of the library's code. Token ids are kept between runs only where it is known. */
  readonly digest?: string;
}

/** How many ids an input is cut to by default. */
export const DEFAULT_MAX_INPUT_TOKENS = 512;
// Choices are short and repeat from row to row; inputs are neither, and stay out of the cache.
const MAX_CACHED_LENGTH = 200;
const MAX_CACHED_TEXTS = 4096;

/**
 * Loads `tokenizer.json` of a model folder, with `tokenizer_config.json` and `config.json` where they are present.
 * Errors: NOT_FOUND where there is none; INVALID_CONFIG where it is malformed or has no `</s>`.
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const file = join(dir, 'tokenizer.json');
  if (!(await exists(file)))
    throw new DfMergeError(
      'NOT_FOUND',
      `${dir}: no tokenizer.json (spiece.model alone is not read; transformers writes tokenizer.json with save_pretrained)`,
    );
  const code = await libraryCode();
  const hash = createHash('sha256').update(code ?? '');
  const read = async (name: string): Promise<Record<string, unknown>> => {
    const bytes = await readBytes(join(dir, name));
    hash.update(`\n${name} ${bytes.length}\n`).update(bytes);
    return parseJsonObject(bytes, join(dir, name));
  };
  const has = (name: string) => exists(join(dir, name));
  const settings = (await has('tokenizer_config.json')) ? await read('tokenizer_config.json') : {};
  const library = build(await read('tokenizer.json'), settings, file);
  const config = (await has('config.json')) ? await readJsonObject(join(dir, 'config.json')) : {};
  const eos = findEos(library, { settings, config, file });
  // Of config.json only the end token matters for ids, and its text differs between models of one tokenizer: it stays out of the digest.
  return new T5Tokenizer(library, eos, code && hash.update(`\n</s> ${eos}\n`).digest('hex'));
}

function build(json: Record<string, unknown>, settings: Record<string, unknown>, file: string): LibraryTokenizer {
  try {
    // The library looks for a WordLevel model's token for unknown words in the settings only.
    const unknown = isObject(json.model) ? json.model.unk_token : undefined;
    const library = new LibraryTokenizer(json, { ...settings, unk_token: unknown ?? tokenText(settings.unk_token) });
    correct(library, json);
    return library;
  } catch (error) {
    throw new DfMergeError('INVALID_CONFIG', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** A special token as tokenizer_config.json spells it: a string, or an object with its content. */
function tokenText(token: unknown): string | undefined {
  const text = isObject(token) ? token.content : token;
  return typeof text === 'string' ? text : undefined;
}

function findEos(
  library: LibraryTokenizer,
  from: { settings: Record<string, unknown>; config: Record<string, unknown>; file: string },
): number {
  const token = tokenText(from.settings.eos_token) ?? '</s>';
  const configured = from.config.eos_token_id;
  const id = typeof configured === 'number' ? configured : library.token_to_id(token);
  if (id === undefined)
    throw new DfMergeError('INVALID_CONFIG', `${from.file}: the vocabulary has no end token "${token}"`);
  return id;
}

class T5Tokenizer implements Tokenizer {
  readonly #library: LibraryTokenizer;
  /** False where tokenizer.json has no post-processor that ends a text with `</s>`. */
  readonly #endsItself: boolean;
  readonly #recent = new Map<string, number[]>();

  constructor(
    library: LibraryTokenizer,
    readonly eosTokenId: number,
    readonly digest: string | undefined,
  ) {
    this.#library = library;
    this.#endsItself = library.encode('').ids.at(-1) === eosTokenId;
  }

  encode(text: string): number[] {
    if (text.length > MAX_CACHED_LENGTH) return this.#encode(text);
    let ids = this.#recent.get(text);
    if (!ids) {
      ids = this.#encode(text);
      if (this.#recent.size >= MAX_CACHED_TEXTS) this.#recent.clear();
      this.#recent.set(text, ids);
    }
    return [...ids];
  }

  encodeInput(text: string, maxTokens = DEFAULT_MAX_INPUT_TOKENS): number[] {
    const ids = this.#encode(text);
    return ids.length <= maxTokens ? ids : [...ids.slice(0, maxTokens - 1), this.eosTokenId];
  }

  #encode(text: string): number[] {
    const { ids } = this.#library.encode(text);
    if (ids.includes(undefined as never))
      throw new DfMergeError(
        'INVALID_DATA',
        `the tokenizer has no token for unknown words and does not know one of ${JSON.stringify(text.slice(0, 80))}`,
      );
    if (!this.#endsItself) ids.push(this.eosTokenId);
    return ids;
  }
}
