// Rows that are well formed and mean nothing are found before any work, and told with the task's name.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { check, evaluate, fisher, finetune, merge, recipeForMerge, recipeForSearch, search } from '../lib/index.js';
import { checkChoices, checkFisherRows, checkLabels, type Judging } from '../lib/tasks/degenerate.js';
import type { TokenizedRows } from '../lib/engine/batch.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

const END = 1;
const UNKNOWN = 2;

/** Rows of one input id each; choices are lists of ids, to which the end is added. */
function rowsOf(choices: number[][][], labels: number[] = choices.map(() => 0), inputs?: number[][]): TokenizedRows {
  return {
    inputIds: choices.map((_, i) => Int32Array.from([...(inputs?.[i] ?? [7]), END])),
    choices: choices.map((row) => row.map((ids) => Int32Array.from([...ids, END]))),
    labels: Int32Array.from(labels),
  };
}

/** What the checks say of rows: warnings, and the error if there is one. */
async function said(check: (judging: Judging) => Promise<void>): Promise<string[]> {
  const messages: string[] = [];
  try {
    await check({ empty: new Set([END, UNKNOWN]), onWarning: (message) => messages.push(message) });
  } catch (error) {
    messages.push(`error: ${(error as Error).message}`);
  }
  return messages;
}

const place = { task: 'mood', file: 'v.jsonl' };
const choices = (rows: TokenizedRows) => said((judging) => checkChoices({ ...place, rows }, judging));
const labels = (rows: TokenizedRows) => said((judging) => checkLabels({ ...place, rows }, judging));

test('rows that mean something are passed over in silence', async (t) => {
  const rows = rowsOf(
    Array.from({ length: 9 }, () => [[5], [6, UNKNOWN]]),
    [0, 1, 0, 0, 0, 0, 0, 0, 0],
  );
  t.deepEqual([...(await choices(rows)), ...(await labels(rows))], []);
});

test('choices of equal ids: a warning for some rows, an error where every row has one answer only', async (t) => {
  t.deepEqual(
    await choices(
      rowsOf([
        [[5], [6]],
        [[5], [5], [6]],
      ]),
    ),
    [
      'task mood: 1 of 2 rows of v.jsonl have choices of the same token ids, which no model can tell apart (first: row 2)',
    ],
  );
  t.deepEqual(await choices(rowsOf([[[5], [5]]])), [
    'error: task mood: all 1 rows of v.jsonl have choices of the same token ids, which no model can tell apart',
  ]);
  t.deepEqual(await choices(rowsOf([[[5], [5], [6]]])), [
    'task mood: all 1 rows of v.jsonl have choices of the same token ids, which no model can tell apart',
  ]);
});

test('choices of unknown words alone: a warning for some, an error for all', async (t) => {
  t.deepEqual(await choices(rowsOf([[[5], [UNKNOWN, UNKNOWN]]])), [
    'task mood: all 1 rows of v.jsonl have a choice that is nothing but unknown words to the tokenizer',
  ]);
  t.deepEqual(await choices(rowsOf([[[UNKNOWN, UNKNOWN], [UNKNOWN]]])), [
    'error: task mood: all 1 rows of v.jsonl have a choice that is nothing but unknown words to the tokenizer',
  ]);
});

test('empty inputs', async (t) => {
  t.deepEqual(
    await choices(
      rowsOf(
        [
          [[5], [6]],
          [[5], [6]],
        ],
        [0, 0],
        [[7], []],
      ),
    ),
    [
      'task mood: 1 of 2 rows of v.jsonl have an input that is empty, or nothing but unknown words to the tokenizer (first: row 2)',
    ],
  );
});

test('labels that are all equal, and whether the answer is the same too', async (t) => {
  const many = (row: (i: number) => number[][]) => rowsOf(Array.from({ length: 8 }, (_, i) => row(i)));
  t.deepEqual(await labels(many((i) => [[10 + i], [6]])), [
    'task mood: all labels of v.jsonl are 0; are they the answers, or did they stand for unknown ones?',
  ]);
  const [same] = await labels(many(() => [[5], [6]]));
  t.regex(same, /and mean the same answer, so that a model that always gives it is never wrong/);
  t.deepEqual(await labels(rowsOf([[[5], [6]]])), [], 'a few rows may well have equal labels');
});

test('rows with a single choice are scored as right by any model, and say nothing in mode choices', async (t) => {
  const rows = rowsOf([[[5]], [[5], [6]]]);
  t.deepEqual(await labels(rows), [
    'task mood: 1 of 2 rows of v.jsonl have a single choice, and are answered rightly by every model (first: row 1)',
  ]);
  const measured = (indices: number[], mode: 'exact' | 'choices') =>
    said((judging) => checkFisherRows({ ...place, rows, indices }, mode, judging));
  t.deepEqual(await measured([0, 1], 'exact'), []);
  t.deepEqual(await measured([1], 'choices'), []);
  t.regex(
    (await measured([0, 1], 'choices'))[0],
    /^task mood: 1 of 2 rows of v.jsonl have a single choice, which adds nothing/,
  );
  t.regex(
    (await measured([0], 'choices'))[0],
    /^error: task mood: all 1 rows of v.jsonl have a single choice, which adds nothing/,
  );
});

