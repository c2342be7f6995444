import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { architectures } from '../../architectures/index.js';
import { DfMergeError } from '../../core/errors.js';
import { exists, isObject, parseJsonObject, readBytes, readJsonObject } from '../../core/files.js';
import { furtherTokens, type FurtherTokens } from './further_tokens.js';
import { Pipeline } from './pipeline.js';
import type { Around } from './post_processor.js';
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
const NOTHING: Around = { before: [], after: [] };

/**
 * Loads `tokenizer.json` of a model folder, with `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json` and `config.json` where they are
 * present.
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
  const config = (await has('config.json')) ? await readJsonObject(join(dir, 'config.json')) : {};
  const addsSentinels = isT5Tokenizer(json, settings, config);
  // A decoder names all that is added, so that the older files count only where there is none.
  const readOlder = async (name: string) => ({
    file: join(dir, name),
    json: settings.added_tokens_decoder === undefined ? await readPresent(name) : {},
  });
  const further = furtherTokens({
    settings: { file: join(dir, 'tokenizer_config.json'), json: settings },
    specialTokens: await readOlder('special_tokens_map.json'),
    addedTokens: await readOlder('added_tokens.json'),
    addsSentinels,
  });
  const pipeline = build(json, further, file);
  const eos = findEos(pipeline, { token: further.eos ?? '</s>', config: addsSentinels ? {} : config, file });
  // Of config.json only the end token and whether it has the tokenizer of a T5 matter for ids, and its text differs between models of one
  // tokenizer: it stays out of the digest.
  const digest = hash.update(`\n</s> ${eos}${addsSentinels ? ' T5Tokenizer' : ''}\n`).digest('hex');
  // A T5Tokenizer ends each text with its end token, whatever tokenizer.json has around it.
  return new T5Tokenizer(pipeline, { eos, around: addsSentinels ? NOTHING : pipeline.around, digest, file });
}

/** Whether transformers makes a T5Tokenizer of a folder; of most others it makes what tokenizer.json says and nothing more. */
function isT5Tokenizer(
  json: Record<string, unknown>,
  settings: Record<string, unknown>,
  config: Record<string, unknown>,
): boolean {
  // A T5Tokenizer is built on the pieces of a Unigram, and transformers opens no folder with another model as one.
  if (!isObject(json.model) || !Array.isArray(json.model.vocab)) return false;
  const named = settings.tokenizer_class ?? config.tokenizer_class ?? usualTokenizer(config.model_type);
  return typeof named === 'string' && named.replace(/Fast$/, '') === 'T5Tokenizer';
}

/** The class of tokenizer that models of this type have where no file names one. */
function usualTokenizer(modelType: unknown): string | undefined {
  return architectures().find(({ modelTypes }) => modelTypes.some((type) => type === modelType))?.tokenizerClass;
}

function build(json: Record<string, unknown>, further: FurtherTokens, file: string): Pipeline {
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

function findEos(pipeline: Pipeline, from: { token: string; config: Record<string, unknown>; file: string }): number {
  const { token } = from;
  const configured = from.config.eos_token_id;
  const id = typeof configured === 'number' ? configured : pipeline.idOf(token);
  if (id === undefined)
    throw new DfMergeError('INVALID_CONFIG', `${from.file}: the vocabulary has no end token "${token}"`);
  return id;
}

interface Settings {
  eos: number;
  around: Around;
  digest: string;
  /** The tokenizer.json, for messages. */
  file: string;
}

class T5Tokenizer implements Tokenizer {
  readonly #pipeline: Pipeline;
  readonly #file: string;
  readonly #before: readonly number[];
  /** Ends with `</s>`, whether or not tokenizer.json has a post-processor that puts it there. */
  readonly #after: readonly number[];
  readonly #recent = new Map<string, number[]>();

  readonly eosTokenId: number;
  readonly digest: string;

  constructor(pipeline: Pipeline, { eos, around, digest, file }: Settings) {
    this.#pipeline = pipeline;
    this.#file = file;
    this.eosTokenId = eos;
    this.digest = digest;
    this.#before = around.before;
    this.#after = around.after.at(-1) === eos ? around.after : [...around.after, eos];
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
