import yargs, { type Argv, type Options as YargsOption } from 'yargs';
import { architectures } from '../architectures/index.js';
import { VERSION } from '../core/version.js';
import type { Command, Positional } from './command.js';
import type { Option } from './options.js';

const WIDEST = 100;

const NOTES = `Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (Ctrl-C), 143 terminated.
DFMERGE_ISA forces an instruction set (scalar, generic, avx2, avx512, avx512bf16, amx), DFMERGE_MATMUL what multiplies matrices (builtin, onednn);
DFMERGE_NO_MMAP=1 reads files without mapping them;
DFMERGE_CACHE is the folder of token ids kept between runs (off: none).`;

/** What yargs makes of a command line. */
export interface Parsed {
  /** Texts by the names of options and of the positional argument, and defaults; flags are booleans. */
  argv: Record<string, unknown>;
  /** The words that are no options, the command first. */
  loose: readonly string[];
  /** The words after `--`. */
  after: readonly string[];
  /** The help or the version, where either was asked for. */
  output: string;
  /** What yargs has against the line. */
  failure?: string;
}

/** How wide a text for this stream may be: 80 columns where the stream is no terminal. */
export function widthOf(stream: { columns?: number }): number {
  return Math.max(30, Math.min(WIDEST, stream.columns ?? 80));
}

/** Parses a command line with yargs, which prints nothing and does not end the process. */
export function parse(words: readonly string[], commands: readonly Command[], width: number): Parsed {
  const seen: Pick<Parsed, 'output' | 'failure'> = { output: '' };
  let argv: Record<string, unknown> = {};
  const parser = parserOf(commands, width).fail((message, error) => {
    // yargs goes on after a failure, and what follows from the first one says less than it.
    seen.failure ??= message ?? error.message;
  });
  void parser.parse([...words], {}, (_error, parsed, output) => {
    argv = parsed;
    // An argument of which there may be several begins as an empty list for yargs.
    seen.output = output.replaceAll(' [default: []]', '');
  });
  const { _: loose = [], '--': after = [] } = argv as Record<string, string[] | undefined>;
  return { argv, loose, after, ...seen };
}

function parserOf(commands: readonly Command[], width: number): Argv {
  const parser = yargs()
    .locale('en')
    .scriptName('dfmerge')
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': true,
      'short-option-groups': false,
    })
    .usage(`$0 COMMAND [options]\n\n${about()}`)
    .demandCommand(1)
    .strict()
    .help('help', 'this text')
    .alias('help', 'h')
    .version('version', 'the version', VERSION)
    .epilogue(NOTES)
    .wrap(width)
    .exitProcess(false);
  for (const command of commands)
    parser.command(
      lineOf(command),
      command.describe,
      (within) => withArguments(within, command),
      () => undefined,
    );
  return withoutCommand(parser, commands);
}

/** Tells the parser which options have values where they stand before the command; no help lists them there, and no command inherits them. */
function withoutCommand(parser: Argv, commands: readonly Command[]): Argv {
  const all = new Map(commands.flatMap(({ options }) => Object.entries(options)));
  const named = (wanted: Option<unknown>['takes'][]) =>
    [...all].flatMap(([name, { takes }]) => (wanted.includes(takes) ? [name] : []));
  parser
    .boolean(named(['nothing']))
    .string(named(['value', 'values', 'repeated']))
    .array(named(['values', 'repeated']))
    .requiresArg(named(['value', 'values', 'repeated']));
  // The types of yargs leave the second parameter out.
  return (parser as unknown as { global(names: string[], global: boolean): Argv }).global([...all.keys()], false);
}

function lineOf({ name, positional }: Command): string {
  if (!positional) return name;
  const word = positional.several ? `${positional.name}..` : positional.name;
  return positional.required ? `${name} <${word}>` : `${name} [${word}]`;
}

function withArguments(parser: Argv, { name, describe, positional, options, examples, epilogue }: Command): Argv {
  const required = Object.entries(options).filter(([, spec]) => spec.required);
  const synopsis = [
    `$0 ${name}`,
    ...(positional ? [synopsisOf(positional)] : []),
    ...required.map(([option, { value }]) => `--${option} ${value}`),
    '[options]',
  ];
  parser.usage(`${synopsis.join(' ')}\n\n${describe}`);
  if (positional) parser.positional(positional.name, { type: 'string', describe: positional.describe });
  for (const [option, spec] of Object.entries(options)) {
    if (spec.takes === 'nothing') withFlag(parser, option, spec);
    else parser.option(option, yargsOption(spec));
  }
  parser.example(examples.map(([line, what]): [string, string] => [line, what]));
  return epilogue ? parser.epilogue(epilogue()) : parser;
}

function synopsisOf({ value, required, several }: Positional): string {
  const words = several ? `${value} ...` : value;
  return required ? words : `[${words}]`;
}

/** A flag that holds unless it is denied is listed as its denial; one that is neither true nor false by itself, as both. */
function withFlag(parser: Argv, name: string, { describe, fallback }: Option<unknown>): void {
  const prefix = fallback === true ? 'no-' : fallback === undefined ? '[no-]' : '';
  parser.boolean([name, `${prefix}${name}`]).describe(`${prefix}${name}`, describe);
}

function yargsOption({ describe, kind, takes, required, fallback }: Option<unknown>): YargsOption {
  const names = kind.names ?? [];
  const choices = takes === 'value' && kind.fromText === undefined && names.length > 0;
  return {
    describe: takes === 'values' ? `${describe} (${names.join(', ')})` : describe,
    demandOption: required,
    requiresArg: true,
    ...(takes === 'values' || takes === 'repeated' ? { array: true } : {}),
    // Numbers stay texts until their kind has read them, and are not called strings in the help for that.
    ...(kind.fromText ? {} : { string: true }),
    ...(choices ? { choices: names } : {}),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

function about(): string {
  const titles = architectures()
    .map(({ title }) => title)
    .join(', ');
  return `Merge fine-tuned ${titles} models into one multi-task model by Dynamic Fisher-weighted Merging.`;
}
