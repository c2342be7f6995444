// What the runs of the sanitizers in asan.mjs and tsan.mjs share; amx.mjs uses it too.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

/** Runs a command in the repository and shows its output. Says whether it ended well, and how. */
export function run(title, command, args, options = {}) {
  console.log(`== ${title}`);
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  return { ok: status === 0, how: error?.message ?? signal ?? `exit status ${status}` };
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
