import { z } from 'zod';
import { DfMergeError } from '../../core/errors.js';
import { isObject } from '../../core/files.js';

/*
 * The format of tokenizer.json as Rust `tokenizers` 0.23 reads it. Keys that it does not know are refused, because a later version may give
 * them a meaning; the few that it knows and that decide no ids stand here without a use.
 */

export const character = z.string().refine((text) => [...text].length === 1, { error: 'expected one character' });
export const count = z.int().min(0);

export const pattern = z.union([z.strictObject({ String: z.string() }), z.strictObject({ Regex: z.string() })]);
export type Pattern = z.infer<typeof pattern>;

const behavior = z.enum(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']);
export type SplitBehavior = z.infer<typeof behavior>;

const addedToken = z.strictObject({
  id: count,
  content: z.string(),
  single_word: z.boolean(),
  lstrip: z.boolean(),
  rstrip: z.boolean(),
  normalized: z.boolean(),
  special: z.boolean(),
});
export type AddedToken = z.infer<typeof addedToken>;

const normalizer = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('BertNormalizer'),
    clean_text: z.boolean(),
    handle_chinese_chars: z.boolean(),
    strip_accents: z.boolean().nullish(),
    lowercase: z.boolean(),
  }),
  z.strictObject({ type: z.literal('Strip'), strip_left: z.boolean(), strip_right: z.boolean() }),
  z.strictObject({ type: z.literal('StripAccents') }),
  z.strictObject({ type: z.literal('NFC') }),
  z.strictObject({ type: z.literal('NFD') }),
  z.strictObject({ type: z.literal('NFKC') }),
  z.strictObject({ type: z.literal('NFKD') }),
  z.strictObject({ type: z.literal('Lowercase') }),
  z.strictObject({ type: z.literal('Nmt') }),
  z.strictObject({ type: z.literal('Precompiled'), precompiled_charsmap: z.string().min(1) }),
  z.strictObject({ type: z.literal('Replace'), pattern, content: z.string() }),
  z.strictObject({ type: z.literal('Prepend'), prepend: z.string() }),
  z.strictObject({ type: z.literal('ByteLevel') }),
  z.strictObject({
    type: z.literal('Sequence'),
    get normalizers() {
      return z.array(normalizer);
    },
  }),
]);
export type Normalizer = z.infer<typeof normalizer>;

const preTokenizer = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('BertPreTokenizer') }),
  z.strictObject({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.boolean(),
    trim_offsets: z.boolean(),
    use_regex: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('CharDelimiterSplit'), delimiter: character }),
  z
    .strictObject({
      type: z.literal('Metaspace'),
      replacement: character,
      prepend_scheme: z.enum(['first', 'never', 'always']).optional(),
      split: z.boolean().nullish(),
      add_prefix_space: z.boolean().nullish(),
      str_rep: z.string().nullish(),
    })
    .refine((step) => step.add_prefix_space !== false || step.prepend_scheme === 'never', {
      error: 'contradicts prepend_scheme',
      path: ['add_prefix_space'],
    }),
  z.strictObject({ type: z.literal('Whitespace') }),
  z.strictObject({ type: z.literal('WhitespaceSplit') }),
  z.strictObject({ type: z.literal('Punctuation'), behavior: behavior.optional() }),
  z.strictObject({ type: z.literal('Digits'), individual_digits: z.boolean() }),
  z.strictObject({ type: z.literal('Split'), pattern, behavior, invert: z.boolean() }),
  z.strictObject({ type: z.literal('FixedLength'), length: z.int().min(1).optional() }),
  z.strictObject({
    type: z.literal('Sequence'),
    get pretokenizers() {
      return z.array(preTokenizer);
    },
  }),
]);
export type PreTokenizer = z.infer<typeof preTokenizer>;

const piece = z.union([
  z.strictObject({ Sequence: z.strictObject({ id: z.enum(['A', 'B']), type_id: count }) }),
  z.strictObject({ SpecialToken: z.strictObject({ id: z.string(), type_id: count }) }),
]);
const token = z.tuple([z.string(), count]);
const roberta = { sep: token, cls: token, trim_offsets: z.boolean(), add_prefix_space: z.boolean() };

