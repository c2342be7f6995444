// What the cases share: workspaces, commands that are hurt at a step, and what must not have changed.
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/tiny_t5.js';
import { makeWorkspace } from '../support/workspace.js';
import type { Fault } from './preload.js';

const MAIN = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url));
const PRELOAD = new URL('preload.js', import.meta.url).href;

/** How a process ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Start {
  cwd: string;
  fault?: Fault;
  /** Variables of the environment; undefined takes one away. */
  env?: Record<string, string | undefined>;
  stdio?: StdioOptions;
  /** What is run in place of the command line. */
  program?: string;
  /** Words before `node`, such as those of prlimit. */
  launcher?: readonly string[];
}

/** Starts `dfmerge ...` in a folder. */
export function start(args: readonly string[], options: Start): { child: ChildProcess; ended: Promise<Ended> } {
  const { cwd, fault, env, stdio = ['ignore', 'pipe', 'pipe'], launcher = [], program = MAIN } = options;
  const hooks = fault ? { NODE_OPTIONS: `--import=${PRELOAD}`, DFMERGE_FAULT: JSON.stringify(fault) } : {};
  const [command, ...rest] = [...launcher, process.execPath, program, ...args];
  const child = spawn(command, rest, { cwd, env: { ...process.env, ...hooks, ...env }, stdio });
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

/** Runs `dfmerge ...` in a folder to its end. */
export const run = (args: readonly string[], options: Start): Promise<Ended> => start(args, options).ended;

let template: Promise<string> | undefined;

/** A new folder with models/base, a and b, data/a and b, and recipe.yaml: the same bytes each time. */
export async function freshFolder(): Promise<string> {
  template ??= makeWorkspace().then(({ dir }) => dir);
  const folder = join(await temporaryFolder(), 'work');
  cpSync(await template, folder, { recursive: true });
  return folder;
}

/** The steps of a command that is not hurt. */
export async function stepsOf(args: readonly string[], options: Start): Promise<string[]> {
  const log = join(await temporaryFolder(), 'steps');
  const { code, stderr } = await run(args, { ...options, fault: { ...options.fault, log } });
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code}\n${stderr}`);
  return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
}

/** What a folder holds: a digest for each file, by its path. Times in a record or report do not count. */
export function contents(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string): void => {
    const stats = lstatSync(path);
    const name = relative(folder, path);
    if (stats.isDirectory()) for (const entry of readdirSync(path).sort()) visit(join(path, entry));
    else if (stats.isSymbolicLink()) found[name] = `link to ${readlinkSync(path)}`;
    else if (stats.isFile()) found[name] = createHash('sha256').update(steady(path)).digest('hex').slice(0, 16);
    else found[name] = 'special';
  };
  if (existsSync(folder)) visit(folder);
  return found;
}

function steady(path: string): Buffer | string {
  if (path.endsWith('report.html')) return 'times are drawn in it';
  const bytes = readFileSync(path);
  if (path.endsWith('journal.jsonl')) return bytes.toString().replace(/"seconds":(\{[^}]*\}|[^,}]*)/g, '');
  if (!path.endsWith('dfmerge.json') && !path.endsWith('demo.json')) return bytes;
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(bytes.toString()) as Record<string, unknown>;
  } catch {
    return bytes; // It was being written.
  }
  delete record.timing;
  delete record.files; // Among them are the sizes and digests of the report.
  return JSON.stringify(record);
}

/** The part of contents() below one name, or beside it. */
export function below(all: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([path]) => path === name || path.startsWith(`${name}/`)));
}

export function without(all: Record<string, string>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(all).filter(([path]) => !names.some((name) => path === name || path.startsWith(`${name}/`))),
  );
}

/** About `count` numbers from 1 to `last`, evenly spread, with both ends; all of them with DFMERGE_FAULTS=all. */
export function spread(last: number, count: number): number[] {
  const all = process.env.DFMERGE_FAULTS === 'all' || last <= count;
  const numbers = Array.from({ length: all ? last : count }, (_, i) =>
    all ? i + 1 : 1 + Math.round((i * (last - 1)) / (count - 1)),
  );
  return [...new Set(numbers)];
}

/** Waits until a condition holds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const start = Date.now();
  while (!holds()) {
    if (Date.now() - start > 120_000) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const sizeOf = (path: string): number => statSync(path).size;
