import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';

/** What tells a process from every other one, on this host and elsewhere. What a platform does not tell is an empty string. */
export interface ProcessIdentity {
  host: string;
  /** Differs between hosts and between two starts of one host; containers of one host share it. */
  boot: string;
  /** Numbers of processes mean the same only within one of these. */
  pidNamespace: string;
  pid: number;
  /** When the process began, in the platform's own notation: a number that is given again then means another process. */
  started: string;
}

/** Whether a process is still there; `unknown` for one of another host or another PID namespace. */
export type ProcessState = 'alive' | 'dead' | 'unknown';

let own: Promise<ProcessIdentity> | undefined;

/** The identity of this process. */
export function thisProcess(): Promise<ProcessIdentity> {
  own ??= Promise.all([bootId(), readlink('/proc/self/ns/pid').catch(() => ''), startOf(process.pid)]).then(
    ([boot, pidNamespace, started]) => ({ host: hostname(), boot, pidNamespace, pid: process.pid, started }),
  );
  return own;
}

/** Whether the process of an identity is still there, as far as this one can see it. */
export async function stateOf(other: ProcessIdentity): Promise<ProcessState> {
  const { boot, pidNamespace } = await thisProcess();
  const visible = boot !== '' && other.boot === boot && other.pidNamespace === pidNamespace;
  if (!visible) return 'unknown';
  try {
    process.kill(other.pid, 0); // Signal 0 only asks whether the process is there.
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'dead';
  }
  const started = await startOf(other.pid);
  return started === '' || other.started === '' || started === other.started ? 'alive' : 'dead';
}

async function bootId(): Promise<string> {
  if (process.platform === 'darwin') return output('sysctl', ['-n', 'kern.bootsessionuuid']);
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
}

async function startOf(pid: number): Promise<string> {
  if (process.platform === 'darwin') return output('ps', ['-o', 'lstart=', '-p', String(pid)]);
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name, in parentheses, may hold spaces and parentheses. The start, in clock ticks since the boot, is the 20th field after it.
  return line.slice(line.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

async function output(command: string, args: string[]): Promise<string> {
  return promisify(execFile)(command, args).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}