const postProcessor = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('TemplateProcessing'),
    single: z.array(piece),
    pair: z.array(piece),
    special_tokens: z.record(
      z.string(),
      z.strictObject({ id: z.string(), ids: z.array(count), tokens: z.array(z.string()) }),
    ),
  }),
  z.strictObject({ type: z.literal('BertProcessing'), sep: token, cls: token }),
  z.strictObject({ type: z.literal('RobertaProcessing'), ...roberta }),
  z.strictObject({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.boolean(),
    trim_offsets: z.boolean(),
    use_regex: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('Sequence'),
    get processors() {
      return z.array(postProcessor);
    },
  }),
]);
export type PostProcessor = z.infer<typeof postProcessor>;

// Vocabularies and merges are long: one pass of the model's own checks them.
const vocabulary = z.custom<Record<string, unknown>>(isObject, { error: 'expected an object of tokens and their ids' });
const list = z.custom<unknown[]>(Array.isArray, { error: 'expected a list' });

const model = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('Unigram'),
    unk_id: count.nullish(),
    vocab: list,
    byte_fallback: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('BPE'),
    dropout: z.number().nullish(),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    fuse_unk: z.boolean().nullish(),
    byte_fallback: z.boolean().nullish(),
    ignore_merges: z.boolean().nullish(),
    vocab: vocabulary,
    merges: list,
  }),
  z.strictObject({
    type: z.literal('WordPiece'),
    unk_token: z.string(),
    continuing_subword_prefix: z.string(),
    max_input_chars_per_word: count,
    vocab: vocabulary,
  }),
  z.strictObject({ type: z.literal('WordLevel'), unk_token: z.string().optional(), vocab: vocabulary }),
]);
export type Model = z.infer<typeof model>;
export type ModelOf<Type extends Model['type']> = Extract<Model, { type: Type }>;

const format = z.strictObject({
  version: z.literal('1.0').optional(),
  // Transformers sets these two at each call, whatever the file says; and the decoder is looked at where something is decoded.
  truncation: z.unknown().optional(),
  padding: z.unknown().optional(),
  decoder: z.unknown().optional(),
  added_tokens: z.array(addedToken).default([]),
  normalizer: normalizer.nullish(),
  pre_tokenizer: preTokenizer.nullish(),
  post_processor: postProcessor.nullish(),
  model,
});
export type TokenizerFormat = z.infer<typeof format>;

/** Checks the content of a tokenizer.json. Errors: INVALID_CONFIG naming the file and the key. */
export function parseFormat(json: Record<string, unknown>, file: string): TokenizerFormat {
  const typed = isObject(json.model) ? { ...json, model: { type: typeOfModel(json.model), ...json.model } } : json;
  const result = format.safeParse(typed, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DfMergeError('INVALID_CONFIG', `${file}: ${complaint(issue)}`);
}

/** A complaint about a key of tokenizer.json by whoever does not know the file's name. */
export class FormatError extends Error {
  /** @param complaint what is wrong with the key; without it `key` is the whole message */
  constructor(key: string, complaint?: string) {
    super(complaint === undefined ? key : `${key}: ${complaint}`);
  }
}

/** What a reader has against a value, with the key inside it. */
export function complaint(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`));
  const key = path.join('');
  if (issue.code === 'unrecognized_keys')
    return `${[key, issue.keys[0]].filter((part) => part !== '').join('.')} is a key that is not known`;
  if (issue.code === 'invalid_union' && issue.path.at(-1) === 'type') {
    const type = isObject(issue.input) ? issue.input.type : issue.input;
    return `${key} ${JSON.stringify(type)} is not supported`;
  }
  return `${key}: ${issue.message}`;
}

/** What a model without a type is. Files from before 2020 have none. */
function typeOfModel({ merges, vocab, continuing_subword_prefix: prefix }: Record<string, unknown>): Model['type'] {
  if (merges !== undefined) return 'BPE';
  if (Array.isArray(vocab)) return 'Unigram';
  return prefix !== undefined ? 'WordPiece' : 'WordLevel';
}
