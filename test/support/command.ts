import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program that `dfmerge` starts. */
export const MAIN = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'lib', 'cli', 'main.js');

/** How a command ended. */
export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts `dfmerge ...` in a process of its own. */
export function startCommand(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): { child: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const finished = new Promise<Finished>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
  return { child, finished };
}

/** Runs `dfmerge ...` to its end. */
export function runCommand(
  args: readonly string[],
  options?: { cwd?: string; env?: Record<string, string> },
): Promise<Finished> {
  return startCommand(args, options).finished;
}

/** One line of the file that `evaluate --details` writes. */
export interface DetailLine {
  index: number;
  nll: number[];
  tokens: number[];
  prediction: number;
  label: number;
}

/** Parses the text of such a file into its lines. */
export const detailLines = (text: string): DetailLine[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DetailLine);
