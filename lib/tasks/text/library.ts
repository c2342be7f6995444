import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import * as untyped from '@huggingface/tokenizers';

/** The part of @huggingface/tokenizers that is used here. The declarations of its version 0.2 do not resolve under NodeNext. */
export interface LibraryTokenizer {
  normalizer: LibraryNormalizer | null;
  pre_tokenizer: LibraryPreTokenizer | null;
  encode(text: string): { ids: number[] };
  token_to_id(token: string): number | undefined;
}

/** A normalizing step; a sequence holds other steps in the order of its settings. */
export interface LibraryNormalizer {
  normalizers?: (LibraryNormalizer | null)[];
  normalize(text: string): string;
}

/** A step that cuts text into words; a sequence holds other steps in the order of its settings. */
export interface LibraryPreTokenizer {
  tokenizers?: (LibraryPreTokenizer | null)[];
  pre_tokenize_text(text: string, options?: unknown): string[];
}

/** The library's class, which is constructed from the parsed tokenizer.json and tokenizer_config.json. */
export const LibraryTokenizer = (
  untyped as unknown as { Tokenizer: new (json: unknown, settings: unknown) => LibraryTokenizer }
).Tokenizer;

/** The library's code, which decides ids as much as tokenizer.json does. In a bundle it has no file of its own, and this is undefined. */
export async function libraryCode(): Promise<Buffer | undefined> {
  try {
    return await readFile(fileURLToPath(import.meta.resolve('@huggingface/tokenizers')));
  } catch {
    return undefined;
  }
}
