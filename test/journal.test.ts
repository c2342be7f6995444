import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { openJournal, type JournalHeader, type JournalTrial } from '../lib/search/journal.js';

const folder = mkdtempSync(join(tmpdir(), 'dfmerge-journal-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(folder, `journal-${files++}.jsonl`);

const header: JournalHeader = { version: '0.1.0', seed: 1, recipe: { search: { xi: 0.01 }, models: ['a', 'b'] } };

function trialOf(trial: number): JournalTrial {
  return {
    trial,
    coefficients: [trial / 3, 0.1 + 0.2, 5e-324],
    objective: 1 / trial,
    accuracy: { a: 1 / 7, ä: 2 / 3 },
    seconds: 0.1,
  };
}

function write(path: string, trials: number): void {
  const journal = openJournal(path, header);
  for (let trial = 1; trial <= trials; trial++) journal.append(trialOf(trial));
  journal.close();
}

test('what was appended is read back with the same bits', (t) => {
  const path = newPath();
  write(path, 3);
  const journal = openJournal(path, header, { resume: true });
  t.deepEqual(journal.trials, [trialOf(1), trialOf(2), trialOf(3)]);
  journal.append(trialOf(4));
  journal.close();
  t.is(readFileSync(path, 'utf8').split('\n').length, 6);
});

test('an existing journal is not touched without resume', (t) => {
  const path = newPath();
  write(path, 1);
  const before = readFileSync(path);
  t.throws(() => openJournal(path, header), { instanceOf: DfMergeError, code: 'EXISTS', message: /--resume/ });
  t.deepEqual(readFileSync(path), before);
});

test('resume without a journal starts one', (t) => {
  const path = newPath();
  openJournal(path, header, { resume: true }).close();
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), header);
});

test('cut anywhere, it resumes to the same bytes', (t) => {
  const whole = newPath();
  write(whole, 3);
  const bytes = readFileSync(whole);
  const path = newPath();
  for (let length = 0; length <= bytes.length; length++) {
    writeFileSync(path, bytes);
    truncateSync(path, length);
    const journal = openJournal(path, header, { resume: true });
    for (let trial = journal.trials.length + 1; trial <= 3; trial++) journal.append(trialOf(trial));
    journal.close();
    if (!readFileSync(path).equals(bytes)) t.fail(`cut at ${length}`);
  }
  t.pass();
});

test('a last line of zeros, as a power cut can leave, is dropped', (t) => {
  const path = newPath();
  write(path, 2);
  appendFileSync(path, '\0\0\0\0\n');
  const journal = openJournal(path, header, { resume: true });
  t.is(journal.trials.length, 2);
  journal.append(trialOf(3));
  journal.close();
  t.is(openJournal(path, header, { resume: true }).trials.length, 3);
});

test('a corrupt line in the middle is an error with its number', (t) => {
  const path = newPath();
  write(path, 3);
  const lines = readFileSync(path, 'utf8').split('\n');
  const damage = (index: number, line: string) => writeFileSync(path, lines.with(index, line).join('\n'));
  damage(2, '{"trial": 2, "coeff');
  t.throws(() => openJournal(path, header, { resume: true }), {
    code: 'INVALID_DATA',
    message: new RegExp(`${path}:3: .*not JSON`),
  });
  damage(2, '{"trial": 2}');
  t.throws(() => openJournal(path, header, { resume: true }), {
    code: 'INVALID_DATA',
    message: /:3: expected a trial/,
  });
  damage(2, lines[1]);
  t.throws(() => openJournal(path, header, { resume: true }), {
    code: 'INVALID_DATA',
    message: /:3: expected trial 2, found trial 1/,
  });
});

test('a journal of another run is refused, untouched, and the difference is named', (t) => {
  const path = newPath();
  write(path, 2);
  appendFileSync(path, '{"torn');
  const before = readFileSync(path);
  const other = { ...header, seed: 2, recipe: { search: { xi: 0.1 }, models: ['a', 'b'] }, data: 'd' };
  const error = t.throws(() => openJournal(path, other, { resume: true }), {
    instanceOf: DfMergeError,
    code: 'MISMATCH',
  });
  t.true(
    error.message.endsWith(
      '\n  seed: 1 there, 2 now\n  recipe.search.xi: 0.01 there, 0.1 now\n  data: nothing there, "d" now',
    ),
    error.message,
  );
  t.deepEqual(readFileSync(path), before);
});

test('a refusal says what a missing key stands for', (t) => {
  const path = newPath();
  write(path, 1);
  const other = { ...header, recipe: { search: { xi: 0.01 }, models: ['a', 'b'], dtype: 'half' } };
  t.throws(() => openJournal(path, other, { resume: true, absent: { 'recipe.dtype': 'whole' } }), {
    code: 'MISMATCH',
    message: /\n {2}recipe\.dtype: "whole" there, "half" now$/,
  });
});

test('keys of the header may come in any order', (t) => {
  const path = newPath();
  write(path, 1);
  const { version, ...rest } = header;
  t.notThrows(() => openJournal(path, { ...rest, version }, { resume: true }).close());
});

test('numbers that JSON cannot hold and trials out of order are refused before they are written', (t) => {
  const path = newPath();
  const journal = openJournal(path, header);
  for (const bad of [{ objective: NaN }, { coefficients: [Infinity] }, { accuracy: { a: NaN } }, { trial: 2 }]) {
    t.throws(() => journal.append({ ...trialOf(1), ...bad }), { code: 'INVALID_ARGUMENT' });
  }
  journal.close();
  t.throws(() => journal.append(trialOf(1)), { code: 'CLOSED' });
  t.is(readFileSync(path, 'utf8').split('\n').length, 2);
});

test('a folder that is not there is an IO error', (t) => {
  t.throws(() => openJournal(join(folder, 'none', 'journal.jsonl'), header), { instanceOf: DfMergeError, code: 'IO' });
});
