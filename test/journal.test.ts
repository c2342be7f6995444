import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { openJournal } from '../lib/search/journal.js';
import type { JournalEvent, SearchEvent } from '../lib/search/journal_event.js';
import { JournalFile } from '../lib/search/journal_file.js';
import type { JournalHeader } from '../lib/search/journal_header.js';

const folder = mkdtempSync(join(tmpdir(), 'dfmerge-journal-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(folder, `journal-${files++}.jsonl`);

const header: JournalHeader = { version: '0.1.0', seed: 1, recipe: { search: { xi: 0.01 }, models: ['a', 'b'] } };

const asked = (trial: number): SearchEvent => ({
  event: 'asked',
  trial,
  coefficients: [trial / 3, 0.1 + 0.2, 5e-324],
});

const told = (trial: number): SearchEvent => ({
  event: 'told',
  trial,
  outcome: { objective: 1 / trial, accuracy: { a: 1 / 7, ä: 2 / 3 } },
  seconds: { fisher: 0.1 },
});

const failed = (trial: number): SearchEvent => ({ event: 'failed', trial, reason: 'not finite', seconds: {} });

/** One event of each kind, with two trials in flight for a while. */
const EVENTS: readonly JournalEvent[] = [
  asked(1),
  told(1),
  asked(2),
  asked(3),
  told(3),
  failed(2),
  { event: 'comparisons', names: ['base', 'task_arithmetic'] },
  {
    event: 'scored',
    part: 'base',
    inputs: 'ab',
    split: 'test',
    task: 'a',
    score: { accuracy: 2 / 3, examples: 3, correct: 'Aw==' },
    seconds: { evaluate: 1 },
  },
  {
    event: 'compared',
    part: 'base',
    inputs: 'ab',
    comparison: { label: 'base', mean: 1 / 3, accuracy: { a: 1 / 3 }, split: 'test' },
    seconds: {},
  },
  { ...asked(1), part: 'task_arithmetic', inputs: 'ab' },
  { ...told(1), part: 'task_arithmetic', inputs: 'ab' },
  { ...asked(1), part: 'task_arithmetic', inputs: 'cd' },
];

function write(path: string, events = EVENTS): void {
  const journal = openJournal(path, header);
  for (const event of events) journal.append(event);
  journal.close();
}

test('what was appended is read back with the same bits', (t) => {
  const path = newPath();
  write(path);
  const journal = openJournal(path, header, { resume: true });
  t.deepEqual(journal.events, EVENTS);
  journal.append(asked(4));
  t.deepEqual(journal.events.at(-1), asked(4));
  journal.close();
  t.is(readFileSync(path, 'utf8').split('\n').length, EVENTS.length + 3);
});

test('an existing journal is not touched without resume', (t) => {
  const path = newPath();
  write(path);
  const before = readFileSync(path);
  t.throws(() => openJournal(path, header), { instanceOf: DfMergeError, code: 'EXISTS', message: /--resume/ });
  t.deepEqual(readFileSync(path), before);
});

test('resume without a journal starts one', (t) => {
  const path = newPath();
  openJournal(path, header, { resume: true }).close();
  t.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { event: 'header', ...header });
});

test('cut anywhere, it resumes to the same bytes', (t) => {
  const whole = newPath();
  write(whole);
  const bytes = readFileSync(whole);
  const path = newPath();
  for (let length = 0; length <= bytes.length; length++) {
    writeFileSync(path, bytes);
    truncateSync(path, length);
    const journal = openJournal(path, header, { resume: true });
    for (const event of EVENTS.slice(journal.events.length)) journal.append(event);
    journal.close();
    if (!readFileSync(path).equals(bytes)) t.fail(`cut at ${length}`);
  }
  t.pass();
});

test('a last line of zeros, as a power cut can leave, is dropped', (t) => {
  const path = newPath();
  write(path);
  appendFileSync(path, '\0\0\0\0\n');
  const journal = openJournal(path, header, { resume: true });
  t.is(journal.events.length, EVENTS.length);
  journal.append(asked(4));
  journal.close();
  t.is(openJournal(path, header, { resume: true }).events.length, EVENTS.length + 1);
});

test('trials have as many coefficients as there are models', (t) => {
  const path = newPath();
  const models = { ...header, models: ['a', 'b', 'c'] };
  openJournal(path, models).close();
  appendFileSync(path, '{"event":"asked","trial":1,"coefficients":[1,2]}\n{}\n');
  t.throws(() => openJournal(path, models, { resume: true }), {
    code: 'INVALID_DATA',
    message: /:2: trial 1 has 2 coefficients, and there are 3 models/,
  });
  const journal = openJournal(path, models, { repair: true });
  journal.append(asked(1));
  t.throws(() => journal.append({ event: 'asked', trial: 2, coefficients: [1] }), { code: 'INVALID_ARGUMENT' });
  journal.close();
});

test('creating a journal is exclusive: one that comes into being meanwhile is not written to', (t) => {
  const path = newPath();
  const finished = newPath();
  write(finished);
  const journal = openJournal(path, header, { resume: true, finished });
  t.is(journal.events.length, EVENTS.length);
  t.false(existsSync(path), 'it is not copied before it grows');
  journal.append(asked(4));
  t.true(readFileSync(path, 'utf8').startsWith(readFileSync(finished, 'utf8')));
  journal.close();
  t.throws(() => new JournalFile(path), { code: 'EXISTS' });
});

test('a file that is no journal is not taken for one that was cut short', (t) => {
  const path = newPath();
  for (const content of ['notes', 'notes\n', '{"a":1}', '{"a":1}\n']) {
    writeFileSync(path, content);
    for (const options of [{}, { resume: true }])
      t.throws(() => openJournal(path, header, options), {
        code: 'INVALID_DATA',
        message: /:1: .*No line of this journal is good/,
      });
    t.is(readFileSync(path, 'utf8'), content);
  }
});

test('a corrupt line in the middle is an error with its number', (t) => {
  const path = newPath();
  write(path);
  const lines = readFileSync(path, 'utf8').split('\n');
  const refused = (line: string, message: RegExp) => {
    writeFileSync(path, lines.with(2, line).join('\n'));
    t.throws(() => openJournal(path, header, { resume: true }), { code: 'INVALID_DATA', message }, line);
  };
  refused(
    '{"trial": 2, "coeff',
    new RegExp(
      `${path}:3: .*not JSON\\. Lines 1 to 2 of this journal are good, with 0 finished trials\\. Add --repair`,
    ),
  );
  refused('null', /:3: expected an event, one of asked, told, failed, scored, compared, comparisons, found none/);
  refused('{"event": "toString"}', /:3: expected an event, .* found "toString"/);
  refused('{"event": "told", "trial": 1}', /:3: the event "told" is wrong at outcome: /);
  refused(
    '{"event": "told", "trial": 1, "outcome": {"objective": null, "accuracy": {}}, "seconds": {}}',
    /wrong at outcome.objective/,
  );
  refused(lines[1], /:3: trial 2 is the next to be asked, found trial 1/);
  refused(lines[5], /:3: trial 3 is told, but it was not asked, or has ended already/);
});

test('a journal of another run is refused, untouched, and the difference is named', (t) => {
  const path = newPath();
  write(path);
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

test('keys of the header may come in any order', (t) => {
  const path = newPath();
  write(path);
  const { version, ...rest } = header;
  t.notThrows(() => openJournal(path, { ...rest, version }, { resume: true }).close());
});

test('numbers that JSON cannot hold and trials out of turn are refused before they are written', (t) => {
  const path = newPath();
  const journal = openJournal(path, header);
  journal.append(asked(1));
  const wrong: JournalEvent[] = [
    asked(1),
    asked(3),
    told(2),
    { ...asked(2), coefficients: [Infinity] } as JournalEvent,
    { ...told(1), outcome: { objective: NaN, accuracy: {} } } as JournalEvent,
    { ...told(1), outcome: { objective: 1, accuracy: { a: NaN } } } as JournalEvent,
  ];
  for (const event of wrong) t.throws(() => journal.append(event), { code: 'INVALID_ARGUMENT' });
  journal.append(told(1));
  for (const event of [told(1), failed(1)])
    t.throws(() => journal.append(event), { code: 'INVALID_ARGUMENT', message: /has ended already/ });
  journal.close();
  t.throws(() => journal.append(asked(2)), { code: 'CLOSED' });
  t.is(readFileSync(path, 'utf8').split('\n').length, 4);
});

test('a folder that is not there is an IO error', (t) => {
  t.throws(() => openJournal(join(folder, 'none', 'journal.jsonl'), header), { instanceOf: DfMergeError, code: 'IO' });
});
