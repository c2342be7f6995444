import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/folder.js';
import { excerpt } from '../core/bounded_json.js';
import { DfMergeError } from '../core/errors.js';
import { exists, readJsonObject } from '../core/files.js';

/** The token ids that begin and end what a model generates. */
export interface GenerationTokens {
  /** Each of them ends a sequence; with none, a sequence ends at its greatest length alone. */
  endTokens: number[];
  /** Begins every sequence; undefined where that is left to the architecture. */
  startToken?: number;
}

/** The file whose settings transformers generates with, where a model has it; otherwise it takes those of config.json. */
const GENERATION_FILE = 'generation_config.json';

/**
 * Reads `eos_token_id`, which is one id or a list, and `decoder_start_token_id` as transformers does: from generation_config.json where there is
 * one, and from config.json where there is none.
 * Errors: INVALID_CONFIG naming the file and the key.
 */
export async function readGenerationTokens({ dir, config }: Checkpoint): Promise<GenerationTokens> {
  const own = join(dir, GENERATION_FILE);
  const file = (await exists(own)) ? own : join(dir, 'config.json');
  const source = file === own ? await readJsonObject(own) : config;
  const { eos_token_id: end = null, decoder_start_token_id: start = null } = source;
  const ids = (key: string, value: unknown): number[] => {
    const list: unknown[] = Array.isArray(value) ? value : value === null ? [] : [value];
    if (!list.every((id): id is number => Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31))
      throw new DfMergeError(
        'INVALID_CONFIG',
        `${file}: ${key} is ${excerpt(JSON.stringify(value))}; expected token ids`,
      );
    return list;
  };
  const [startToken, ...others] = ids('decoder_start_token_id', start);
  if (others.length > 0)
    throw new DfMergeError('INVALID_CONFIG', `${file}: decoder_start_token_id is a list; expected one token id`);
  return { endTokens: ids('eos_token_id', end), ...(startToken === undefined ? {} : { startToken }) };
}
