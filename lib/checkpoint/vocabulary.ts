import { join } from 'node:path';
import { DfMergeError } from '../core/errors.js';
import { exists, isObject, readBytes, readJsonObject } from '../core/files.js';

/** The file that a tokenizer is read from. */
export const TOKENIZER_FILE = 'tokenizer.json';

/**
 * Checks that the folders' tokenizers give each token the same id. Folders without a tokenizer.json are passed over.
 * @returns the first folder that has one, or undefined
 * Errors: MISMATCH naming the first token that differs and both folders; INVALID_CONFIG.
 */
export async function assertSameVocabulary(dirs: readonly string[]): Promise<string | undefined> {
  let first: { dir: string; bytes: Buffer } | undefined;
  for (const dir of dirs) {
    const file = join(dir, TOKENIZER_FILE);
    if (!(await exists(file))) continue;
    const bytes = await readBytes(file);
    if (!first) first = { dir, bytes };
    else if (!bytes.equals(first.bytes)) await compare(first.dir, dir);
  }
  return first?.dir;
}

async function compare(dirA: string, dirB: string): Promise<void> {
  const [a, b] = [await readVocabulary(dirA), await readVocabulary(dirB)];
  const differs = (token: string) => a.get(token) !== b.get(token);
  const token = [...a.keys()].find(differs) ?? [...b.keys()].find(differs);
  if (token === undefined) return;
  const id = (vocabulary: Map<string, number>) => vocabulary.get(token) ?? 'absent';
  throw new DfMergeError(
    'MISMATCH',
    `tokenizers differ: token ${JSON.stringify(token)} is ${id(a)} in ${dirA} and ${id(b)} in ${dirB}`,
  );
}

/** What SentencePiece puts in place of a blank. */
const BLANK = '\u2581';

/**
 * The ids of a folder's tokenizer.json that stand for nothing in particular: that of unknown words, and that of a blank by itself.
 * Errors: NOT_FOUND; INVALID_CONFIG.
 */
export async function emptyTokens(dir: string): Promise<Set<number>> {
  const { model } = await readJsonObject(join(dir, TOKENIZER_FILE));
  const { unk_id: id, unk_token: token } = isObject(model) ? model : {};
  const ids = await readVocabulary(dir);
  const found = [typeof id === 'number' ? id : ids.get(String(token)), ids.get(BLANK)];
  return new Set(found.filter((id) => id !== undefined));
}

/** The ids of a tokenizer.json by token: the model's vocabulary, a list of [token, score] or an object, and then the added tokens. */
async function readVocabulary(dir: string): Promise<Map<string, number>> {
  const file = join(dir, TOKENIZER_FILE);
  const { model, added_tokens: added } = await readJsonObject(file);
  const vocab = isObject(model) ? model.vocab : undefined;
  const ids = new Map<string, number>();
  if (Array.isArray(vocab))
    (vocab as unknown[]).forEach((item, id) => ids.set(String(Array.isArray(item) ? item[0] : item), id));
  else if (isObject(vocab)) for (const [token, id] of Object.entries(vocab)) ids.set(token, Number(id));
  else throw new DfMergeError('INVALID_CONFIG', `${file}: model.vocab is missing`);
  for (const token of Array.isArray(added) ? (added as unknown[]) : []) {
    if (isObject(token) && typeof token.content === 'string') ids.set(token.content, Number(token.id));
  }
  return ids;
}
