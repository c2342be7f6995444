// What --dry-run of evaluate, fisher and finetune finds, and that a check names every bad row and every bad Fisher file.
import { readdirSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import test from 'ava';
import { check, checkEvaluate, checkFinetune, checkFisher, type TaskCheckResult } from '../lib/index.js';
import { runCommand } from './support/command.js';
import { makeWorkspace } from './support/workspace.js';

const GOOD = JSON.stringify({ input: 'red', choices: ['green', 'blue'], label: 0 });

/** The words of each command that can be run dry, but for the model and the data. */
const COMMANDS: Record<string, { words: string[]; splits: [string, number][] }> = {
  evaluate: { words: ['--split', 'test'], splits: [['test', 24]] },
  fisher: { words: ['--out', 'f.safetensors', '--samples', '7'], splits: [['fisher', 7]] },
  finetune: {
    words: ['--out', 'new/model', '--steps', '5', '--batch', '4'],
    splits: [
      ['train', 40],
      ['validation', 40],
    ],
  },
};

for (const [name, { words, splits }] of Object.entries(COMMANDS)) {
  test(`${name} --dry-run tells what is there, what it takes and that nothing is in the way, and writes nothing`, async (t) => {
    const space = await makeWorkspace();
    const before = readdirSync(space.dir, { recursive: true }).sort();
    const line = [
      name,
      '--model',
      'models/a',
      '--data',
      'data/a',
      ...words,
      '--dry-run',
      '--no-cache',
      '--threads',
      '1',
    ];
    const { code, stdout, stderr } = await runCommand([...line, '--json'], { cwd: space.dir });
    t.is(code, 0, stderr);
    const result = JSON.parse(stdout) as TaskCheckResult & { command: string };
    t.is(result.command, name);
    t.deepEqual(result.problems, []);
    t.deepEqual(
      result.models.map(({ model, architecture }) => [model, architecture]),
      [['models/a', 'T5']],
    );
    const [task] = result.tasks;
    t.is(task.name, 'a');
    t.deepEqual(
      task.splits.map(({ split, rows }) => [split, rows]),
      splits,
    );
    t.true((result.memory?.needed ?? 0) > 0);
    t.true((result.time?.seconds ?? 0) > 0);
    t.is(result.disk === undefined, name === 'evaluate');
    t.deepEqual(readdirSync(space.dir, { recursive: true }).sort(), before);
    const shown = await runCommand(line, { cwd: space.dir });
    t.is(shown.code, 0, shown.stderr);
    t.regex(shown.stdout, /^Memory: about /m);
    t.regex(shown.stdout, /^Time: about /m);
    t.regex(shown.stdout, /^Nothing is in the way of this run\.$/m);
  });

  test(`${name} --dry-run tells every bad row with its line, and what is wrong besides`, async (t) => {
    const space = await makeWorkspace();
    for (const split of ['train', 'validation', 'test'])
      await writeFile(space.path('data', 'a', `${split}.jsonl`), `${GOOD}\n{}\n${GOOD}\n[1]\n`);
    const bad = words.map((word) =>
      word.replace('new/model', 'models/a').replace('f.safetensors', 'models/a/config.json'),
    );
    const line = [name, '--model', 'models/a', '--data', 'data/a', ...bad, '--dry-run', '--no-cache'];
    const { code, stdout } = await runCommand([...line, '--json'], { cwd: space.dir });
    t.is(code, 1);
    const { problems, time } = JSON.parse(stdout) as TaskCheckResult;
    const rows = problems.filter(({ code: kind }) => kind === 'INVALID_DATA').map(({ line: number }) => number);
    t.deepEqual(rows, name === 'finetune' ? [2, 4, 2, 4] : [2, 4]);
    t.is(problems.length - rows.length, name === 'evaluate' ? 0 : 1);
    t.is(time, undefined);
    const shown = await runCommand(line, { cwd: space.dir });
    t.is(shown.code, 1);
    t.regex(shown.stdout, /^problem: .*data\/a\/\w+\.jsonl:4: expected an object/m);
  });
}

test('the functions find what the commands find', async (t) => {
  const space = await makeWorkspace();
  const model = space.path('models', 'a');
  const data = space.path('data', 'a');
  const options = { model, data, cache: false, threads: 1 } as const;
  await writeFile(space.path('data', 'a', 'test.jsonl'), `${GOOD}\n{"input": "red", "choices": ["green", "blue"]}\n`);
  const partly = await checkEvaluate({ ...options, split: 'test' });
  t.deepEqual(partly.problems, []);
  t.deepEqual(
    partly.tasks[0].splits.map(({ rows, labelled }) => [rows, labelled]),
    [[2, 1]],
  );
  const taken = await checkFinetune({ ...options, out: space.path('models', 'b'), steps: 2 });
  t.deepEqual(
    taken.problems.map(({ code }) => code),
    ['EXISTS'],
  );
  const { problems } = await checkFisher({ ...options, model: space.path('none'), out: space.path('f') });
  t.deepEqual(
    problems.map(({ code }) => code),
    ['NOT_FOUND'],
  );
  await rm(space.path('models', 'a', 'tokenizer.json'));
  const without = await checkEvaluate(options);
  t.regex(without.problems.map(({ message }) => message).join('\n'), /no tokenizer\.json/);
});

test('a file with many bad rows names ten of them and says how many more there are', async (t) => {
  const space = await makeWorkspace();
  await writeFile(space.path('data', 'a', 'validation.jsonl'), `${GOOD}\n${'{}\n'.repeat(13)}`);
  await appendFile(space.path('data', 'a', 'test.jsonl'), '5\n');
  await writeFile(space.path('data', 'b', 'test.jsonl'), '6\n');
  const { problems } = await check(space.recipe, { time: false, cache: false });
  const places = problems.map(({ file, line, message }) => `${file?.slice(space.dir.length + 1)}:${line} ${message}`);
  t.deepEqual(
    problems.flatMap(({ file, line }) => (file?.includes('a/validation') ? [line] : [])),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    places.join('\n'),
  );
  t.is(problems.filter(({ message }) => /a\/validation\.jsonl: and 3 more$/.test(message)).length, 1);
  t.true(
    places.some((place) => place.startsWith('data/a/test.jsonl:25 ')),
    places.join('\n'),
  );
  t.true(
    places.some((place) => place.startsWith('data/b/test.jsonl:1 ')),
    places.join('\n'),
  );
  t.is(problems.length, 13);
});

test('every Fisher file that is not what the merge needs is named, by a check and by the merge', async (t) => {
  const space = await makeWorkspace();
  for (const name of ['a', 'b']) {
    const words = ['--model', `models/${name}`, '--data', `data/${name}`, '--out', `${name}.safetensors`];
    const { code, stderr } = await runCommand(['fisher', ...words, '--mode', 'sequence', '--no-cache'], {
      cwd: space.dir,
    });
    t.is(code, 0, stderr);
  }
  const recipe = await space.variant('fisher.yaml', (text) =>
    text
      .replace('df_merge', 'fisher')
      .replace('task: a', 'task: a\n    fisher: a.safetensors')
      .replace('task: b', 'task: b\n    fisher: b.safetensors'),
  );
  const { problems } = await check(recipe, { purpose: 'merge', time: false, cache: false });
  t.deepEqual(
    problems.map(({ code, message }) => [code, message.slice(0, 14)]),
    [
      ['MISMATCH', 'a.safetensors:'],
      ['MISMATCH', 'b.safetensors:'],
    ],
  );
  const merged = await runCommand(['merge', recipe, '--out', space.path('out'), '--no-cache']);
  t.is(merged.code, 1);
  t.regex(merged.stderr, /a\.safetensors: not the Fisher[^]*\n.*b\.safetensors: not the Fisher/);
});

test('a data file or a recipe in UTF-16 is told by its encoding', async (t) => {
  const space = await makeWorkspace();
  const file = space.path('data', 'a', 'validation.jsonl');
  await writeFile(file, Buffer.from(`\ufeff${await readFile(file, 'utf8')}`, 'utf16le'));
  const { problems } = await check(space.recipe, { time: false, cache: false });
  t.deepEqual(
    problems.map(({ message }) => /is written in UTF-16; expected UTF-8$/.test(message)),
    [true],
  );
});
