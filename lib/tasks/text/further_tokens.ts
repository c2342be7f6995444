import { DfMergeError } from '../../core/errors.js';
import { isObject } from '../../core/files.js';
import type { AddedToken } from './format.js';
import { givenTokens, SPECIAL, type GivenTokens, type JsonFile } from './given_tokens.js';

/** A token that a file beside tokenizer.json adds to it. */
export interface FurtherToken extends Omit<AddedToken, 'id'> {
  /** The id that the file gives it; none where the file names the token alone. */
  id?: number;
  /** The file and the key, for messages. */
  place: string;
}

/** The files that further tokens may come from. */
export interface FurtherFiles {
  /** tokenizer_config.json */
  settings: JsonFile;
  /** special_tokens_map.json, which counts only where `settings` has no added_tokens_decoder, as addedTokens does. */
  specialTokens: JsonFile;
  /** added_tokens.json */
  addedTokens: JsonFile;
  /** Whether transformers makes a T5Tokenizer of the folder, which adds sentinels `<extra_id_N>` and takes no other tokens than a decoder names. */
  addsSentinels: boolean;
}

/** The tokens besides those of a tokenizer.json. */
export interface FurtherTokens {
  tokens: FurtherToken[];
  /** Whether they take the place of the added tokens of tokenizer.json. */
  all: boolean;
  /** The content of the end token, where a file names it. */
  eos?: string;
}

/**
 * The tokens that transformers adds to those of tokenizer.json: those of added_tokens_decoder or added_tokens.json in the order of their ids,
 * then the special tokens that tokenizer_config.json and special_tokens_map.json name, and the sentinels of a T5Tokenizer.
 * Errors: INVALID_CONFIG naming the file and the key.
 */
export function furtherTokens({ settings, specialTokens, addedTokens, addsSentinels }: FurtherFiles): FurtherTokens {
  const decoder = settings.json.added_tokens_decoder;
  const given = givenTokens(settings, isObject(decoder) ? undefined : specialTokens);
  const named = SPECIAL.flatMap((key) => given.special.get(key) ?? []);
  const listed = (given.extra ?? []).filter(({ value }) => contentOf(value) !== undefined);
  const specials = new Set([...named, ...listed].map(({ value }) => contentOf(value)));
  const last = addsSentinels ? withSentinels(given, settings) : (given.extra ?? given.additional ?? []);
  const tokens = [...named, ...given.own, ...last].flatMap(({ value, place }): FurtherToken[] => {
    const content = contentOf(value);
    const flags = isObject(value) ? value : {};
    return content === undefined ? [] : [tokenOf(content, { normalized: false, ...flags, special: true }, place)];
  });
  const numbered = isObject(decoder)
    ? Object.entries(decoder).map(([id, value]): FurtherToken => {
        const place = `${settings.file}: added_tokens_decoder[${JSON.stringify(id)}]`;
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
  return {
    tokens: [...numbered.sort((a, b) => a.id! - b.id!), ...tokens],
    all: addsSentinels && isObject(decoder),
    eos: contentOf(given.special.get('eos_token')?.value),
  };
}

/** How many sentinels a T5Tokenizer adds where nothing says otherwise. */
const SENTINELS = 100;
const MOST_SENTINELS = 2 ** 16;

/** What a T5Tokenizer adds at the end. Where a list of extra tokens is given, that is all; and where it is not, the sentinels. */
function withSentinels(
  { extra, hasExtra, additional, hasAdditional }: GivenTokens,
  { file, json }: JsonFile,
): NonNullable<GivenTokens['extra']> {
  const { extra_ids: count = SENTINELS } = json;
  if (!Number.isInteger(count) || (count as number) < 0 || (count as number) > MOST_SENTINELS)
    throw new DfMergeError('INVALID_CONFIG', `${file}: extra_ids: expected a whole number from 0 to ${MOST_SENTINELS}`);
  const place = `${file}: extra_ids`;
  const sentinels = Array.from({ length: count as number }, (_, i) => ({ value: `<extra_id_${i}>`, place }));
  const own = (additional ?? []).filter(({ value }) => contentOf(value)?.includes('<extra_id_'));
  if (hasAdditional && own.length > 0 && sentinels.length > 0 && own.length !== sentinels.length)
    throw new DfMergeError(
      'INVALID_CONFIG',
      `${own[0].place}: holds ${own.length} tokens <extra_id_…>, and extra_ids is ${sentinels.length}, which no T5Tokenizer takes`,
    );
  if (hasExtra) return extra ?? [];
  return own.length > 0 ? (additional ?? []) : [...(additional ?? []), ...sentinels];
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
