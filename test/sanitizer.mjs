// What the runs of the sanitizers in asan.mjs and tsan.mjs share; amx.mjs uses it too.
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

// make compiles one file at a time where nothing is said.
process.env.CMAKE_BUILD_PARALLEL_LEVEL ??= String(availableParallelism());

/** Runs a command in the repository and shows its output. Says whether it ended well, and how. */
export function run(title, command, args, options = {}) {
  console.log(`== ${title}`);
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  return { ok: status === 0, how: error?.message ?? signal ?? `exit status ${status}` };
}

/**
 * Runs a command once for each of `runs`, a title and arguments, two at a time, and shows the output of each when it has ended. Says of each
 * whether it ended well, how, and what it wrote to stderr.
 */
export async function inPairs(command, runs, options = {}) {
  const waiting = [...runs];
  const ended = [];
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { title, args } = next;
      const result = await new Promise((resolve) => {
        const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
        let [output, stderr] = ['', ''];
        child.stdout.on('data', (data) => (output += data));
        child.stderr.on('data', (data) => ((output += data), (stderr += data)));
        child.on('error', (error) => resolve({ ok: false, how: error.message, output, stderr }));
        child.on('close', (status, signal) =>
          resolve({ ok: status === 0, how: signal ?? `exit status ${status}`, output, stderr }),
        );
      });
      if (options.quiet !== true) console.log(`== ${title}\n${result.output}`);
      ended.push({ title, ...result });
    }
  };
  await Promise.all([work(), work()]);
  return ended;
}

/** Builds with one kind of sanitizer into `home`/build, and ends the process where that fails. */
export function build(kind, home, more = []) {
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
  const { ok } = run(`building with the ${kind} sanitizer`, process.execPath, [
    cmakeJs,
    'build',
    '-O',
    join(home, 'build'),
    `--CDDFMERGE_SANITIZE=${kind}`,
    ...more,
  ]);
  if (!ok) process.exit(1);
}