/** Replaces a split of task a. */
async function write(space: Workspace, split: string, row: object): Promise<void> {
  const line = JSON.stringify({ input: 'the cat', choices: ['red', 'blue'], label: 1, ...row });
  await writeFile(space.path('data', 'a', `${split}.jsonl`), `${line}\n`.repeat(9));
}

/** Runs every command that reads task a, and returns what each warned of or failed with, by its name. */
async function everyCommand(space: Workspace, fisherMode: 'exact' | 'choices' = 'exact'): Promise<Map<string, string>> {
  const model = space.path('models', 'a');
  const data = space.path('data', 'a');
  const mode = (text: string) => text.replace('mode: exact', `mode: ${fisherMode}`).replace(/init: 3/, 'init: 1');
  const weights = (text: string) => mode(text).replace(/task: (.)/g, 'task: $1\n    parameters: { weight: 0.5 }');
  const [searched, merged] = [await space.variant('s.yaml', mode), await space.variant('m.yaml', weights)];
  const training = { steps: 1, batchSize: 1, learningRate: 0.1, seed: 1 };
  type Run = { onWarning: (message: string) => void };
  const commands: Record<string, (run: Run) => Promise<unknown>> = {
    evaluate: (run) => evaluate({ ...run, model, data }),
    fisher: (run) => fisher({ ...run, model, data, mode: fisherMode, out: space.path('f') }),
    finetune: (run) => finetune({ ...run, ...training, model, data, out: space.path('t') }),
    merge: (run) => merge(recipeForMerge(merged), { ...run, out: space.path('m') }),
    search: (run) => search(recipeForSearch(searched), { ...run, out: space.path('s'), compare: [] }),
  };
  const told = new Map<string, string>();
  for (const [name, run] of Object.entries(commands)) {
    const messages: string[] = [];
    const ended = await run({ onWarning: (message) => messages.push(message) }).catch((error: Error) => error.message);
    told.set(name, [...messages, ...(typeof ended === 'string' ? [ended] : [])].join('\n'));
  }
  return told;
}

function eachTells(t: ExecutionContext, told: ReadonlyMap<string, string>, message: RegExp): void {
  for (const [name, text] of told) t.regex(text, message, name);
}

test('every command tells of choices that the tokenizer does not know', async (t) => {
  const space = await makeWorkspace();
  for (const split of ['train', 'validation', 'test']) await write(space, split, { choices: ['zebra', 'yak'] });
  eachTells(t, await everyCommand(space), /task a: all 9 rows of .*\.jsonl have choices of the same token ids/);
});

test('every command tells of a single choice that makes its result say nothing', async (t) => {
  const space = await makeWorkspace();
  for (const split of ['train', 'validation', 'test']) await write(space, split, { choices: ['red'], label: 0 });
  const told = await everyCommand(space, 'choices');
  eachTells(t, told, /task a: all 9 rows of .*\.jsonl have a single choice/);
  for (const name of ['fisher', 'merge', 'search']) t.regex(told.get(name) ?? '', /in mode choices$/, name);
});

test('commands that use labels tell of labels that are all equal', async (t) => {
  const space = await makeWorkspace();
  for (const split of ['train', 'validation', 'test']) await write(space, split, {});
  const told = await everyCommand(space);
  told.delete('fisher');
  eachTells(t, told, /task a: all labels of .*\.jsonl are 1, and mean the same answer/);
});

test('an epsilon of 0 is told of where a Fisher is measured, and one that float32 rounds to 0 too', async (t) => {
  const space = await makeWorkspace();
  for (const epsilon of [0, 1e-60]) {
    const messages: string[] = [];
    const paths = { model: space.path('models', 'a'), data: space.path('data', 'a'), out: space.path(`f${epsilon}`) };
    await fisher({ ...paths, epsilon, onWarning: (message) => messages.push(message) });
    t.regex(messages.join('\n'), /^epsilon is .*divides 0 by 0/);
  }
});

test('a search whose trials could not differ is refused before its first trial, and by a check', async (t) => {
  const space = await makeWorkspace();
  const single = JSON.stringify({ input: 'a', choices: ['red'], label: 0 });
  for (const name of ['a', 'b']) await writeFile(space.path('data', name, 'validation.jsonl'), `${single}\n`.repeat(9));
  const out = space.path('x');
  const refused = { code: 'INVALID_DATA', message: /^every row that a trial is scored on has a single choice/ };
  await t.throwsAsync(search(recipeForSearch(space.recipe), { out, onTrial: () => t.fail() }), refused);
  t.false(existsSync(`${out}.journal.jsonl`));
  const { problems } = await check(space.recipe, { purpose: 'search', time: false });
  t.deepEqual(
    problems.map(({ code }) => code),
    ['INVALID_DATA'],
  );
  t.regex(problems[0].message, refused.message);
  // One task that tells models apart is enough.
  const double = JSON.stringify({ input: 'a', choices: ['red', 'blue'], label: 0 });
  await writeFile(space.path('data', 'b', 'validation.jsonl'), `${double}\n`.repeat(9));
  const { trials } = await search(recipeForSearch(space.recipe), { out, compare: [] });
  t.is(trials.length, 8);
});
