import { chmod, copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { flush } from '../core/files.js';

/**
 * The files that transformers' `save_pretrained` writes for a tokenizer or a processor. Names are listed, and not whatever else lies in the
 * folder, because a checkpoint's folder may also hold states of training, logs, notes and secrets.
 */
const TOKENIZER_FILES = new Set([
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  // What is read is tokenizer.json. These are the sources of slow tokenizers, under the names that the classes of transformers give them.
  'bpe.codes',
  'byte_maps.json',
  'dict.txt',
  'emoji.json',
  'entity_vocab.json',
  'merges.txt',
  'normalizer.json',
  'prophetnet.tokenizer',
  'target_vocab.json',
  'vocab-src.json',
  'vocab-tgt.json',
  'vocab.json',
  'vocab.txt',
  'word_pronunciation.json',
  'word_shape.json',
  'audio_tokenizer_config.json',
  'image_processor_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'video_preprocessor_config.json',
]);

/** The models of SentencePiece (spiece.model, tokenizer.model, source.spm …) and of tiktoken, whatever they are called. */
const TOKENIZER_MODELS = /\.(model|spm|tiktoken)$/;

/** Folders of a tokenizer, and which of their files belong to it. */
const TOKENIZER_FOLDERS: Record<string, RegExp> = { additional_chat_templates: /\.jinja$/ };

/** The files of a model that its merges inherit from the base. */
const MODEL_FILES = ['generation_config.json'];

/** True for a name that copyCompanions may write. */
export function isCompanion(name: string): boolean {
  return isTokenizerFile(name) || MODEL_FILES.includes(name) || name in TOKENIZER_FOLDERS;
}

/**
 * Copies what belongs to a model beside its weights and config.json into the folder `to`: every file of the tokenizer in `tokenizerDir`, and
 * generation_config.json of `baseDir`. Errors: those of the file system.
 */
export async function copyCompanions(to: string, from: { tokenizerDir: string; baseDir: string }): Promise<void> {
  const names = await readdir(from.tokenizerDir);
  await copyPresent(from.tokenizerDir, to, names.filter(isTokenizerFile));
  for (const [folder, belongs] of Object.entries(TOKENIZER_FOLDERS)) {
    const source = join(from.tokenizerDir, folder);
    const files = (await readdir(source).catch(() => [])).filter((name) => belongs.test(name));
    if (files.length === 0) continue;
    await mkdir(join(to, folder));
    await copyPresent(source, join(to, folder), files);
    await flush(join(to, folder));
  }
  await copyPresent(from.baseDir, to, MODEL_FILES);
}

function isTokenizerFile(name: string): boolean {
  return TOKENIZER_FILES.has(name) || TOKENIZER_MODELS.test(name);
}

async function copyPresent(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const source = join(from, name);
    if (!(await stat(source).catch(() => undefined))?.isFile()) continue;
    await copyFile(source, join(to, name));
    await chmod(join(to, name), 0o644); // the base's may be read-only
    await flush(join(to, name));
  }
}
