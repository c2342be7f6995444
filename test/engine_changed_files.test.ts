// Checkpoints that are changed, replaced or cut short while they are in use, which used to end the process by SIGBUS or to go unseen.
import {
  copyFileSync,
  existsSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  openSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { recipeForSearch } from '../lib/recipe/read.js';
import { testing } from '../bindings/testing/index.js';
import { search } from '../lib/commands/search.js';
import { Session } from '../lib/engine/session.js';
import { packRows } from '../lib/engine/batch.js';
import { randomRows, randomWeights, safetensorsBytes, shapesOf, V1_0, writeT5 } from './support/random_t5.js';
import { runChild } from './support/run_child.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace } from './support/workspace.js';

const ROWS = packRows(randomRows(V1_0, [[7, [3, 2]]]), [0]);
const WEIGHTS = 'model.safetensors';

/** A base and a child, opened. */
async function opened() {
  const dirs = await Promise.all([1, 2].map((seed) => writeT5(V1_0, randomWeights(V1_0, seed))));
  const session = await Session.open(dirs[0], [dirs[1]], { threads: 3 });
  return { session, child: join(dirs[1], WEIGHTS), base: join(dirs[0], WEIGHTS) };
}

/** Changes the last value of a file in place, whose size stays. */
function changeInPlace(file: string): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from(Float32Array.of(0.5).buffer), 0, 4, statSync(file).size - 4);
  closeSync(descriptor);
}

/** The same, and sets the time of writing back to the nanosecond. */
function changeUnseen(file: string): void {
  execFileSync('cp', ['-p', file, `${file}.times`]);
  changeInPlace(file);
  execFileSync('touch', ['-r', `${file}.times`, file]);
}

const CHANGES: [string, (file: string) => void, string, RegExp][] = [
  ['cut short', (file) => truncateSync(file, 100), 'MISMATCH', /it had \d+ bytes and has 100/],
  ['emptied', (file) => truncateSync(file, 0), 'MISMATCH', /it had \d+ bytes and has 0/],
  ['made longer', (file) => truncateSync(file, statSync(file).size + 1), 'MISMATCH', /it had \d+ bytes and has/],
  ['written to in place', changeInPlace, 'MISMATCH', /was changed while it was in use/],
  ['written to in place, and its time set back', changeUnseen, 'MISMATCH', /was changed while it was in use/],
  [
    'replaced by a copy of itself',
    (file) => {
      copyFileSync(file, `${file}.new`);
      renameSync(`${file}.new`, file);
    },
    'MISMATCH',
    /another file took its place/,
  ],
  ['removed', (file) => rmSync(file), 'IO', /is gone/],
];

for (const mapped of [true, false])
  for (const [title, change, code, words] of CHANGES)
    test.serial(
      `a model that is ${title}${mapped ? '' : ', read without mapping'}: an error that names it`,
      async (t) => {
        if (!mapped) process.env.DFMERGE_NO_MMAP = '1';
        try {
          const { session, child } = await opened();
          await session.load(1);
          const before = await session.job((engine) => engine.score(ROWS));
          change(child);
          const error = await t.throwsAsync(session.load(1), { code, message: words });
          t.true(error.message.startsWith(`${child}: `), error.message);
          await t.throwsAsync(
            session.job((engine) => engine.interpolate(1, 0.5)),
            { code },
          );
          // What was read before goes on, and so does what does not need that file.
          await session.load(0);
          t.notDeepEqual(await session.job((engine) => engine.score(ROWS)), before);
          session.close();
        } finally {
          delete process.env.DFMERGE_NO_MMAP;
        }
      },
    );

