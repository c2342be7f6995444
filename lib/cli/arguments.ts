import { parseArgs } from 'node:util';
import { DfMergeError } from '../core/errors.js';
import { didYouMean } from '../core/kinds.js';
import { nearest } from '../core/nearest.js';
import type { Command } from './command.js';
import type { Option } from './options.js';

/** What a command line asks for. */
export type Request =
  | { ask: 'run'; command: Command; args: Record<string, unknown> }
  | { ask: 'help'; command?: Command }
  | { ask: 'version' };

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** A command line that cannot be understood, or an option whose value it cannot have. */
export function usage(message: string): DfMergeError {
  return new DfMergeError('INVALID_ARGUMENT', message);
}

/** Whether errors are wanted as JSON, which must be known even where the rest of the line cannot be understood. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return (end < 0 ? words : words.slice(0, end)).includes('--json');
}

/**
 * Reads a command line. Nothing but its words is looked at: no file, and no environment. Errors: INVALID_ARGUMENT that names the word for
 * whatever is wrong, unknown, missing or given twice.
 */
export function readArguments(words: readonly string[], commands: readonly Command[]): Request {
  const tokens = tokensOf(words, commands);
  const named = (name: string) => tokens.some((token) => token.kind === 'option' && token.name === name);
  const first = tokens.find((token) => token.kind === 'positional');
  const command = first && commands.find(({ name }) => name === first.value);
  if (named('help') || named('h')) return { ask: 'help', command };
  if (named('version')) return { ask: 'version' };
  if (first === undefined) throw usage('Which command? dfmerge --help lists them.');
  if (command === undefined) throw usage(unknownCommand(first.value, commands));
  const rest = tokens.filter((token) => token !== first);
  return { ask: 'run', command, args: valuesOf(command, { tokens: rest, words, commands }) };
}

/** The words by what they are. A value is taken by the options that have one in any command; none is a flag elsewhere. */
function tokensOf(words: readonly string[], commands: readonly Command[]): Token[] {
  const all = commands.flatMap(({ options }) => Object.entries(options));
  const withValue = all.filter(([, { takes }]) => takes !== 'nothing').map(([name]) => name);
  const options = Object.fromEntries(withValue.map((name) => [name, { type: 'string' as const }]));
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  return tokens;
}

function unknownCommand(given: string, commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name);
  return `unknown command ${given}${didYouMean(given, names) || `; expected one of ${names.join(', ')}`}`;
}

interface Line {
  tokens: readonly Token[];
  words: readonly string[];
  commands: readonly Command[];
}

function valuesOf(command: Command, line: Line): Record<string, unknown> {
  const given = new Map<string, unknown>();
  const loose: string[] = [];
  for (let i = 0; i < line.tokens.length; i++) {
    const token = line.tokens[i];
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      loose.push(token.value);
      continue;
    }
    const { name, spec, negated } = optionOf(token, command, line);
    if (spec.takes === 'nothing') {
      if (token.inlineValue) throw usage(`${token.rawName} takes no value: ${line.words[token.index]}`);
      setOnce(given, name, !negated);
      continue;
    }
    const word = valueOf(token, spec);
    if (spec.takes === 'value') {
      setOnce(given, name, parsed(name, word, spec));
      continue;
    }
    const several = [word];
    // Words that follow belong to the list as long as they may be meant for it; a recipe after them does not.
    for (let next = line.tokens[i + 1]; !token.inlineValue && isOneOf(next, spec); next = line.tokens[i + 1]) {
      several.push(next.value);
      i++;
    }
    given.set(name, [...((given.get(name) as string[] | undefined) ?? []), ...several]);
  }
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(command.options)) values[name] = finished(name, given, spec);
  positional(command, loose, values);
  const missing = Object.entries(command.options).find(([name, { required }]) => required && !given.has(name));
  if (missing) throw usage(`${command.name} needs --${missing[0]} ${missing[1].value}: ${missing[1].describe}`);
  command.check?.(values);
  return values;
}

