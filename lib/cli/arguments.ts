import { DfMergeError } from '../core/errors.js';
import { didYouMean } from '../core/kinds.js';
import { nearest } from '../core/nearest.js';
import type { Command, Positional } from './command.js';
import type { Option } from './options.js';
import { parse, type Parsed } from './parser.js';

/** What a command line asks for. */
export type Request =
  { ask: 'run'; command: Command; args: Record<string, unknown> } | { ask: 'help or version'; text: string };

/** A command line that cannot be understood, or an option whose value it cannot have. */
export function usage(message: string): DfMergeError {
  return new DfMergeError('INVALID_ARGUMENT', message);
}

/** Whether errors are wanted as JSON, which must be known even where the rest of the line cannot be understood. */
export function wantsJson(words: readonly string[]): boolean {
  return beforeDashes(words).includes('--json');
}

/**
 * Reads a command line, whose help is at most `width` columns wide. Nothing but its words is looked at: no file, and no environment. Errors:
 * INVALID_ARGUMENT that names the word for whatever is wrong, unknown, missing or given twice.
 */
export function readArguments(words: readonly string[], commands: readonly Command[], width = 80): Request {
  const line = argumentsLast(listsSpelledOut(words, commands), commands);
  const parsed = parse(line, commands, width);
  if (parsed.output !== '') return { ask: 'help or version', text: parsed.output };
  const command = commandOf(parsed, line, commands);
  checkWords(beforeDashes(line), command, commands);
  const args = valuesOf(command, parsed);
  // A recipe after `--` is one that yargs misses; valuesOf has asked for it.
  if (parsed.failure !== undefined && parsed.after.length === 0) throw usage(parsed.failure);
  command.check?.(args);
  return { ask: 'run', command, args };
}

function beforeDashes(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}

/** Whether a word is an option where an option may be: a number below zero is none. */
function isOption(word: string): boolean {
  return word.startsWith('-') && !/^-(\d+(\.\d+)?|\.\d+)?$/.test(word);
}

/** Whether yargs takes a word after an option for its value. */
function isValue(word: string | undefined): word is string {
  return word !== undefined && word !== '' && (!/^-\D/.test(word) || /^-\.\d+$/.test(word));
}

/**
 * Writes `--compare base fisher recipe.yaml` as `--compare=base --compare=fisher recipe.yaml`: yargs would take one of the words or all of them,
 * but a list ends at the word that cannot be meant for it.
 */
function listsSpelledOut(words: readonly string[], commands: readonly Command[]): string[] {
  const options = new Map(commands.flatMap((command) => Object.entries(command.options)));
  const line: string[] = [];
  const end = beforeDashes(words).length;
  for (let i = 0; i < end; i++) {
    const word = words[i];
    const spec = word.startsWith('--') ? options.get(word.slice(2)) : undefined;
    const several: string[] = [];
    if (spec?.takes === 'values')
      while (i + 1 < end && (several.length === 0 ? isValue(words[i + 1]) : isOneOf(words[i + 1], spec)))
        several.push(words[++i]);
    line.push(...(several.length === 0 ? [word] : several.map((value) => `${word}=${value}`)));
  }
  return [...line, ...words.slice(end)];
}

/** Puts the arguments of a command that takes several behind `--`: elsewhere yargs drops `-` and takes -5 for an option. */
function argumentsLast(words: readonly string[], commands: readonly Command[]): readonly string[] {
  const options = new Map(commands.flatMap((command) => Object.entries(command.options)));
  const end = beforeDashes(words).length;
  const loose: number[] = [];
  for (let i = 0; i < end; i++) {
    const spec = words[i].startsWith('--') ? options.get(words[i].slice(2)) : undefined;
    if (spec && spec.takes !== 'nothing') i++;
    else if (!isOption(words[i])) loose.push(i);
  }
  const [first, ...others] = loose;
  const command = commands.find(({ name }) => name === words[first]);
  if (!command?.positional?.several) return words;
  const before = words.slice(0, end).filter((_, i) => !others.includes(i));
  return [...before, '--', ...others.map((i) => words[i]), ...words.slice(end + 1)];
}

/** Whether a word may be meant as a value of a list: it is one of its names, or nearly. */
function isOneOf(given: string, { kind }: Option<unknown>): boolean {
  const names = [...(kind.names ?? []), 'none'];
  return given.split(',').every((word) => nearest(word, names) !== undefined);
}

function commandOf({ loose: [first] }: Parsed, line: readonly string[], commands: readonly Command[]): Command {
  const found = commands.find(({ name }) => name === first);
  if (found) return found;
  // An option that no command has may have taken the command's name for its value, so that it is the one to be told.
  const stray = beforeDashes(line).find((word) => isOption(word) && !commands.some((each) => specOf(word, each)));
  if (stray !== undefined) throw usage(unknownOption(stray, undefined, commands));
  if (first === undefined) throw usage('Which command? dfmerge --help lists them.');
  const names = commands.map(({ name }) => name);
  throw usage(`unknown command ${first}${didYouMean(first, names) || `; expected one of ${names.join(', ')}`}`);
}

/** An option of a command as a word of the line names it. */
interface Named {
  name: string;
  spec: Option<unknown>;
}

const nameIn = (word: string) => word.replace(/=.*$/s, '');

