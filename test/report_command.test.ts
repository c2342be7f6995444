// `dfmerge report` and `dfmerge compare` on records that nobody had to compute.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { compareRuns, DfMergeError, report, type ErrorCode } from '../lib/index.js';
import { lockOutput } from '../lib/core/output_lock.js';
import type { RunRecord } from '../lib/run/record.js';
import { runCommand } from './support/command.js';
import { runRecord, type RecordShape } from './support/run_records.js';
import { temporaryFolder } from './support/tiny_t5.js';

const recordIn = (dir: string) => JSON.parse(readFileSync(join(dir, 'dfmerge.json'), 'utf8')) as RunRecord;

async function runIn(name: string, shape: Partial<RecordShape> = {}, home?: string): Promise<string> {
  const dir = join(home ?? (await temporaryFolder()), name);
  mkdirSync(dir, { recursive: true });
  const record = runRecord({ tasks: ['a', 'b'], trials: 8, compared: true, rows: 100, ...shape });
  writeFileSync(join(dir, 'dfmerge.json'), JSON.stringify({ ...record, files: {} }));
  return dir;
}

const refused = async (t: ExecutionContext, body: () => Promise<unknown>, code: ErrorCode) => {
  const error = await t.throwsAsync(body, { instanceOf: DfMergeError });
  t.is(error?.code, code, error?.message);
  return error?.message ?? '';
};

test('the report of a folder is made anew, and dfmerge.json lists it', async (t) => {
  const dir = await runIn('merged');
  const { report: path, finished, numbers } = await report({ run: dir });
  t.deepEqual([path, finished, numbers.search?.trials], [join(dir, 'report.html'), true, 8]);
  const page = readFileSync(path);
  t.deepEqual(recordIn(dir).files, {
    'report.html': { bytes: page.length, sha256: createHash('sha256').update(page).digest('hex') },
  });
  const before = readFileSync(join(dir, 'dfmerge.json'));
  await report({ run: join(dir, 'dfmerge.json') });
  t.true(readFileSync(join(dir, 'dfmerge.json')).equals(before) && readFileSync(path).equals(page));
  t.deepEqual(readdirSync(dir).sort(), ['dfmerge.json', 'report.html']);
});

test('a page that was changed by hand is kept, with a warning', async (t) => {
  const dir = await runIn('merged');
  await report({ run: dir });
  writeFileSync(join(dir, 'report.html'), 'mine');
  const warnings: string[] = [];
  await report({ run: dir, onWarning: (message) => warnings.push(message) });
  t.is(readFileSync(join(dir, 'report.html.kept'), 'utf8'), 'mine');
  t.regex(warnings.join(), /is kept as .*report\.html\.kept$/);
});

test('a folder that is being written is left alone, and another file is not', async (t) => {
  const dir = await runIn('merged');
  const lock = await lockOutput(dir);
  await refused(t, () => report({ run: dir }), 'LOCKED');
  t.false(existsSync(join(dir, 'report.html')));
  const out = `${dir}.html`;
  await report({ run: dir, out });
  t.regex(readFileSync(out, 'utf8'), /DF-Merge of 2 models/);
  await lock.release();
  await refused(t, () => report({ run: dir, out }), 'EXISTS');
  await refused(t, () => report({ run: dir, out: join(dir, 'dfmerge.json'), overwrite: true }), 'INVALID_ARGUMENT');
});

test('what is no run, or a damaged one, is told with the file and the key', async (t) => {
  const dir = await runIn('merged');
  t.regex(await refused(t, () => report({ run: `${dir}-gone` }), 'NOT_FOUND'), /no such folder/);
  writeFileSync(join(dir, 'dfmerge.json'), '{"dfmerge":"0.1.0","files":{}}');
  t.regex(
    await refused(t, () => report({ run: dir }), 'INVALID_DATA'),
    /dfmerge\.json: it is not the record of a search/,
  );
  const record = runRecord({ tasks: ['a'], trials: 3 });
  record.trials[1].accuracy.a = 7;
  writeFileSync(join(dir, 'dfmerge.json'), JSON.stringify(record));
  t.regex(await refused(t, () => report({ run: dir }), 'INVALID_DATA'), /damaged at trials\.1\.accuracy\.a/);
  t.false(existsSync(join(dir, 'report.html')));
});

test('a search that has not finished is shown with --out, and said to be one', async (t) => {
  const dir = join(await temporaryFolder(), 'merged');
  const { recipe, trials, seed } = runRecord({ tasks: ['a', 'b'], trials: 3 });
  const lines = [
    { event: 'header', version: '0.1.0', seed, recipe, isa: 'avx2' },
    ...trials.flatMap(({ trial, coefficients, objective, accuracy }) => [
      { event: 'asked', trial, coefficients },
      { event: 'told', trial, outcome: { objective, accuracy }, seconds: { evaluate: 2 } },
    ]),
    { event: 'asked', trial: 4, coefficients: [0.1, 0.2] },
  ];
  writeFileSync(`${dir}.journal.jsonl`, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n{"event":"to`);
  t.regex(await refused(t, () => report({ run: dir }), 'INVALID_ARGUMENT'), /not finished \(3 trials so far\).*--out/);
  const { finished, numbers } = await report({ run: dir, out: `${dir}.html` });
  t.deepEqual([finished, numbers.search?.trials, numbers.splits], [false, 3, []]);
  const page = readFileSync(`${dir}.html`, 'utf8');
  t.regex(page, /a search that has not finished/);
  t.notRegex(page, /undefined|NaN/);
  t.false(existsSync(dir));
});

test('report in the terminal and as JSON', async (t) => {
  const dir = await runIn('merged');
  const shown = await runCommand(['report', dir]);
  t.is(shown.code, 0, shown.stderr);
  t.regex(shown.stdout, /of the test rows rightly[^]*interval 95 %[^]*against average[^]*Written: .*report\.html/);
  const { stdout } = await runCommand(['report', dir, '--json']);
  t.like(JSON.parse(stdout), { command: 'report', finished: true, search: { trials: 8 } });
});

test('compare in the terminal, as JSON and as a page', async (t) => {
  const home = await temporaryFolder();
  const [one, other] = [await runIn('one', { seed: 1 }, home), await runIn('two', { seed: 2, merged: 0.75 }, home)];
  const out = join(home, 'compare.html');
  const shown = await runCommand(['compare', one, other, '--out', out]);
  t.is(shown.code, 0, shown.stderr);
  t.regex(shown.stdout, /task +one +two\n[^]*mean of 2[^]*Points ahead of one[^]*λ a[^]*Written/);
  t.regex(readFileSync(out, 'utf8'), /2 runs side by side/);
  const { stdout } = await runCommand(['compare', one, other, '--json']);
  t.like(JSON.parse(stdout), { command: 'compare', split: 'test', shared: ['a', 'b'], notes: [] });
  const few = await runCommand(['compare', one]);
  t.is(few.code, 2);
  t.regex(few.stderr, /needs two or more runs/);
  await refused(t, () => compareRuns({ runs: [one, join(one, 'dfmerge.json')] }), 'INVALID_ARGUMENT');
  await refused(t, () => compareRuns({ runs: [one, other], out }), 'EXISTS');
  const own = join(other, 'dfmerge.json');
  await refused(t, () => compareRuns({ runs: [one, other], out: own, overwrite: true }), 'INVALID_ARGUMENT');
});
