import { DfMergeError } from '../../core/errors.js';
import { isObject } from '../../core/files.js';
import type { AddedToken } from './format.js';

/** A token that a file beside tokenizer.json adds to it. */
export interface FurtherToken extends Omit<AddedToken, 'id'> {
  /** The id that the file gives it; none where the file names the token alone. */
  id?: number;
  /** The file and the key, for messages. */
  place: string;
}

/** The files that further tokens may come from, by their paths. */
export interface FurtherFiles {
  settings: { file: string; json: Record<string, unknown> };
  /** Counts only where `settings` has no added_tokens_decoder. */
  addedTokens: { file: string; json: Record<string, unknown> };
}

/** The keys of tokenizer_config.json that name special tokens, in the order in which transformers adds them. */
const SPECIAL = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);
const LISTS = ['additional_special_tokens', 'extra_special_tokens'];

/**
 * The tokens that transformers adds to those of tokenizer.json: those of added_tokens_decoder or added_tokens.json in the order of their ids,
 * then the special tokens that tokenizer_config.json names. Errors: INVALID_CONFIG naming the file and the key.
 */
export function furtherTokens({ settings, addedTokens }: FurtherFiles): FurtherToken[] {
  const { json, file } = settings;
  const named = [
    ...SPECIAL.map((key) => [key, json[key]] as const),
    ...LISTS.flatMap((key) => valuesOf(json[key]).map((value) => [key, value] as const)),
  ].flatMap(([key, value]): FurtherToken[] => {
    const content = contentOf(value);
    const flags = isObject(value) ? value : {};
    return content === undefined
      ? []
      : [tokenOf(content, { normalized: false, ...flags, special: true }, `${file}: ${key}`)];
  });
  const specials = new Set(named.map(({ content }) => content));
  const decoder = json.added_tokens_decoder;
  const numbered = isObject(decoder)
    ? Object.entries(decoder).map(([id, value]): FurtherToken => {
        const place = `${file}: added_tokens_decoder[${JSON.stringify(id)}]`;
        const content = contentOf(value);
        if (content === undefined || !/^\d+$/.test(id))
          throw new DfMergeError('INVALID_CONFIG', `${place}: expected an id and a token with its content`);
        return { ...tokenOf(content, isObject(value) ? value : {}, place), id: Number(id) };
      })
    : Object.entries(addedTokens.json).map(([content, id]): FurtherToken => {
        const place = `${addedTokens.file}: ${JSON.stringify(content)}`;
        if (!Number.isInteger(id) || (id as number) < 0)
          throw new DfMergeError('INVALID_CONFIG', `${place}: expected an id`);
        const special = specials.has(content);
        return { ...tokenOf(content, { special, normalized: !special }, place), id: id as number };
      });
  return [...numbered.sort((a, b) => a.id! - b.id!), ...named];
}

function tokenOf(content: string, flags: Record<string, unknown>, place: string): FurtherToken {
  const flag = (name: string, otherwise: boolean) => (typeof flags[name] === 'boolean' ? flags[name] : otherwise);
  return {
    content,
    place,
    single_word: flag('single_word', false),
    lstrip: flag('lstrip', false),
    rstrip: flag('rstrip', false),
    normalized: flag('normalized', true),
    special: flag('special', false),
  };
}

/** A token as transformers spells it: a string, or an object with its content. */
export function contentOf(token: unknown): string | undefined {
  const text = isObject(token) ? token.content : token;
  return typeof text === 'string' ? text : undefined;
}

function valuesOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}
