import { byteLevel, classifier, PUNCTUATION, WHITE_SPACE, WORD } from './characters.js';
import type { PreTokenizer, SplitBehavior } from './format.js';
import { charactersOf, matchesOf, pieces, regExpOf, type Cutter, type Stretch } from './splits.js';

/** A piece of a text; no token crosses the end of one. */
export interface Piece {
  text: string;
  /** Whether it begins where the text as it was given begins. */
  first: boolean;
}

/** A step that cuts a piece into smaller ones. They come one by one, because the first few of a long text often suffice. */
export type CuttingStep = (piece: Piece) => Iterable<Piece>;

/** The steps of a pre-tokenizer; a `Sequence` counts as its parts. Throws what regExpOf throws. */
export function cuttingSteps(settings: PreTokenizer | null | undefined, key = 'pre_tokenizer'): CuttingStep[] {
  if (!settings) return [];
  if (settings.type === 'Sequence')
    return settings.pretokenizers.flatMap((part, i) => cuttingSteps(part, `${key}.pretokenizers[${i}]`));
  return stepsOf(settings, key);
}

/** The pieces that a list of steps cuts a piece into. */
export function* cut(piece: Piece, steps: readonly CuttingStep[], from = 0): Generator<Piece> {
  if (piece.text === '') return;
  if (from === steps.length) yield piece;
  else for (const part of steps[from](piece)) yield* cut(part, steps, from + 1);
}

function stepsOf(settings: Exclude<PreTokenizer, { type: 'Sequence' }>, key: string): CuttingStep[] {
  switch (settings.type) {
    case 'WhitespaceSplit':
      return [splitting(charactersOf(isWhiteSpace), 'Removed')];
    case 'Whitespace':
      return [splitting(wordsAndSymbols, 'Removed')];
    case 'BertPreTokenizer':
      return [splitting(charactersOf(isWhiteSpace), 'Removed'), splitting(charactersOf(isPunctuation), 'Isolated')];
    case 'Punctuation':
      return [splitting(charactersOf(isPunctuation), settings.behavior ?? 'Isolated')];
    case 'Digits':
      return [splitting(charactersOf(isNumeric), settings.individual_digits ? 'Isolated' : 'Contiguous')];
    case 'CharDelimiterSplit': {
      const delimiter = settings.delimiter.codePointAt(0)!;
      return [
        splitting(
          charactersOf((codePoint) => (codePoint === delimiter ? 1 : 0)),
          'Removed',
        ),
      ];
    }
    case 'Split': {
      const cutter = matchesOf(regExpOf(settings.pattern, key));
      return [splitting(settings.invert ? inverted(cutter) : cutter, settings.behavior)];
    }
    case 'FixedLength':
      return [fixedLength(settings.length ?? 5)];
    case 'Metaspace':
      return [metaspace(settings)];
    case 'ByteLevel':
      return byteLevelSteps(settings);
  }
}

const isWhiteSpace = classifier([WHITE_SPACE]);
const isPunctuation = classifier([PUNCTUATION]);
const isNumeric = classifier(['\\p{N}']);

function splitting(cutter: Cutter, behavior: SplitBehavior): CuttingStep {
  return function* ({ text, first }) {
    for (const { start, end } of pieces(cutter(text), behavior))
      yield { text: text.slice(start, end), first: first && start === 0 };
  };
}

function inverted(cutter: Cutter): Cutter {
  return function* (text) {
    for (const stretch of cutter(text)) yield { ...stretch, match: !stretch.match };
  };
}

const wordOrSpace = classifier([WORD, WHITE_SPACE]);

/** Cuts runs of the characters of words and runs of symbols, and tells the white space between them as matched. */
function* wordsAndSymbols(text: string): Generator<Stretch> {
  for (const { start, end, kind } of runs(text, wordOrSpace)) yield { start, end, match: kind === 2 };
}

/** Runs of characters of one class. */
export function* runs(
  text: string,
  classOf: (codePoint: number) => number,
): Generator<{ start: number; end: number; kind: number }> {
  let start = 0;
  let kind = -1;
  for (let at = 0; at < text.length;) {
    const codePoint = text.codePointAt(at)!;
    const next = classOf(codePoint);
    if (next !== kind) {
      if (at > start) yield { start, end: at, kind };
      start = at;
      kind = next;
    }
    at += codePoint > 0xffff ? 2 : 1;
  }
  if (text.length > start) yield { start, end: text.length, kind };
}

function fixedLength(length: number): CuttingStep {
  return function* ({ text, first }) {
    let start = 0;
    let characters = 0;
    for (let at = 0; at < text.length;) {
      at += text.codePointAt(at)! > 0xffff ? 2 : 1;
      if (++characters < length && at < text.length) continue;
      yield { text: text.slice(start, at), first: first && start === 0 };
      start = at;
      characters = 0;
    }
  };
}

function metaspace(settings: Extract<PreTokenizer, { type: 'Metaspace' }>): CuttingStep {
  const { replacement, prepend_scheme: scheme = 'always', split } = settings;
  const mark = replacement.codePointAt(0)!;
  const atMarks = splitting(
    charactersOf((codePoint) => (codePoint === mark ? 1 : 0)),
    'MergedWithNext',
  );
  return function* ({ text, first }) {
    let marked = text.replaceAll(' ', () => replacement);
    const prepends = scheme === 'always' || (scheme === 'first' && first);
    if (prepends && !marked.startsWith(replacement)) marked = replacement + marked;
    const piece = { text: marked, first };
    if (split ?? true) yield* atMarks(piece);
    else yield piece;
  };
}

function byteLevelSteps(settings: Extract<PreTokenizer, { type: 'ByteLevel' }>): CuttingStep[] {
  const prefix: CuttingStep = ({ text, first }) => [{ text: text.startsWith(' ') ? text : ` ${text}`, first }];
  const bytes: CuttingStep = ({ text, first }) => [{ text: byteLevel(text), first }];
  return [
    ...(settings.add_prefix_space ? [prefix] : []),
    ...((settings.use_regex ?? true) ? [splitting(gpt2Words, 'Isolated')] : []),
    bytes,
  ];
}

const CONTRACTION = /'(?:[stmd]|re|ve|ll)/y;
const gpt2Class = classifier(['\\p{L}', '\\p{N}', WHITE_SPACE]);
const GPT2_SPACE = 3;

/**
 * Cuts as GPT-2's `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` does: a space belongs to the word after it,
 * and the last of several white spaces stands alone. Written out, it takes no stack for a long word, as a regular expression would.
 */
function* gpt2Words(text: string): Generator<Stretch> {
  let at = 0;
  while (at < text.length) {
    const start = at;
    CONTRACTION.lastIndex = at;
    const contraction = CONTRACTION.exec(text);
    if (contraction) at += contraction[0].length;
    else {
      const skipped = text[at] === ' ' ? at + 1 : at;
      at = skipped < text.length ? runEnd(text, skipped) : skipped;
      const spaces = gpt2Class(text.codePointAt(skipped) ?? 0x20) === GPT2_SPACE;
      // Before a word, the last white space is left to it, or, where it is not a space, to itself.
      if (spaces && at < text.length && at - start > 1) at -= 1;
    }
    yield { start, end: at, match: true };
  }
}

/** Where the run of one class ends that begins at `start`. */
function runEnd(text: string, start: number): number {
  const kind = gpt2Class(text.codePointAt(start)!);
  let at = start;
  while (at < text.length) {
    const codePoint = text.codePointAt(at)!;
    if (gpt2Class(codePoint) !== kind) break;
    at += codePoint > 0xffff ? 2 : 1;
  }
  return at;
}
