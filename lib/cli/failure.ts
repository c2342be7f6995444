import { OptimizerError } from '../bayes/index.js';
import { DfMergeError } from '../core/errors.js';

/** The exit codes of the command line, besides those of signals. */
export const EXIT = { failed: 1, usage: 2 } as const;

/** The signals that end a run after its current slice of work, and the exit codes that shells know them by. */
export const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const;

/** All that an interruption says by itself. */
export const STOPPED = 'stopped';

/** Why a command line's run was stopped: it is the reason of its AbortSignal, with which every function then rejects. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly code = 'INTERRUPTED';

  constructor(
    readonly signal: keyof typeof SIGNAL_EXIT,
    message = STOPPED,
  ) {
    super(message);
  }
}

/**
 * Tells the user what went wrong, on standard error; returns the exit code. Errors that dfmerge throws on purpose are told in a line;
 * anything else is a defect and comes with its stack.
 */
export function reportFailure(error: unknown, json: boolean): number {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  } else if (code === 'INTERNAL') {
    process.stderr.write(
      `dfmerge: this is a defect of dfmerge, please report it:\n${error instanceof Error ? error.stack : message}\n`,
    );
  } else {
    process.stderr.write(`dfmerge: ${message}\n`);
    if (isUsage(error)) process.stderr.write('Run dfmerge --help, or dfmerge COMMAND --help.\n');
  }
  if (error instanceof Interruption) return SIGNAL_EXIT[error.signal];
  return isUsage(error) ? EXIT.usage : EXIT.failed;
}

function isUsage(error: unknown): boolean {
  return error instanceof DfMergeError && error.code === 'INVALID_ARGUMENT';
}

function codeOf(error: unknown): string {
  const known = error instanceof DfMergeError || error instanceof OptimizerError || error instanceof Interruption;
  return known ? error.code : 'INTERNAL';
}
