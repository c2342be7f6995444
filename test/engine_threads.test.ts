// A system that refuses threads: the engine works with those that it got, and says so. Refusals are real where this process may lower the
// limit of another user's process, and made by the addon of tests everywhere.
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { useAddon } from '../bindings/index.js';
import { testing } from '../bindings/testing/index.js';
import { packRows } from '../lib/engine/batch.js';
import { runChild } from './support/run_child.js';
import { openT5, randomRows, randomWeights, V1_0 } from './support/random_t5.js';

const ROWS = packRows(randomRows(V1_0, [[7, [3, 2]]]), [0]);
const addon = testing();
useAddon(addon);
test.afterEach.always(() => addon.faults.giveThreads(-1));

/** Opens a session on 6 threads of which the system gives `count` besides the one that there is. */
async function opened(count: number): Promise<{ threads: number; warnings: string[]; nll: Float64Array }> {
  addon.faults.giveThreads(count);
  const warnings: string[] = [];
  const model = await openT5(V1_0, [randomWeights(V1_0, 3)], {
    threads: 6,
    onWarning: (message) => warnings.push(message),
  });
  await model.load(0);
  const nll = await model.job((engine) => engine.score(ROWS));
  model.close();
  return { threads: model.threads, warnings, nll };
}

test.serial('a session goes on with the threads that started, to the same bits, and warns', async (t) => {
  const whole = await opened(5);
  t.deepEqual([whole.threads, whole.warnings], [6, []]);
  for (const count of [4, 1, 0]) {
    const fewer = await opened(count);
    t.is(fewer.threads, count + 1);
    t.is(fewer.warnings.length, 1);
    t.regex(
      fewer.warnings[0] ?? '',
      new RegExp(`^only ${count + 1} of 6 threads .*limit.*ulimit -u.*threads: ${count + 1}`),
    );
    t.deepEqual(fewer.nll, whole.nll);
  }
});

test.serial('threads that were refused once are asked for again by the next engine', async (t) => {
  t.is((await opened(2)).threads, 3);
  t.is((await opened(-1)).threads, 6);
});

/** Words that run a program as a user who may have `most` processes and threads. */
const limited = (most: number) =>
  ['prlimit', `--nproc=${most}`, 'setpriv', '--reuid=54321', '--regid=54321', '--clear-groups'] as const;

test.serial('a real limit (ulimit -u): the process works on, where it used to be aborted', async (t) => {
  const [command, ...words] = limited(1000);
  if (spawnSync(command, [...words, process.execPath, '--version']).status !== 0) {
    t.log('skipped: needs root, prlimit and setpriv, to run as a user with a limit');
    return t.pass();
  }
  const program = fileURLToPath(new URL('support/child.js', import.meta.url));
  const run = (most: number) =>
    new Promise<{ status: number | null; signal: string | null; stdout: string; stderr: string }>((resolve) => {
      const [name, ...args] = [...limited(most), process.execPath, program, 'threads', '24'];
      const child = execFile(name, args, (_error, stdout, stderr) =>
        resolve({ status: child.exitCode, signal: child.signalCode, stdout, stderr }),
      );
    });
  const whole = JSON.parse((await runChild(['threads', '24'])).stdout) as { threads: number; nll: number[] };
  t.is(whole.threads, 24);
  // Node itself starts about 11 threads and has no way to do without.
  const end = await run(18);
  t.is(end.signal ?? end.status, 0, end.stderr);
  const fewer = JSON.parse(end.stdout) as { threads: number; warnings: string[]; nll: number[] };
  t.true(fewer.threads > 1 && fewer.threads < 18, `${fewer.threads} threads`);
  t.regex(fewer.warnings.join(), /^only \d+ of 24 threads could be started/);
  t.deepEqual(fewer.nll, whole.nll);
});
