import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as untyped from '@huggingface/tokenizers';

/** What is used of @huggingface/tokenizers; its own declarations (0.2) do not resolve under NodeNext. */
export interface LibraryTokenizer {
  normalizer: LibraryNormalizer | null;
  pre_tokenizer: LibraryPreTokenizer | null;
  encode(text: string): { ids: number[] };
  token_to_id(token: string): number | undefined;
}

/** One normalizing step; a sequence holds others, in the order of its settings. */
export interface LibraryNormalizer {
  normalizers?: (LibraryNormalizer | null)[];
  normalize(text: string): string;
}

/** One step that cuts text into words; a sequence holds others, in the order of its settings. */
export interface LibraryPreTokenizer {
  tokenizers?: (LibraryPreTokenizer | null)[];
  pre_tokenize_text(text: string, options?: unknown): string[];
}

/** The library's class, made from tokenizer.json and tokenizer_config.json as parsed. */
export const LibraryTokenizer = (
  untyped as unknown as { Tokenizer: new (json: unknown, settings: unknown) => LibraryTokenizer }
).Tokenizer;

/** The library's code, which decides ids as much as tokenizer.json does; undefined where it has no file of its own (in a bundle). */
export async function libraryCode(): Promise<Buffer | undefined> {
  try {
    return await readFile(fileURLToPath(import.meta.resolve('@huggingface/tokenizers')));
  } catch {
    return undefined;
  }
}