function specOf(word: string, { options }: Command): Named | undefined {
  if (!word.startsWith('--')) return undefined;
  const name = nameIn(word).slice(2);
  if (Object.hasOwn(options, name)) return { name, spec: options[name] };
  const denied = name.startsWith('no-') ? name.slice(3) : '';
  const isFlag = Object.hasOwn(options, denied) && options[denied].takes === 'nothing';
  return isFlag ? { name: denied, spec: options[denied] } : undefined;
}

/** Throws for what yargs takes without a word, or tells in words that help less. */
function checkWords(words: readonly string[], command: Command, commands: readonly Command[]): void {
  const given = new Set<string>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '-') throw usage(`${command.name}: - is no path: nothing is read from standard input`);
    if (!isOption(word)) continue;
    const named = specOf(word, command);
    if (!named) throw usage(unknownOption(word, command, commands));
    const { name, spec } = named;
    const next = words[i + 1] as string | undefined;
    if (spec.takes === 'nothing') checkFlag(word, next);
    else if (word.includes('=')) checkValue(word, word.slice(word.indexOf('=') + 1) || undefined, spec);
    else checkValue(word, words[++i], spec);
    if (given.has(name) && spec.takes !== 'values' && spec.takes !== 'repeated')
      throw usage(`--${name} is given twice`);
    given.add(name);
  }
}

/** yargs would read `--overwrite=yes` as false, and take the `true` of `--overwrite true` for a value. */
function checkFlag(word: string, next: string | undefined): void {
  if (word.includes('=')) throw usage(`${nameIn(word)} takes no value: ${word}`);
  if (next === 'true' || next === 'false') throw usage(`${word} takes no value: ${word} ${next}`);
}

function checkValue(word: string, text: string | undefined, { value, kind }: Option<unknown>): void {
  const name = nameIn(word);
  const expected = `${name} needs a value: ${name} ${value}, ${kind.expected}`;
  if (text === undefined || text === '') throw usage(expected);
  if (!word.includes('=') && !isValue(text))
    throw usage(`${expected} (a value that begins with a dash is written ${name}=${text})`);
}

function unknownOption(given: string, command: Command | undefined, commands: readonly Command[]): string {
  const word = nameIn(given);
  if (!word.startsWith('--'))
    return `unknown option ${given}; a path that begins with a dash goes after --, or after = as in --out=${given}`;
  const likely = nearest(
    word.slice(2),
    command ? Object.keys(command.options) : commands.flatMap(({ options }) => Object.keys(options)),
  );
  const elsewhere = commands.filter(({ options }) => Object.hasOwn(options, word.slice(2))).map(({ name }) => name);
  const those =
    elsewhere.length > 0 ? `, which ${elsewhere.join(' and ')} ${elsewhere.length > 1 ? 'have' : 'has'}` : '';
  return `${command?.name ?? 'dfmerge'} has no option ${word}${likely === undefined ? those : `; did you mean --${likely}?`}`;
}

/** The values of all arguments, as their kinds read the texts. */
function valuesOf(command: Command, { argv, loose, after }: Parsed): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(command.options)) {
    const given = argv[name];
    if (given === undefined) values[name] = spec.fallback;
    else if (spec.takes === 'values') values[name] = listed(name, given as string[], spec);
    else if (spec.takes === 'repeated') values[name] = given;
    else values[name] = typeof given === 'string' ? parsed(name, given, spec) : given;
  }
  const { positional, options } = command;
  const inPlace = positional ? argv[positional.name] : undefined;
  const words = [inPlace ?? [], loose.slice(1), after].flat() as string[];
  if (positional) values[positional.name] = positionalValue(command, positional, words);
  else if (words.length > 0) throw usage(`${command.name}: unexpected argument ${words[0]}`);
  const missing = Object.entries(options).find(([option, { required }]) => required && argv[option] === undefined);
  if (missing) throw usage(`${command.name} needs --${missing[0]} ${missing[1].value}: ${missing[1].describe}`);
  return values;
}

/** The words of a command that are no options and no values of options. */
function positionalValue(
  { name }: Command,
  { name: what, value, required, several = false }: Positional,
  words: readonly string[],
): string | readonly string[] | undefined {
  if (!several && words.length > 1) throw usage(`${name}: unexpected argument ${words[1]} after ${what} ${words[0]}`);
  if (words.includes('') || (required && words.length === 0))
    throw usage(`${name} needs ${several ? '' : 'a '}${what}: dfmerge ${name} ${value}`);
  return several ? words : words[0];
}

function parsed(name: string, word: string, { kind }: Option<unknown>): unknown {
  const value = kind.fromText ? kind.fromText(word) : word;
  if (kind.accepts(value)) return value;
  throw usage(`--${name} ${word}: expected ${kind.expected}${didYouMean(word, kind.names ?? [])}`);
}

function listed(name: string, words: readonly string[], { kind }: Option<unknown>): string[] {
  const entries = words.flatMap((word) => word.split(','));
  if (entries.includes('none') && entries.length > 1) throw usage(`--${name} ${entries.join(' ')}: none stands alone`);
  const values = entries.filter((word) => word !== 'none');
  const names = kind.names ?? [];
  const wrong = values.find((value) => !names.includes(value));
  if (wrong !== undefined)
    throw usage(`--${name} ${wrong}: expected ${names.join(', ')} or none${didYouMean(wrong, names)}`);
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw usage(`--${name}: ${twice} is given twice`);
  return values;
}