test('a model that is saved anew between the reading of its header and its opening is refused', async (t) => {
  const [dir, other] = await Promise.all([1, 2].map((seed) => writeT5(V1_0, randomWeights(V1_0, seed))));
  const config = JSON.parse(await readFile(join(dir, 'config.json'), 'utf8')) as object;
  await writeFile(join(dir, 'config.json'), JSON.stringify({ ...config, a_key_that_no_model_has: 1 }));
  // The same tensors of the same sizes in another order: every one is there, and lies elsewhere.
  const reversed = new Map([...randomWeights(V1_0, 2)].reverse());
  await writeFile(join(other, WEIGHTS), safetensorsBytes(reversed, { shapes: shapesOf(V1_0) }));
  let warned = false;
  const opening = Session.open(dir, [], {
    threads: 1,
    onWarning: () => {
      warned = true; // All headers have been read by now, and no weights.
      if (existsSync(join(other, WEIGHTS))) renameSync(join(other, WEIGHTS), join(dir, WEIGHTS));
    },
  });
  const error = await t.throwsAsync(opening, { code: 'MISMATCH', message: /was saved anew while it was opened/ });
  t.true(warned && error.message.startsWith(join(dir, WEIGHTS)));
});

test('pages that are gone when they are touched, by several threads at once, are read as zeros, and the file is refused', async (t) => {
  const file = join(await temporaryFolder(), 'big');
  await writeFile(file, Buffer.alloc(1 << 22, 7));
  const { faults } = testing();
  const whole = faults.readMapped(file, () => {});
  t.deepEqual(whole, { sum: 7 * (1 << 22), problem: '' });
  const cut = faults.readMapped(file, () => truncateSync(file, 1 << 20));
  t.is(cut.sum, 7 * (1 << 20));
  t.true(cut.problem.startsWith(`MISMATCH ${file}: the file was changed`), cut.problem);
  t.deepEqual(
    faults.readMapped(file, () => {}),
    { sum: 7 * (1 << 20), problem: '' },
    'the next mapping is whole',
  );
});

test('a file that is cut short at any moment of a pass: the process lives, and the error names the file', async (t) => {
  const end = await runChild(['truncate']);
  t.deepEqual([end.code, end.signal], [0, null], end.stderr);
  const { errors } = JSON.parse(end.stdout) as { errors: string[] };
  t.true(errors.length > 0);
  for (const error of errors) t.regex(error, /^(MISMATCH|IO) .*model\.safetensors: the file/);
});

test('a fault elsewhere, or SIGBUS from another process, still ends the process as it would without us', async (t) => {
  // The address sanitizer would report the fault itself, in its own words.
  const env = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:handle_sigbus=0` };
  for (const kind of ['fault', 'signal']) t.is((await runChild(['bus', kind], { env })).signal, 'SIGBUS', kind);
});

test('a model saved anew in the midst of a search ends it with an error that names the file, and the journal goes on', async (t) => {
  const { recipe, path } = await makeWorkspace();
  const out = path('out');
  const file = path('models', 'a', WEIGHTS);
  copyFileSync(file, path('kept'));
  let trials = 0;
  const error = await t.throwsAsync(
    search(recipeForSearch(recipe), {
      out,
      threads: 1,
      onTrial: () => {
        if (++trials === 2) changeInPlace(file);
      },
    }),
    { code: 'MISMATCH' },
  );
  t.true(error.message.startsWith(`${file}: `), error.message);
  t.is(trials, 2);
  const events = (await readFile(`${out}.journal.jsonl`, 'utf8')).trim().split('\n').slice(1);
  t.deepEqual(
    events.map((line) => (JSON.parse(line) as { event: string }).event),
    ['asked', 'told', 'asked', 'told', 'asked'],
    'the third trial was asked for, and is not recorded as failed',
  );

  // Another model in the place of the old one is no model of this search; the old one is.
  const resume = { out, threads: 1, resume: true };
  await t.throwsAsync(search(recipeForSearch(recipe), resume), { code: 'MISMATCH', message: /models/ });
  copyFileSync(path('kept'), file);
  const resumed = await search(recipeForSearch(recipe), resume);
  const whole = await search(recipeForSearch(recipe), { out: path('whole'), threads: 1 });
  t.deepEqual(resumed.coefficients, whole.coefficients);
  t.deepEqual(await readFile(join(out, WEIGHTS)), await readFile(path('whole', WEIGHTS)));
});
