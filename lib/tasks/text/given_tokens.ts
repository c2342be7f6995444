import { isObject } from '../../core/files.js';

/** A JSON file by its path; its content is empty where the file is not there. */
export interface JsonFile {
  file: string;
  json: Record<string, unknown>;
}

/** A token as a file spells it, a string or an object, and where it stands. */
export interface GivenToken {
  value: unknown;
  /** The file and the key, for messages. */
  place: string;
}

/** The special tokens that tokenizer_config.json and special_tokens_map.json name. */
export interface GivenTokens {
  /** Those with a name that every tokenizer knows, by that name. */
  special: ReadonlyMap<string, GivenToken>;
  /** Those under names of a tokenizer's own, such as `image_token`. */
  own: GivenToken[];
  /** Those of extra_special_tokens, where it is a list. */
  extra?: GivenToken[];
  /** Whether there is such a key, even an empty one. */
  hasExtra: boolean;
  /** Those of additional_special_tokens, where that is not taken for extra_special_tokens. */
  additional?: GivenToken[];
  hasAdditional: boolean;
}

/** The names of special tokens, in the order in which transformers adds them. */
export const SPECIAL = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'].map((name) => `${name}_token`);

const EXTRA = 'extra_special_tokens';
const ADDITIONAL = 'additional_special_tokens';

/**
 * Brings the keys of both files together as transformers does. Its order of steps decides what counts where both files, or both keys for lists,
 * name something: additional_special_tokens is the older name of extra_special_tokens, but in special_tokens_map.json it stays what it is.
 */
export function givenTokens(settings: JsonFile, map: JsonFile | undefined): GivenTokens {
  const keys = entriesOf(settings);
  const earlier = keys.get(ADDITIONAL);
  if (earlier && isEmpty(keys.get(EXTRA)?.value)) {
    keys.set(EXTRA, earlier);
    keys.delete(ADDITIONAL);
  }
  const own = [...keys].flatMap(([key, given]) => (isOwn(key) && typeof given.value === 'string' ? [given] : []));
  own.push(...takeNamed(keys));
  for (const [key, given] of map ? entriesOf(map) : []) {
    const extra = keys.get(EXTRA);
    if (key === EXTRA && Array.isArray(given.value) && Array.isArray(extra?.value))
      keys.set(EXTRA, { ...extra, value: [...(extra.value as unknown[]), ...(given.value as unknown[])] });
    else keys.set(key, given);
    if (isOwn(key)) own.push(given);
  }
  own.push(...takeNamed(keys));
  return {
    special: new Map([...keys].filter(([key]) => SPECIAL.includes(key))),
    own,
    extra: listAt(keys, EXTRA),
    hasExtra: keys.has(EXTRA),
    additional: listAt(keys, ADDITIONAL),
    hasAdditional: keys.has(ADDITIONAL),
  };
}

function entriesOf({ file, json }: JsonFile): Map<string, GivenToken> {
  return new Map(Object.entries(json).map(([key, value]) => [key, { value, place: `${file}: ${key}` }]));
}

function isOwn(key: string): boolean {
  return key.endsWith('_token') && !SPECIAL.includes(key);
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) ? Object.keys(value).length === 0 : !value;
}

/** Takes out extra_special_tokens where it is an object, whose keys are names of the tokenizer's own. */
function takeNamed(keys: Map<string, GivenToken>): GivenToken[] {
  const extra = keys.get(EXTRA);
  if (!extra || !isObject(extra.value)) return [];
  keys.delete(EXTRA);
  return Object.values(extra.value).map((value) => ({ value, place: extra.place }));
}

function listAt(keys: ReadonlyMap<string, GivenToken>, key: string): GivenToken[] | undefined {
  const given = keys.get(key);
  if (!given || !Array.isArray(given.value)) return undefined;
  return (given.value as unknown[]).map((value) => ({ value, place: given.place }));
}
