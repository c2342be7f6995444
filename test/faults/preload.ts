// Loaded into a command's process before its own modules (node --import): counts the steps by which the process changes the file system, and
// does harm right before one of them. What the native side writes is not counted, and lies between two steps.
import { execSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

/** What DFMERGE_FAULT holds, as JSON. */
export interface Fault {
  /** The number of the step before which harm is done, from 1. */
  at?: number;
  /** Or: a regular expression that the line of a step, such as `rename /x/.out.tmp-1 /x/out`, has to match; the `nth` one counts, from 1. */
  on?: string;
  nth?: number;
  /** Kills this process with the signal, or runs a command of the shell. */
  signal?: NodeJS.Signals;
  shell?: string;
  /** Takes away the system call that exchanges two names in one step, as on file systems that lack it. */
  noExchange?: boolean;
  /** A file that gets the line of each step. */
  log?: string;
}

const fault = JSON.parse(process.env.DFMERGE_FAULT ?? '{}') as Fault;
delete process.env.DFMERGE_FAULT;
delete process.env.NODE_OPTIONS; // What the command starts is left alone.
const on = fault.on === undefined ? undefined : new RegExp(fault.on);
const log = fault.log === undefined ? undefined : fs.openSync(fault.log, 'a');
const { writeSync } = fs;
let steps = 0;
let matching = 0;
let done = false;

function step(line: string): void {
  steps++;
  if (log !== undefined) writeSync(log, `${line}\n`);
  if (on?.test(line)) matching++;
  if (done || (steps !== fault.at && (matching === 0 || matching < (fault.nth ?? 1)))) return;
  done = true;
  if (fault.shell !== undefined) execSync(fault.shell, { stdio: 'ignore' });
  if (fault.signal !== undefined) process.kill(process.pid, fault.signal);
}

type Call = (...args: unknown[]) => unknown;
type Calls = Record<string, Call>;

const words = (args: unknown[]): string => args.filter((arg) => typeof arg === 'string').join(' ');

function count(owner: Calls, name: string, describe = (args: unknown[]): string | undefined => words(args)): void {
  const original = owner[name];
  owner[name] = function (this: unknown, ...args: unknown[]) {
    const line = describe(args);
    if (line !== undefined) step(`${name} ${line}`);
    return original.apply(this, args);
  };
}

/** Opening a file changes something only where it may make or cut one. */
const opens = ([path, flags]: unknown[]): string | undefined =>
  (typeof flags === 'string' && /[wa]/.test(flags)) ||
  (typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0)
    ? `${String(path)} ${flags}`
    : undefined;
const writes = ([data]: unknown[]): string => (typeof data === 'string' ? `${data.length} characters` : 'bytes');

const CHANGING = ['mkdir', 'mkdtemp', 'rename', 'unlink', 'rmdir', 'copyFile', 'link', 'symlink', 'truncate', 'chmod'];
const promises = fs.promises as unknown as Calls;
const sync = fs as unknown as Calls;
const handle = await fs.promises.open('/dev/null');
const handles = Object.getPrototypeOf(handle) as Calls;
await handle.close();

for (const name of CHANGING) {
  count(promises, name);
  count(sync, `${name}Sync`);
}
for (const name of ['writeFile', 'appendFile']) {
  count(promises, name, ([path]) => `${typeof path === 'string' ? path : 'handle'}`);
  count(sync, `${name}Sync`, ([path]) => String(path));
  count(handles, name, writes);
}
for (const name of ['write', 'writev', 'truncate']) count(handles, name, writes);
for (const name of ['writeSync', 'ftruncateSync'])
  count(sync, name, ([descriptor]) => `descriptor ${String(descriptor)}`);
count(promises, 'open', opens);
count(sync, 'openSync', opens);

// A folder is removed entry by entry, so that harm can be done in the middle of that too.
promises.rm = async (path, options) => removeSync(String(path), options as fs.RmOptions | undefined);
sync.rmSync = (path, options) => removeSync(String(path), options as fs.RmOptions | undefined);

function removeSync(path: string, options: fs.RmOptions = {}): void {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!stats && options.force) return;
  if (!stats?.isDirectory()) return fs.unlinkSync(path);
  for (const name of fs.readdirSync(path)) removeSync(join(path, name), options);
  fs.rmdirSync(path);
}

if (fault.noExchange) {
  const extensions = createRequire(import.meta.url)('fs-native-extensions') as Calls;
  extensions.swap = async () => {
    throw new Error('the file system does not know this');
  };
}

syncBuiltinESMExports();
