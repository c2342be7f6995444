import { FLAG, type Kind } from '../core/kinds.js';

/** An option of a command. */
export interface Option<T> {
  kind: Kind<unknown>;
  /** A flag has no value, a list of names has several, and what is repeated has one each time; it can be told from their words alone. */
  takes: 'nothing' | 'value' | 'values' | 'repeated';
  describe: string;
  /** What stands for the value in the help, such as DIR. */
  value: string;
  required: boolean;
  /** The value where the option is not given. */
  fallback: T;
}

/** The options of a command by name. */
export type Options = Record<string, Option<unknown>>;

/** The values of a command's options. */
export type ValuesOf<O extends Options> = { [K in keyof O]: O[K] extends Option<infer T> ? T : never };

/** How an option is shown in the help, and what it is where it is not given. */
export interface OptionWords<D> {
  value?: string;
  fallback?: D;
}

/** An option that may be left out. */
export function option<T, D extends T | undefined = undefined>(
  kind: Kind<T>,
  describe: string,
  { value, fallback }: OptionWords<D> = {},
): Option<T | D> {
  return {
    kind,
    takes: 'value',
    describe,
    value: value ?? placeholder(kind),
    required: false,
    fallback: fallback as D,
  };
}

/** An option without which there is nothing to do. */
export function required<T>(kind: Kind<T>, describe: string, { value }: { value?: string } = {}): Option<T> {
  return { ...option<T, T>(kind, describe, { value }), required: true };
}

/** An option of several values: words one after another, with commas between them, or the option repeated. */
export function list<T>(kind: Kind<T>, describe: string, { value }: { value?: string } = {}): Option<T | undefined> {
  return { ...option(kind, describe, { value }), takes: 'values' };
}

/** An option that may be given several times, each time with one value, which is taken as it stands. */
export function repeated(
  kind: Kind<string>,
  describe: string,
  { value }: { value?: string } = {},
): Option<string[] | undefined> {
  return { ...option<string[]>(kind as Kind<unknown> as Kind<string[]>, describe, { value }), takes: 'repeated' };
}

/** --name and --no-name; `undefined` as the fallback tells both apart from neither. */
export function flag<D extends boolean | undefined = boolean>(
  describe: string,
  words: { fallback?: D } = { fallback: false as D },
): Option<boolean | D> {
  return { kind: FLAG, takes: 'nothing', describe, value: '', required: false, fallback: words.fallback as D };
}

function placeholder({ names, fromText }: Kind<unknown>): string {
  if (names && names.length > 0 && names.length <= 4) return names.join('|');
  return fromText ? 'N' : 'VALUE';
}
