import { byteLevel, WHITE_SPACE } from './characters.js';
import type { Normalizer } from './format.js';
import { PrecompiledMap } from './precompiled.js';
import { findAll, regExpOf } from './splits.js';

/** A text that is being normalized. */
export interface Normalized {
  text: string;
  /** Whether its first character comes from the first one of the text as it was given. */
  first: boolean;
}

/** A step of a normalizer. */
export interface NormalizingStep {
  apply(before: Normalized): Normalized;
  /** Whether it may be applied to one block after another, because no character depends on what lies beyond a `blockEnd`. */
  local: boolean;
}

/**
 * The steps of a normalizer; a `Sequence` counts as its parts.
 * @param key where it stands in tokenizer.json
 * Throws what regExpOf and PrecompiledMap throw.
 */
export function normalizingSteps(settings: Normalizer | null | undefined, key = 'normalizer'): NormalizingStep[] {
  if (!settings) return [];
  if (settings.type === 'Sequence')
    return settings.normalizers.flatMap((part, i) => normalizingSteps(part, `${key}.normalizers[${i}]`));
  return stepsOf(settings, key);
}

/** The text after all steps. It yields after each, and in a long text after every block. */
export function* normalize(text: string, steps: readonly NormalizingStep[]): Generator<void, Normalized> {
  let before: Normalized = { text, first: true };
  for (const step of steps) {
    const { text: whole, first } = before;
    const end = step.local ? blockEnd(whole, 0) : whole.length;
    before = step.apply({ text: whole.slice(0, end), first });
    for (let start = end; start < whole.length;) {
      yield;
      const next = blockEnd(whole, start);
      before.text += step.apply({ text: whole.slice(start, next), first: false }).text;
      start = next;
    }
    yield;
  }
  return before;
}

const BLOCK = 2 ** 15;
/**
 * Places where neither canonical composition nor a grapheme reaches across: between two of the characters that combine with nothing before
 * them, and before a space that follows a letter or a mark. (U+0D4E forms a grapheme with whatever follows it.)
 */
const APART = (() => {
  const plain = '\\x20-\\x7e\\u00c0-\\u024f\\u0410-\\u044f\\u3041-\\u3096\\u30a1-\\u30fa\\u4e00-\\u9fff\\uac00-\\ud7a3';
  return new RegExp(`[${plain}](?=[${plain}])|(?!\\u0d4e)[\\p{L}\\p{M}](?= )`, 'gu');
})();

/** The end of the block that begins at `start`. */
function blockEnd(text: string, start: number): number {
  if (text.length - start <= 2 * BLOCK) return text.length;
  APART.lastIndex = start + BLOCK;
  return APART.test(text) ? APART.lastIndex : text.length;
}

function stepsOf(settings: Exclude<Normalizer, { type: 'Sequence' }>, key: string): NormalizingStep[] {
  switch (settings.type) {
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return [unicodeForm(settings.type)];
    case 'Lowercase':
      return [mapping(lowercase)];
    case 'StripAccents':
      return [dropping(/\p{M}/gu)];
    case 'Nmt':
      return [dropping(NMT_DROPPED), mapping((text) => text.replace(NMT_SPACES, ' '))];
    case 'BertNormalizer':
      return bert(settings);
    case 'Strip':
      return [strip(settings)];
    case 'Prepend':
      return [whole(({ text, first }) => ({ text: text === '' ? '' : settings.prepend + text, first }))];
    case 'Replace':
      return [replace(settings, key)];
    case 'ByteLevel':
      return [mapping(byteLevel)];
    case 'Precompiled': {
      const map = new PrecompiledMap(settings.precompiled_charsmap);
      return [mapping((text) => map.normalize(text))];
    }
  }
}

function whole(apply: NormalizingStep['apply']): NormalizingStep {
  return { apply, local: false };
}

function mapping(map: (text: string) => string): NormalizingStep {
  return { apply: ({ text, first }) => ({ text: map(text), first }), local: true };
}

/** Drops characters. What follows a dropped first character begins later in the text as it was given. */
function dropping(characters: RegExp): NormalizingStep {
  const apply = ({ text, first }: Normalized): Normalized => ({
    text: text.replace(characters, ''),
    first: first && text.search(characters) !== 0,
  });
  return { apply, local: true };
}

function unicodeForm(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): NormalizingStep {
  return mapping((text) => text.normalize(form));
}

/** Character by character, so that a sigma at a word's end is lowered as any other. */
function lowercase(text: string): string {
  return text
    .split('\u03a3')
    .map((part) => part.toLowerCase())
    .join('\u03c3');
}

// eslint-disable-next-line no-control-regex
const NMT_DROPPED = /[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/gu;
const NMT_SPACES = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu;

const BERT_DROPPED = /[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu;
const ANY_WHITE_SPACE = new RegExp(WHITE_SPACE, 'gu');
const CHINESE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

function bert(settings: Extract<Normalizer, { type: 'BertNormalizer' }>): NormalizingStep[] {
  const steps: NormalizingStep[] = [];
  if (settings.clean_text) {
    steps.push(dropping(BERT_DROPPED));
    steps.push(mapping((text) => text.replace(ANY_WHITE_SPACE, ' ')));
  }
  if (settings.handle_chinese_chars) steps.push(mapping((text) => text.replace(CHINESE, ' $& ')));
  if (settings.strip_accents ?? settings.lowercase) steps.push(unicodeForm('NFD'), dropping(/\p{Mn}/gu));
  if (settings.lowercase) steps.push(mapping(lowercase));
  return steps;
}

const ONE_WHITE_SPACE = new RegExp(`^${WHITE_SPACE}$`, 'u');

function strip({ strip_left: left, strip_right: right }: Extract<Normalizer, { type: 'Strip' }>): NormalizingStep {
  return whole(({ text, first }) => {
    // White space is one unit each. A regular expression that ends in $ would try every run of it in the text.
    let start = 0;
    let end = text.length;
    while (left && start < end && ONE_WHITE_SPACE.test(text[start])) start++;
    while (right && end > start && ONE_WHITE_SPACE.test(text[end - 1])) end--;
    return { text: text.slice(start, end), first: first && start === 0 };
  });
}

function replace({ pattern, content }: Extract<Normalizer, { type: 'Replace' }>, key: string): NormalizingStep {
  const regExp = regExpOf(pattern, key);
  return whole(({ text, first }) => {
    let result = '';
    let done = 0;
    let begins = true;
    for (const [start, end] of findAll(regExp, text)) {
      result += text.slice(done, start) + content;
      done = end;
      // What replaces several characters counts as the last one of them.
      if (start === 0 && end > 0) begins = content !== '' && end === (text.codePointAt(0)! > 0xffff ? 2 : 1);
    }
    return { text: result + text.slice(done), first: first && begins };
  });
}
