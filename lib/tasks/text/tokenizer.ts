import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DfMergeError } from '../../core/errors.js';
import { exists, parseJsonObject, readBytes, readJsonObject } from '../../core/files.js';
import { contentOf, furtherTokens, type FurtherToken } from './further_tokens.js';
import { Pipeline } from './pipeline.js';
import { finish } from './slices.js';

/** Turns text into token ids as the checkpoint's own tokenizer does. */
export interface Tokenizer {
  /**
   * The ids of the text, ended by one `</s>`, as transformers' T5 tokenizer gives them.
   * Errors: INVALID_DATA for a word that is not in a vocabulary without an unknown token.
   */
  encode(text: string): number[];
  /** The ids that encode gives, cut to at most `maxTokens` (default 512) so that what belongs after a text, such as `</s>`, still follows. */
  encodeInput(text: string, maxTokens?: number): number[];
  /** Does as encodeInput, or as encode where `maxTokens` is Infinity, and yields after every few thousand characters of work. */
  encodeInSteps(text: string, maxTokens: number): Generator<void, number[]>;
  /**
   * The text of ids, without special tokens such as `</s>`; ids that no token has are passed over.
   * Errors: INVALID_CONFIG where the decoder of tokenizer.json is malformed or not known.
   */
  decode(ids: Iterable<number>): string;
  readonly eosTokenId: number;
  /** SHA-256 (hex) of the files that it was loaded from. Token ids are kept between runs only where it is known. */
  readonly digest?: string;
}

/** How many ids an input is cut to by default. */
export const DEFAULT_MAX_INPUT_TOKENS = 512;
// Choices are short and repeat from row to row; inputs are neither, and stay out of the cache.
const MAX_CACHED_LENGTH = 200;
const MAX_CACHED_TEXTS = 4096;

/**
 * Loads `tokenizer.json` of a model folder, with `tokenizer_config.json`, `added_tokens.json` and `config.json` where they are present.
 * Errors: NOT_FOUND where there is none; INVALID_CONFIG where it is malformed or has no `</s>`, or where the others give a token another id.
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const file = join(dir, 'tokenizer.json');
  if (!(await exists(file)))
    throw new DfMergeError(
      'NOT_FOUND',
      `${dir}: no tokenizer.json (spiece.model alone is not read; transformers writes tokenizer.json with save_pretrained)`,
    );
  const hash = createHash('sha256');
  const read = async (name: string): Promise<Record<string, unknown>> => {
    const bytes = await readBytes(join(dir, name));
    hash.update(`\n${name} ${bytes.length}\n`).update(bytes);
    return parseJsonObject(bytes, join(dir, name));
  };
  const has = (name: string) => exists(join(dir, name));
  const readPresent = async (name: string): Promise<Record<string, unknown>> => ((await has(name)) ? read(name) : {});
  const settings = await readPresent('tokenizer_config.json');
  const json = await read('tokenizer.json');
  const further = furtherTokens({
    settings: { file: join(dir, 'tokenizer_config.json'), json: settings },
    addedTokens: {
      file: join(dir, 'added_tokens.json'),
      json: settings.added_tokens_decoder === undefined ? await readPresent('added_tokens.json') : {},
    },
  });
  const pipeline = build(json, further, file);
  const config = (await has('config.json')) ? await readJsonObject(join(dir, 'config.json')) : {};
  const eos = findEos(pipeline, { settings, config, file });
  // Of config.json only the end token matters for ids, and its text differs between models of one tokenizer: it stays out of the digest.
  return new T5Tokenizer({ pipeline, file }, eos, hash.update(`\n</s> ${eos}\n`).digest('hex'));
}

function build(json: Record<string, unknown>, further: readonly FurtherToken[], file: string): Pipeline {
  return naming(file, () => new Pipeline(json, file, further));
}

/** Does what may find fault with a file, and puts its name before a complaint that lacks it. */
function naming<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DfMergeError) throw error;
    throw new DfMergeError('INVALID_CONFIG', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

function findEos(
  pipeline: Pipeline,
  from: { settings: Record<string, unknown>; config: Record<string, unknown>; file: string },
): number {
  const token = contentOf(from.settings.eos_token) ?? '</s>';
  const configured = from.config.eos_token_id;
  const id = typeof configured === 'number' ? configured : pipeline.idOf(token);
  if (id === undefined)
    throw new DfMergeError('INVALID_CONFIG', `${from.file}: the vocabulary has no end token "${token}"`);
  return id;
}

class T5Tokenizer implements Tokenizer {
  readonly #pipeline: Pipeline;
  readonly #file: string;
  readonly #before: readonly number[];
  /** Ends with `</s>`, whether or not tokenizer.json has a post-processor that puts it there. */
  readonly #after: readonly number[];
  readonly #recent = new Map<string, number[]>();

  constructor(
    { pipeline, file }: { pipeline: Pipeline; file: string },
    readonly eosTokenId: number,
    readonly digest: string,
  ) {
    this.#pipeline = pipeline;
    this.#file = file;
    const { before, after } = pipeline.around;
    this.#before = before;
    this.#after = after.at(-1) === eosTokenId ? after : [...after, eosTokenId];
  }

  encode(text: string): number[] {
    if (text.length > MAX_CACHED_LENGTH) return finish(this.encodeInSteps(text, Infinity));
    let ids = this.#recent.get(text);
    if (!ids) {
      ids = finish(this.encodeInSteps(text, Infinity));
      if (this.#recent.size >= MAX_CACHED_TEXTS) this.#recent.clear();
      this.#recent.set(text, ids);
    }
    return [...ids];
  }

  encodeInput(text: string, maxTokens = DEFAULT_MAX_INPUT_TOKENS): number[] {
    return finish(this.encodeInSteps(text, maxTokens));
  }

  *encodeInSteps(text: string, maxTokens: number): Generator<void, number[]> {
    const room = Math.max(0, maxTokens - this.#before.length - this.#after.length);
    const ids = yield* this.#encode(text, room);
    if (ids.length > room) ids.length = room;
    const all = this.#before.concat(ids, this.#after);
    // Where there is no room for all that belongs around a text, the end is what stays.
    return all.length <= maxTokens ? all : [...all.slice(0, Math.max(0, maxTokens - 1)), this.eosTokenId];
  }

  decode(ids: Iterable<number>): string {
    return naming(this.#file, () => this.#pipeline.decode(ids));
  }

  *#encode(text: string, limit: number): Generator<void, number[]> {
    try {
      return yield* this.#pipeline.encode(text, limit);
    } catch (error) {
      // A regular expression of tokenizer.json may need more stack for a long run of characters than there is.
      if (!(error instanceof RangeError)) throw error;
      const words = `a text of ${text.length} characters is too much for a regular expression of the tokenizer`;
      throw new DfMergeError('INVALID_DATA', words, { cause: error });
    }
  }
}
