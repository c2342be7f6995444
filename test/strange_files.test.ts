// Recipes that are no text, or text of another kind, are told in words and never in those of the system.
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { finetune, fisher, recipeForSearch, recipeFromRecord } from '../lib/index.js';
import { readBytes } from '../lib/core/files.js';
import { loadSplit } from '../lib/tasks/rows.js';
import { SEARCH } from './support/recipes.js';
import { temporaryFolder } from './support/tiny_t5.js';

const BOMB = [
  'a: &a [x, x, x, x, x, x, x, x, x]',
  ...['ab', 'bc', 'cd', 'de'].map(([of, name]) => `${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]`),
].join('\n');

test('strange files in place of a recipe', async (t) => {
  const dir = await temporaryFolder();
  const cases: [name: string, content: string | Buffer, message: RegExp][] = [
    ['utf16.yaml', Buffer.from(`\ufeff${SEARCH}`, 'utf16le'), /utf16\.yaml: is written in UTF-16; expected UTF-8$/],
    ['latin.yaml', Buffer.from('merge_method: caf\xe9\n', 'latin1'), /latin\.yaml: is not UTF-8; expected a recipe/],
    ['bomb.yaml', BOMB, /the aliases \(\*name\) repeat more than a recipe can hold/],
    [
      'rows.jsonl',
      '{"input": "a"}\n{"input": "b"}\n',
      /rows\.jsonl: is no YAML; expected a recipe, and not rows of data$/,
    ],
  ];
  for (const [name, content, message] of cases) {
    await writeFile(join(dir, name), content);
    t.throws(() => recipeForSearch(join(dir, name)), { name: 'DfMergeError', message }, name);
  }
  await writeFile(join(dir, 'bom.yaml'), `\ufeff${SEARCH.replaceAll('\n', '\r\n')}`);
  t.is(recipeForSearch(join(dir, 'bom.yaml')).tasks.length, 2);
});

test('a split that is missing: the splits that are there are named', async (t) => {
  const dir = await temporaryFolder();
  await t.throwsAsync(loadSplit(dir, 'validation'), { code: 'NOT_FOUND', message: /validation\.jsonl[^;]*$/ });
  await writeFile(join(dir, 'test.jsonl'), '{"input": "a", "choices": ["b"]}\n');
  await t.throwsAsync(loadSplit(dir, 'validation'), {
    code: 'NOT_FOUND',
    message: /validation\.jsonl.*; the folder has test\.jsonl$/,
  });
});

test('numbers that float32 cannot hold are refused before the work', async (t) => {
  const what = { model: 'm', data: 'd', out: 'o' };
  for (const option of [{ epsilon: 1e60 }, { coefficient: -1e60 }])
    await t.throwsAsync(fisher({ ...what, ...option }), {
      code: 'INVALID_ARGUMENT',
      message: /(epsilon|coefficient).*that float32 can hold/,
    });
  await t.throwsAsync(finetune({ ...what, steps: 1, learningRate: 1e60 }), {
    code: 'INVALID_ARGUMENT',
    message: /learningRate.*that float32 can hold/,
  });
});

test('a folder in place of a file, a file in place of a folder and a link to itself are told in words', async (t) => {
  const dir = await temporaryFolder();
  await mkdir(join(dir, 'folder'));
  await writeFile(join(dir, 'file'), '');
  await symlink('self', join(dir, 'self'));
  const folder = {
    name: 'DfMergeError',
    code: 'IO',
    message: /cannot read .*folder: expected a file, found a folder$/,
  };
  t.throws(() => recipeForSearch(join(dir, 'folder')), folder);
  t.throws(() => recipeFromRecord(join(dir, 'folder')), folder);
  await t.throwsAsync(readBytes(join(dir, 'folder')), folder);
  await t.throwsAsync(readBytes(join(dir, 'file', 'x')), {
    code: 'IO',
    message: /a part of the path is a file and no folder$/,
  });
  await t.throwsAsync(readBytes(join(dir, 'self')), { code: 'IO', message: /a link leads back to itself$/ });
});
