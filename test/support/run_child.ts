import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** How a process of child.ts ended. */
export interface ChildEnd {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Runs child.ts in a worker thread of this process, whose output can be read. */
export function workerOf(args: readonly string[]): Worker {
  return new Worker(new URL('child.js', import.meta.url), { argv: [...args], stdout: true });
}

/** Runs child.ts in a process of its own. */
export function runChild(
  args: readonly string[],
  options: { env?: Record<string, string>; flags?: string[] } = {},
): Promise<ChildEnd> {
  const program = fileURLToPath(new URL('child.js', import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...(options.flags ?? []), program, ...args],
      { env: { ...process.env, ...options.env } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr }),
    );
  });
}
