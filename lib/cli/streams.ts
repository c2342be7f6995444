import { DfMergeError } from '../core/errors.js';
import { reportFailure } from './failure.js';

/**
 * Takes what goes wrong with standard output and standard error. A reader that has seen enough (`| head`) is no failure: the work goes on, and
 * what nobody reads is dropped. A full disk under standard output is a failure.
 */
export function guardStreams(json: boolean): void {
  let failed = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || failed) return;
    failed = true;
    process.exitCode = reportFailure(new DfMergeError('IO', `standard output: ${error.message}`), json);
  });
  // Nothing can be told where nobody listens, and the exit code still says how the command ended.
  process.stderr.on('error', () => undefined);
}
