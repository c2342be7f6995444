import { jsonText } from '../core/json.js';
import { VERSION } from '../core/version.js';
import type { Command } from './command.js';
import { Interruption, SIGNAL_EXIT, STOPPED } from './failure.js';
import { ProgressDisplay } from './progress.js';
import { commandLine } from './shell.js';

/**
 * Runs a command and prints what came of it. Ctrl-C (or SIGTERM) ends its work after the current slice; a second one ends the process at
 * once. Errors: those of the command, and Interruption.
 */
export async function runCommand(command: Command, args: Record<string, unknown>): Promise<void> {
  const json = args.json === true;
  // What a program reads from standard error is one JSON object; on a terminal it is a person who reads.
  const progress = new ProgressDisplay({ quiet: args.quiet === true || (json && !process.stderr.isTTY) });
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(SIGNAL_EXIT[signal as keyof typeof SIGNAL_EXIT]);
    controller.abort(new Interruption(signal as keyof typeof SIGNAL_EXIT));
  };
  for (const signal of Object.keys(SIGNAL_EXIT)) process.on(signal, stop);
  try {
    const run = { signal: controller.signal, onProgress: progress.update, onWarning: progress.warning };
    const { result, out, show } = await command.run(args, { run, progress });
    progress.stop();
    const head = { command: command.name, version: VERSION, ...(out === undefined ? {} : { out }) };
    if (!json) show();
    else if (result) process.stdout.write(jsonText({ ...head, ...result }));
  } catch (error) {
    throw error instanceof Interruption ? withAdvice(error, command, args) : error;
  } finally {
    progress.stop();
    for (const signal of Object.keys(SIGNAL_EXIT)) process.off(signal, stop);
  }
}

/** What was written and what to do next, where the command has not said it: everything but a search writes its output at the end or not at all. */
function withAdvice(error: Interruption, { name }: Command, { out }: Record<string, unknown>): Interruption {
  if (error.message !== STOPPED || typeof out !== 'string' || name === 'demo') return error;
  const line = commandLine(process.argv.slice(2));
  return new Interruption(error.signal, `stopped; nothing was written to ${out}. Begin anew with: ${line}`);
}
