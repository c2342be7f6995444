import { toRegExp } from 'oniguruma-to-es';
import { FormatError, type Pattern, type SplitBehavior } from './format.js';

/** A stretch of a text, and whether a pattern matched it. Stretches follow one another without gaps. */
export interface Stretch {
  start: number;
  end: number;
  match: boolean;
}

/** Cuts a text into stretches that match and stretches that do not. */
export type Cutter = (text: string) => Iterable<Stretch>;

/**
 * The regular expression of a pattern, whose grammar is that of Oniguruma.
 * @param key where it stands in tokenizer.json
 * Throws FormatError where it is malformed or cannot be expressed in JavaScript with the same matches.
 */
export function regExpOf(pattern: Pattern, key: string): RegExp {
  if ('String' in pattern) return new RegExp(pattern.String.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu');
  try {
    const { source, flags } = toRegExp(spellWords(pattern.Regex), {
      global: true,
      accuracy: 'strict',
      rules: { captureGroup: true },
    });
    // What is left of the translator's own class of words are the edges of words.
    return new RegExp(source.replaceAll(TRANSLATED_WORD, ONIGURUMA_WORD), flags);
  } catch (error) {
    throw new FormatError(`${key}.pattern.Regex`, (error as Error).message);
  }
}

const TRANSLATED_WORD = '\\p{L}\\p{M}\\p{N}\\p{Pc}';
const WORD_IN_CLASS = '\\p{Alpha}\\p{M}\\p{Nd}\\p{Pc}';
/** Oniguruma counts these six numbers as parts of words, but not within a class. */
const ONIGURUMA_WORD = `${WORD_IN_CLASS}\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be`;

/** Spells out `\\w` and its like, which the translator takes for another set of characters than Oniguruma does. */
function spellWords(pattern: string): string {
  let depth = 0;
  return pattern.replace(/\\p\{Word\}|\\P\{Word\}|\\[^]|[[\]]/gi, (part) => {
    if (part === '[') depth++;
    else if (part === ']') depth = Math.max(0, depth - 1);
    else if (/^\\(w|p\{word\})$/.test(part.toLowerCase())) {
      const positive = /^\\[wp]/.test(part);
      if (depth === 0) return `[${positive ? '' : '^'}${ONIGURUMA_WORD}]`;
      return positive ? WORD_IN_CLASS : `[^${WORD_IN_CLASS}]`;
    }
    return part;
  });
}

/** Cuts at the matches of a regular expression. */
export function matchesOf(regExp: RegExp): Cutter {
  return function* (text) {
    let done = 0;
    for (const [start, end] of findAll(regExp, text)) {
      if (done < start) yield { start: done, end: start, match: false };
      yield { start, end, match: true };
      done = end;
    }
    if (done < text.length) yield { start: done, end: text.length, match: false };
  };
}

/** The matches of a global regular expression. As in Oniguruma, an empty match does not follow another match directly. */
export function* findAll(regExp: RegExp, text: string): Generator<[start: number, end: number]> {
  let last = -1;
  for (const { index, 0: match } of text.matchAll(regExp)) {
    if (match === '' && index === last) continue;
    last = index + match.length;
    yield [index, last];
  }
}

/** Cuts out every character of class 1; others stay together. */
export function charactersOf(classOf: (codePoint: number) => number): Cutter {
  return function* (text) {
    let done = 0;
    for (let at = 0; at < text.length;) {
      const codePoint = text.codePointAt(at)!;
      const end = at + (codePoint > 0xffff ? 2 : 1);
      if (classOf(codePoint) === 1) {
        if (done < at) yield { start: done, end: at, match: false };
        yield { start: at, end, match: true };
        done = end;
      }
      at = end;
    }
    if (done < text.length) yield { start: done, end: text.length, match: false };
  };
}

/** What a text is cut into where its matches are treated by a behavior. */
export function* pieces(stretches: Iterable<Stretch>, behavior: SplitBehavior): Generator<Stretch> {
  switch (behavior) {
    case 'Isolated':
      yield* stretches;
      return;
    case 'Removed':
      for (const stretch of stretches) if (!stretch.match) yield stretch;
      return;
    case 'Contiguous':
      yield* joined(stretches, (before, next) => before.match === next.match);
      return;
    case 'MergedWithPrevious':
      yield* joined(stretches, (before, next) => next.match && !before.match);
      return;
    case 'MergedWithNext':
      yield* joined(stretches, (before, next) => before.match && !next.match);
  }
}

/** Joins neighbours; `belong` is told the stretches as they were found. */
function* joined(
  stretches: Iterable<Stretch>,
  belong: (before: Stretch, next: Stretch) => boolean,
): Generator<Stretch> {
  let whole: Stretch | undefined;
  let before: Stretch | undefined;
  for (const next of stretches) {
    if (whole && before && belong(before, next)) whole = { ...whole, end: next.end };
    else {
      if (whole) yield whole;
      whole = next;
    }
    before = next;
  }
  if (whole) yield whole;
}
