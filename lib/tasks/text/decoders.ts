import { z } from 'zod';
import { decodeUtf8 } from '../../core/files.js';
import { BYTE_CHARACTERS } from './characters.js';
import { character, count, FormatError, pattern, complaint } from './format.js';
import { findAll, regExpOf } from './splits.js';

/** A step on the way from tokens to a text, which is what the last step leaves, joined. */
export type DecodingStep = (tokens: readonly string[]) => string[];

const decoder = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('BPEDecoder'), suffix: z.string() }),
  z.strictObject({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.boolean().optional(),
    trim_offsets: z.boolean().optional(),
    use_regex: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('WordPiece'), prefix: z.string(), cleanup: z.boolean() }),
  z.strictObject({
    type: z.literal('Metaspace'),
    replacement: character,
    prepend_scheme: z.enum(['first', 'never', 'always']).optional(),
    split: z.boolean().nullish(),
    add_prefix_space: z.boolean().nullish(),
    str_rep: z.string().nullish(),
  }),
  z.strictObject({
    type: z.literal('CTC'),
    pad_token: z.string(),
    word_delimiter_token: z.string(),
    cleanup: z.boolean(),
  }),
  z.strictObject({ type: z.literal('Replace'), pattern, content: z.string() }),
  z.strictObject({ type: z.literal('Fuse') }),
  z.strictObject({ type: z.literal('Strip'), content: character, start: count, stop: count }),
  z.strictObject({ type: z.literal('ByteFallback') }),
  z.strictObject({
    type: z.literal('Sequence'),
    get decoders() {
      return z.array(decoder);
    },
  }),
]);
type Decoder = z.infer<typeof decoder>;

/**
 * The steps of a tokenizer.json's `decoder`, as Rust `tokenizers` takes them; tokens without one are joined by spaces.
 * Throws FormatError naming the key.
 */
export function decodingSteps(json: unknown): DecodingStep[] {
  if (json === null || json === undefined) return [(tokens) => [tokens.join(' ')]];
  const result = z.object({ decoder }).safeParse({ decoder: json }, { reportInput: true });
  if (!result.success) throw new FormatError(complaint(result.error.issues[0]));
  return stepsOf(result.data.decoder, 'decoder');
}

function stepsOf(settings: Decoder, key: string): DecodingStep[] {
  switch (settings.type) {
    case 'Sequence':
      return settings.decoders.flatMap((part, i) => stepsOf(part, `${key}.decoders[${i}]`));
    case 'Fuse':
      return [(tokens) => [tokens.join('')]];
    case 'ByteLevel':
      return [(tokens) => [bytesOf(tokens).toString('utf8')]];
    case 'ByteFallback':
      return [byteFallback];
    case 'BPEDecoder': {
      const { suffix } = settings;
      return [(tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '))];
    }
    case 'Metaspace':
      return [metaspace(settings)];
    case 'WordPiece':
      return [wordPiece(settings)];
    case 'CTC':
      return [ctc(settings)];
    case 'Replace': {
      const regExp = regExpOf(settings.pattern, key);
      return [(tokens) => tokens.map((token) => replaced(token, regExp, settings.content))];
    }
    case 'Strip':
      return [(tokens) => tokens.map((token) => stripped(token, settings))];
  }
}

function metaspace(settings: Extract<Decoder, { type: 'Metaspace' }>): DecodingStep {
  const { replacement, prepend_scheme: scheme = 'always' } = settings;
  // The blank that was put before the text is none of it.
  const atStart = scheme === 'never' ? ' ' : '';
  return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 ? atStart : ' '));
}

function wordPiece({ prefix, cleanup }: Extract<Decoder, { type: 'WordPiece' }>): DecodingStep {
  return (tokens) =>
    tokens.map((token, i) => {
      const whole = i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      return cleanup ? cleanedUp(whole) : whole;
    });
}

function ctc(settings: Extract<Decoder, { type: 'CTC' }>): DecodingStep {
  const { pad_token: padding, word_delimiter_token: delimiter, cleanup } = settings;
  return (tokens) =>
    tokens.flatMap((token, i) => {
      if (token === tokens[i - 1]) return [];
      const kept = token.replaceAll(padding, '');
      const text = cleanup ? cleanedUp(kept).replaceAll(delimiter, ' ') : kept;
      return text === '' ? [] : [text];
    });
}

/** What English spelling is put right by, one after another. */
const CLEANUP = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;

function cleanedUp(text: string): string {
  return CLEANUP.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}

function replaced(token: string, regExp: RegExp, content: string): string {
  let result = '';
  let done = 0;
  for (const [start, end] of findAll(regExp, token)) {
    result += token.slice(done, start) + content;
    done = end;
  }
  return result + token.slice(done);
}

function stripped(token: string, { content, start, stop }: Extract<Decoder, { type: 'Strip' }>): string {
  const characters = [...token];
  let from = 0;
  while (from < Math.min(start, characters.length) && characters[from] === content) from++;
  let to = characters.length;
  while (characters.length - to < stop && to > from && characters[to - 1] === content) to--;
  return characters.slice(from, to).join('');
}

const BYTE_OF = new Map(BYTE_CHARACTERS.map((one, byte) => [one, byte]));

/** The bytes that the characters of tokens stand for; a token with another character in it stands for itself. */
function bytesOf(tokens: readonly string[]): Buffer {
  return Buffer.concat(
    tokens.map((token) => {
      const bytes = [...token].map((one) => BYTE_OF.get(one));
      return bytes.every((byte) => byte !== undefined) ? Buffer.from(bytes) : Buffer.from(token);
    }),
  );
}

/** Joins tokens such as `<0xE2>` into the characters whose bytes they are; bytes that are no characters become U+FFFD, one each. */
function byteFallback(tokens: readonly string[]): string[] {
  const result: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    const text = decodeUtf8(Uint8Array.from(bytes));
    if (text === undefined) result.push(...bytes.map(() => '\ufffd'));
    else if (bytes.length > 0) result.push(text);
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) bytes.push(parseInt(byte, 16));
    else {
      flush();
      result.push(token);
    }
  }
  flush();
  return result;
}
