// Runs the engine's work on several threads under the thread sanitizer: npm run test:tsan
// test/native/thread_checks.cc says why this is a program of its own. Every report counts: nothing is suppressed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, root, run } from './sanitizer.mjs';

const home = join(root, 'build-tsan');
const program = join(home, 'build', 'thread_checks');
const REPORTED = 66; // The exit status after a report.
const env = { ...process.env, TSAN_OPTIONS: `exitcode=${REPORTED}:second_deadlock_stack=1` };

build('thread', home, ['--target', 'thread_checks']);

/** The words before the program's own arguments under which a race made on purpose is reported; undefined where it never is. */
function launcher() {
  // The sanitizer's map of the address space does not fit where the kernel randomises many bits of it.
  for (const words of [[], ['setarch', '-R']]) {
    const [command, ...args] = [...words, program, '--race'];
    const { status, stderr, error } = spawnSync(command, args, { env, encoding: 'utf8', cwd: root });
    if (status === REPORTED && stderr.includes('data race')) return words;
    console.log(
      `${[...words, 'thread_checks'].join(' ')}: ${error?.message ?? `exit status ${status}, ${(stderr ?? '').trim().split('\n')[0]}`}`,
    );
  }
  return undefined;
}

const words = launcher();
if (!words) {
  console.log(
    '\nthread sanitizer: it does not report a race that was made on purpose, so that its silence would say nothing',
  );
  process.exit(1);
}
const [command, ...args] = [...words, program];
const { ok, how } = run('thread checks', command, args, { env });
console.log(
  ok
    ? '\nthread sanitizer: no findings'
    : `\nthread sanitizer: ${how === `exit status ${REPORTED}` ? 'data races, reported above' : how}`,
);
process.exit(ok ? 0 : 1);
