import type { RunOptions } from '../core/progress.js';
import type { Options, ValuesOf } from './options.js';
import type { ProgressDisplay } from './progress.js';

/** What a command has besides its options. */
export interface Terminal {
  /** The signal of Ctrl-C, and where progress and warnings go: to be handed to the function that does the work. */
  run: Required<RunOptions> & { signal: AbortSignal };
  progress: ProgressDisplay;
}

/** What came of a command. */
export interface Outcome {
  /** What --json prints, besides the command, its output and the version; absent where the command has printed it already. */
  result?: object;
  /** What was written, as the user named it. */
  out?: string;
  /** Prints the result for people. */
  show: () => void;
}

/** The argument of a command that is no option. */
export interface Positional {
  name: string;
  /** What stands for it in the help, such as RECIPE. */
  value: string;
  describe: string;
  required: boolean;
  /** Whether there may be several, so that the value is a list; it may hold `-`, which stands for standard input or nothing. */
  several?: boolean;
}

/** A command as the command line knows it. */
export interface Command {
  name: string;
  describe: string;
  positional?: Positional;
  options: Options;
  /** Command lines and what they do. */
  examples: readonly (readonly [line: string, what: string])[];
  epilogue?: () => string;
  /** Throws INVALID_ARGUMENT for options that do not go together. No file has been read yet. */
  check?: (args: Record<string, unknown>) => void;
  run: (args: Record<string, unknown>, terminal: Terminal) => Promise<Outcome> | Outcome;
}

/** A command whose functions know the types of its options. */
export interface TypedCommand<O extends Options, P extends Positional> extends Omit<
  Command,
  'check' | 'run' | 'options' | 'positional'
> {
  positional?: P;
  options: O;
  check?: (args: ArgumentsOf<O, P>) => void;
  run: (args: ArgumentsOf<O, P>, terminal: Terminal) => Promise<Outcome> | Outcome;
}

/** The values of a command's options and of its positional argument. */
export type ArgumentsOf<O extends Options, P extends Positional = never> = ValuesOf<O> &
  ([P] extends [never] ? unknown : Record<P['name'], P extends { several: true } ? string[] : string>);

/** Defines a command; the types of its arguments follow from its options. */
export function command<O extends Options, const P extends Positional = never>(
  definition: TypedCommand<O, P>,
): Command {
  return definition as unknown as Command;
}
