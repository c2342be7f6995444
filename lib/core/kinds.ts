import { DfMergeError } from './errors.js';
import { nearest } from './nearest.js';

/** Which values an option takes. The command line and the functions ask the same kinds, so that both refuse the same. */
export interface Kind<T> {
  /** What is expected, in words that follow "expected". */
  expected: string;
  accepts: (value: unknown) => value is T;
  /** The value that a text on the command line stands for; by default the text itself. */
  fromText?: (text: string) => unknown;
  /** The values, where they are few and have names. */
  names?: readonly string[];
}

/** A value that a text can be. */
export type TypeOf<K> = K extends Kind<infer T> ? T : never;

/** Decimal numbers alone: JavaScript would also take `0x10`, an empty text and `Infinity`. */
function decimal(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** A text that is not empty, such as a path. */
export function text(expected: string): Kind<string> {
  return { expected, accepts: (value): value is string => typeof value === 'string' && value !== '' };
}

export const PATH = text('a path');

export const FLAG: Kind<boolean> = {
  expected: 'true or false',
  accepts: (value): value is boolean => typeof value === 'boolean',
};

/** A whole number between two limits, which belong to it. */
export function wholeNumber(least: number, most = 2 ** 31 - 1): Kind<number> {
  return {
    expected: `a whole number from ${least} to ${most}`,
    accepts: (value): value is number => Number.isInteger(value) && isNumber(value) && value >= least && value <= most,
    fromText: decimal,
  };
}

/** A finite number; `above` is a limit that does not belong to the range itself, `below` another. */
export function number(range: { least?: number; above?: number; most?: number; below?: number } = {}): Kind<number> {
  const { least = -Infinity, above = -Infinity, most = Infinity, below = Infinity } = range;
  const limits = [
    ...(range.least === undefined ? [] : [`at least ${range.least}`]),
    ...(range.above === undefined ? [] : [`above ${range.above}`]),
    ...(range.most === undefined ? [] : [`at most ${range.most}`]),
    ...(range.below === undefined ? [] : [`below ${range.below}`]),
  ];
  return {
    expected:
      limits.length > 0 ? `a number of ${limits.join(' and ')}`.replace('of above', 'above') : 'a finite number',
    accepts: (value): value is number =>
      isNumber(value) && Number.isFinite(value) && value >= least && value > above && value <= most && value < below,
    fromText: decimal,
  };
}

/** The largest finite number of float32. */
export const MAX_FLOAT32 = (2 - 2 ** -23) * 2 ** 127;

/** A number that the engine takes in float32, in which a larger one would be infinite. */
export function float32(range: { least?: number; above?: number } = {}): Kind<number> {
  const { expected, accepts, ...kind } = number(range);
  return {
    ...kind,
    expected: `${expected} that float32 can hold`,
    accepts: (value): value is number => accepts(value) && Math.abs(value) <= MAX_FLOAT32,
  };
}

/** One of a few names; `notes` says why others, which users may well try, are none of them. */
export function oneOf<const N extends string>(names: readonly N[], notes: Record<string, string> = {}): Kind<N> {
  const words = Object.values(notes).map((note) => ` (${note})`);
  return {
    expected: `${listed(names)}${words.join('')}`,
    accepts: (value): value is N => names.some((name) => name === value),
    names,
  };
}

/** A list of names, as `a b`, `a,b` or an array; `none` alone stands for the empty list on the command line. */
export function listOf<const N extends string>(names: readonly N[]): Kind<readonly N[]> {
  return {
    expected: names.join(', '),
    accepts: (value): value is readonly N[] =>
      Array.isArray(value) && value.every((entry) => names.some((name) => name === entry)),
    names,
  };
}

/** Either of two kinds. */
export function either<A, B>(a: Kind<A>, b: Kind<B>): Kind<A | B> {
  return {
    expected: `${a.expected}, or ${b.expected}`,
    accepts: (value): value is A | B => a.accepts(value) || b.accepts(value),
    fromText: (written) => {
      const first = a.fromText ? a.fromText(written) : written;
      return a.accepts(first) ? first : b.fromText ? b.fromText(written) : written;
    },
    names: [...(a.names ?? []), ...(b.names ?? [])],
  };
}

/** Seeds are 32 bits wide. */
export const SEED = wholeNumber(0, 2 ** 32 - 1);

/** The most threads that an engine takes is the native one's limit. */
export const THREADS = wholeNumber(1, 1024);

/** The seed of whatever is given none. */
export const DEFAULT_SEED = 1;

/** What is called with events. */
export const HANDLER: Kind<(...parameters: never[]) => unknown> = {
  expected: 'a function',
  accepts: (value): value is (...parameters: never[]) => unknown => typeof value === 'function',
};

export const SIGNAL: Kind<AbortSignal> = {
  expected: 'an AbortSignal',
  accepts: (value): value is AbortSignal =>
    typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
};

/** A question that names what was most likely meant, or nothing. */
export function didYouMean(given: string, names: readonly string[]): string {
  const likely = nearest(given, names);
  return likely === undefined || likely === given ? '' : `; did you mean ${likely}?`;
}

/** A value as an error shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** The kind of every option of a function; `needed` are those without which it cannot be called. */
export interface OptionsShape {
  kinds: Record<string, Kind<unknown>>;
  needed?: readonly string[];
}

/**
 * Throws INVALID_ARGUMENT, which names the function and the option, where the options are no object, where one that is needed is missing, one
 * is unknown or one has a value that it cannot have. Options that are undefined count as absent.
 */
export function checkOptions(what: string, options: unknown, { kinds, needed = [] }: OptionsShape): void {
  const fail = (problem: string) => new DfMergeError('INVALID_ARGUMENT', `${what}: ${problem}`);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const least = needed.length > 0 ? ` with at least ${needed.join(', ')}` : '';
    throw fail(`options are ${shown(options)}; expected an object${least}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(kinds, name))
      throw fail(
        `unknown option ${name}${didYouMean(name, Object.keys(kinds)) || `; expected only ${Object.keys(kinds).join(', ')}`}`,
      );
    const kind = kinds[name];
    if (value === undefined || kind.accepts(value)) continue;
    const wrong: unknown = Array.isArray(value) ? value.find((entry) => !kind.names?.includes(entry as string)) : value;
    const meant = typeof wrong === 'string' ? didYouMean(wrong, kind.names ?? []) : '';
    const found = Array.isArray(value) && kind.names ? `holds ${shown(wrong)}` : `is ${shown(value)}`;
    throw fail(`${name} ${found}; expected ${kind.expected}${meant}`);
  }
  const missing = needed.find((name) => (options as Record<string, unknown>)[name] === undefined);
  if (missing !== undefined) throw fail(`option ${missing} is missing; expected ${kinds[missing].expected}`);
}

/** Throws INVALID_ARGUMENT, which names the function and the argument, where an argument has a value that it cannot have. */
export function checkArgument(what: string, [name, value]: [name: string, value: unknown], kind: Kind<unknown>): void {
  if (!kind.accepts(value))
    throw new DfMergeError('INVALID_ARGUMENT', `${what}: ${name} is ${shown(value)}; expected ${kind.expected}`);
}

/** Options with the defaults of those that are absent or undefined. */
export function withDefaults<T extends object>(options: T, defaults: Required<T>): Required<T> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...(Object.fromEntries(given) as Partial<T>) };
}

/** Which values RunOptions take. */
export const RUN_KINDS = { signal: SIGNAL, onProgress: HANDLER, onWarning: HANDLER };

/** Which values DataOptions take. */
export const DATA_KINDS = { cache: either(PATH, { ...FLAG, expected: 'false' }) };

/**
 * Checks the options of a function that computes, as checkOptions does, and that it has not been stopped before it began.
 * Errors: INVALID_ARGUMENT; the reason of a signal that has fired.
 */
export function checkCall(what: string, options: { signal?: AbortSignal } | undefined, shape: OptionsShape): void {
  checkOptions(what, options, { ...shape, kinds: { ...shape.kinds, ...RUN_KINDS } });
  options?.signal?.throwIfAborted();
}
