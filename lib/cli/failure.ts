import { OptimizerError } from '../bayes/index.js';
import { DfMergeError } from '../core/errors.js';

/** A command line that cannot be understood. */
export class UsageError extends Error {}

/** The exit codes of the command line. */
export const EXIT = { failed: 1, usage: 2, interrupted: 130 } as const;

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
    if (code === 'USAGE') process.stderr.write('Run dfmerge --help, or dfmerge COMMAND --help.\n');
  }
  if (code === 'ABORTED') return EXIT.interrupted;
  return code === 'USAGE' ? EXIT.usage : EXIT.failed;
}

function codeOf(error: unknown): string {
  if (error instanceof DfMergeError || error instanceof OptimizerError) return error.code;
  return error instanceof UsageError ? 'USAGE' : 'INTERNAL';
}
