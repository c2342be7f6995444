import { DfMergeError, type ErrorCode } from './errors.js';

/** How much JSON text may hold before anything is made of it. What a parser makes of a text can take a hundred times its bytes. */
export interface JsonLimits {
  bytes: number;
  /** How deep objects and arrays may lie in each other. */
  depth: number;
  /** How many values there may be in all, counted by brackets and commas. */
  values: number;
}

/** Limits for a file that people write or that describes a model: config.json, an index. */
export const CONFIG_LIMITS: JsonLimits = { bytes: 8 * 2 ** 20, depth: 64, values: 100_000 };

const [QUOTE, BACKSLASH, COMMA] = Buffer.from('"\\,');
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('[]{}');

/**
 * Throws where JSON text is over a limit. It reads every byte once and allocates nothing; whether the text is JSON at all is the parser's to say.
 * @param at the file, for messages, and the code of the error
 */
export function assertBoundedJson(text: Uint8Array, limits: JsonLimits, at: { file: string; code: ErrorCode }): void {
  const refuse = (what: string) => {
    throw new DfMergeError(at.code, `${at.file}: ${what}; no model has such JSON, and it is not read`);
  };
  if (text.length > limits.bytes) refuse(`${text.length} bytes of JSON, over the limit of ${limits.bytes}`);
  let [depth, values, quoted] = [0, 1, false];
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    if (byte === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (byte === BACKSLASH) i++;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      values++;
      if (++depth > limits.depth) refuse(`JSON that is nested more than ${limits.depth} deep`);
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COMMA) values++;
    if (values > limits.values) refuse(`JSON of more than ${limits.values} values`);
  }
}

/** A text from a file as a message shows it: its beginning, where it is long. */
export function excerpt(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
