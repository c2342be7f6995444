import stringWidth from 'string-width';
import type { Command } from './command.js';
import type { Option } from './options.js';

const WIDEST = 100;
/** The widest a first column gets; longer names have their words on the next line. */
const COLUMN = 26;

/** How wide a text for this stream may be: 80 columns where the stream is no terminal. */
export function widthOf(stream: { columns?: number }): number {
  return Math.max(30, Math.min(WIDEST, stream.columns ?? 80));
}

/** The help of the whole command line. */
export function helpOfAll(
  commands: readonly Command[],
  words: { about: string; notes: string; width: number },
): string {
  const { about, notes, width } = words;
  return [
    'dfmerge COMMAND [options]',
    wrapped(about, width),
    section(
      'Commands:',
      rows(
        commands.map(({ name, describe }) => [name, describe]),
        width,
      ),
    ),
    section(
      'Options:',
      rows(
        [
          ['--help, -h', "this, or a command's help"],
          ['--version', 'the version'],
        ],
        width,
      ),
    ),
    wrapped(notes, width),
  ].join('\n\n');
}

/** The help of one command. */
export function helpOf(command: Command, width: number): string {
  const { name, positional, options, describe, examples, epilogue } = command;
  const required = Object.entries(options).filter(([, spec]) => spec.required);
  const synopsis = [
    `dfmerge ${name}`,
    ...(positional ? [positional.required ? positional.value : `[${positional.value}]`] : []),
    ...required.map(([option, { value }]) => `--${option} ${value}`),
    '[options]',
  ].join(' ');
  const arguments_: Row[] = positional ? [[positional.value, positional.describe]] : [];
  const optionRows = Object.entries(options).map(([option, spec]): Row => [left(option, spec), right(spec)]);
  const lines = examples.map(
    ([line, what]) =>
      `${wrapped(line, width, { indent: '  ', further: '      ' })}\n${wrapped(what, width, { indent: '      ' })}`,
  );
  return [
    wrapped(synopsis, width, { further: '    ' }),
    wrapped(describe, width),
    section('Options:', rows([...arguments_, ...optionRows, ['--help, -h', 'this text']], width)),
    ...(lines.length > 0 ? [section('Examples:', lines.join('\n'))] : []),
    ...(epilogue ? [wrapped(epilogue(), width)] : []),
  ].join('\n\n');
}

type Row = readonly [left: string, right: string];

function section(title: string, body: string): string {
  return `${title}\n${body}`;
}

function left(name: string, { takes, value, fallback }: Option<unknown>): string {
  if (takes === 'nothing') return `--${fallback === true ? 'no-' : fallback === undefined ? '[no-]' : ''}${name}`;
  return `--${name} ${value}${takes === 'values' ? ' …' : ''}`;
}

function right({ describe, kind, value, takes, required, fallback }: Option<unknown>): string {
  const names = kind.names ?? [];
  const [words, ...rest] = describe.split(/ (?=\[)/);
  const known = takes === 'nothing' || value === names.join('|') || names.every((name) => words.includes(name));
  const standing = fallback === undefined || typeof fallback === 'boolean' ? [] : [`[default: ${fallback as string}]`];
  return [words, ...(known ? [] : [`(${names.join(', ')})`]), ...rest, ...(required ? ['[required]'] : standing)].join(
    ' ',
  );
}

/** Two columns, whose right one is wrapped. */
function rows(entries: readonly Row[], width: number): string {
  const column = Math.min(COLUMN, Math.max(...entries.map(([name]) => stringWidth(name))), Math.floor(width / 3));
  const indent = ' '.repeat(column + 4);
  return entries
    .map(([name, words]) => {
      const first =
        stringWidth(name) > column ? `  ${name}\n${indent}` : `  ${name}${' '.repeat(column - stringWidth(name))}  `;
      return `${first}${wrapped(words, width, { indent }).slice(indent.length)}`;
    })
    .join('\n');
}

/** Cuts each line of a text between words. Lines that are indented themselves go on a little further in. */
function wrapped(text: string, width: number, margins: { indent?: string; further?: string } = {}): string {
  const { indent = '', further = indent } = margins;
  return text
    .split('\n')
    .map((line) => wrappedLine(line, width, { indent, further }))
    .join('\n');
}

function wrappedLine(text: string, width: number, { indent, further }: { indent: string; further: string }): string {
  const own = /^ */.exec(text)?.[0] ?? '';
  const hanging = own === '' ? '' : `${own}  `;
  const lines: string[] = [];
  let line = `${indent}${own}`;
  let empty = true;
  for (const word of text.trim().split(/ (?=\S)/)) {
    if (!empty && stringWidth(line) + 1 + stringWidth(word) > width) {
      lines.push(line);
      line = `${further}${hanging}${word.trim()}`;
    } else {
      line += empty ? word : ` ${word}`;
    }
    empty = false;
  }
  return [...lines, line].join('\n').trimEnd();
}
