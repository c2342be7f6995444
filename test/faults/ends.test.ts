// Commands whose reader goes away, and commands that get a signal.
import { openSync } from 'node:fs';
import test from 'ava';
import { contents, freshFolder, run, start } from './harm.js';

const SEARCH = ['search', 'recipe.yaml', '--out', 'out', '--threads', '1'];
const EVALUATE = ['evaluate', '--model', 'models/a', '--data', 'data/a', '--threads', '1'];

let unhurt: Promise<Record<string, string>> | undefined;

/** What a folder holds after a search that is not hurt. */
function searched(): Promise<Record<string, string>> {
  unhurt ??= freshFolder().then(async (folder) => {
    const { code, stderr } = await run(SEARCH, { cwd: folder });
    if (code !== 0) throw new Error(stderr);
    return contents(folder);
  });
  return unhurt;
}

for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  for (const on of ['descriptor|out\\.journal', 'mkdir']) {
    test(`${signal} at a step of ${on === 'mkdir' ? 'its end' : 'its trials'} ends a search with ${code}, and it can be resumed`, async (t) => {
      const folder = await freshFolder();
      const fault = { on, nth: on === 'mkdir' ? 1 : 8, signal: signal as NodeJS.Signals };
      const hurt = await run(SEARCH, { cwd: folder, fault });
      t.true(
        hurt.code === code || hurt.signal === signal || hurt.code === 0,
        `${hurt.signal ?? hurt.code} ${hurt.stderr}`,
      );
      t.notRegex(hurt.stderr, /defect of dfmerge/);
      const again = await run([...SEARCH, '--resume'], { cwd: folder });
      t.is(again.code, 0, again.stderr);
      t.deepEqual(contents(folder), await searched());
    });
  }
}

test('a closed standard input disturbs nothing', async (t) => {
  const folder = await freshFolder();
  const { ended } = start(EVALUATE, { cwd: folder, launcher: ['sh', '-c', 'exec "$@" <&-', 'sh'] });
  const { code, stderr } = await ended;
  t.is(code, 0, stderr);
});

test('a reader that goes away is no defect', async (t) => {
  const folder = await freshFolder();
  for (const [which, stdio] of [
    ['stdout', ['ignore', 'pipe', 'pipe']],
    ['stderr', ['ignore', 'pipe', 'pipe']],
  ] as const) {
    const { child, ended } = start(SEARCH.with(3, `out-${which}`), { cwd: folder, stdio: [...stdio] });
    child[which]?.destroy();
    const { code, signal, stderr } = await ended;
    t.is(signal, null);
    t.true(code === 0 || code === 1, `${which}: ${code} ${stderr}`);
    t.notRegex(stderr, /defect of dfmerge/);
  }
});

test('standard output on a full disk is an error', async (t) => {
  const folder = await freshFolder();
  const full = openSync('/dev/full', 'w');
  const { code, stderr } = await run([...EVALUATE, '--json'], { cwd: folder, stdio: ['ignore', full, 'pipe'] });
  t.is(code, 1);
  t.regex(stderr, /ENOSPC|no space|full/i);
  t.notRegex(stderr, /defect of dfmerge/);
});