function optionOf(
  token: Token & { kind: 'option' },
  command: Command,
  { words, commands }: Line,
): { name: string; spec: Option<unknown>; negated: boolean } {
  const find = (name: string) => (Object.hasOwn(command.options, name) ? command.options[name] : undefined);
  const spec = find(token.name);
  if (spec && token.rawName.startsWith('--')) return { name: token.name, spec, negated: false };
  const positive = token.name.replace(/^no-/, '');
  const flag = find(positive);
  if (flag?.takes === 'nothing' && positive !== token.name) return { name: positive, spec: flag, negated: true };
  const word = words[token.index].replace(/=.*$/s, '');
  if (!word.startsWith('--'))
    throw usage(`unknown option ${word}; a path that begins with a dash goes after --, or after = as in --out=${word}`);
  const elsewhere = commands.filter(({ options }) => Object.hasOwn(options, token.name)).map(({ name }) => name);
  const likely = nearest(token.name, Object.keys(command.options));
  const hint = likely === undefined ? '' : `; did you mean --${likely}?`;
  throw usage(
    `${command.name} has no option ${word}${hint || (elsewhere.length > 0 ? `, which ${elsewhere.join(' and ')} ${elsewhere.length > 1 ? 'have' : 'has'}` : '')}`,
  );
}

/** The text that belongs to an option. */
function valueOf(token: Token & { kind: 'option' }, { value, kind }: Option<unknown>): string {
  const { rawName, value: word, inlineValue } = token;
  const expected = `${rawName} needs a value: ${rawName} ${value}, ${kind.expected}`;
  if (word === undefined || word === '') throw usage(expected);
  const isOption = !inlineValue && word.startsWith('-') && word !== '-' && !/^-[.\d]/.test(word);
  if (isOption) throw usage(`${expected} (a value that begins with a dash is written ${rawName}=${word})`);
  return word;
}

function setOnce(given: Map<string, unknown>, name: string, value: unknown): void {
  if (given.has(name)) throw usage(`--${name} is given twice`);
  given.set(name, value);
}

function parsed(name: string, word: string, { kind }: Option<unknown>): unknown {
  const value = kind.fromText ? kind.fromText(word) : word;
  if (kind.accepts(value)) return value;
  throw usage(`--${name} ${word}: expected ${kind.expected}${didYouMean(word, kind.names ?? [])}`);
}

/** Whether a word may be meant as a value of a list: it is one of its names, or nearly. */
function isOneOf(token: Token | undefined, { kind }: Option<unknown>): token is Token & { kind: 'positional' } {
  const names = [...(kind.names ?? []), 'none'];
  return token?.kind === 'positional' && token.value.split(',').every((word) => nearest(word, names) !== undefined);
}

function finished(name: string, given: Map<string, unknown>, spec: Option<unknown>): unknown {
  if (!given.has(name)) return spec.fallback;
  if (spec.takes !== 'values') return given.get(name);
  const entries = (given.get(name) as string[]).flatMap((word) => word.split(','));
  if (entries.includes('none') && entries.length > 1) throw usage(`--${name} ${entries.join(' ')}: none stands alone`);
  const values = entries.filter((word) => word !== 'none');
  const names = spec.kind.names ?? [];
  const wrong = values.find((value) => !names.includes(value));
  if (wrong !== undefined)
    throw usage(`--${name} ${wrong}: expected ${names.join(', ')} or none${didYouMean(wrong, names)}`);
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw usage(`--${name}: ${twice} is given twice`);
  return values;
}

function positional(
  { name, positional: spec }: Command,
  loose: readonly string[],
  values: Record<string, unknown>,
): void {
  const [first, ...others] = spec ? loose : [undefined, ...loose];
  if (others.length > 0)
    throw usage(`${name}: unexpected argument ${others[0]}${spec ? ` after ${spec.name} ${first}` : ''}`);
  if (spec?.required && (first === undefined || first === ''))
    throw usage(`${name} needs a ${spec.name}: dfmerge ${name} ${spec.value}`);
  if (spec) values[spec.name] = first;
}
