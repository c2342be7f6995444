// Commands killed right before a step that changes the file system. Then the same command, given once more, ends as if nothing had been.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { below, contents, freshFolder, run, spread, stepsOf, without } from './harm.js';

interface Case {
  title: string;
  /** Commands before the one that is killed. */
  before?: string[][];
  command: string[];
  /** What is given after the kill; where the output was already there whole, with --overwrite. */
  again?: string[];
  out: string;
  kills: number;
  noExchange?: boolean;
  /** Files of the user's own in the output, from \`prepare\`. */
  keeps?: string[];
  /** Puts files of the user's own into the folder. */
  prepare?: (folder: string) => void;
}

const MERGED = ['merge', 'merge.yaml', '--out', 'out', '--threads', '1', '--quiet'];
const SEARCH = ['search', 'recipe.yaml', '--out', 'out', '--threads', '1', '--quiet'];
const FINETUNE = ['finetune', '--model', 'models/base', '--data', 'data/a', '--out', 'out', '--threads', '1'];
const FISHER = ['fisher', '--model', 'models/a', '--data', 'data/a', '--samples', '5', '--threads', '1'];
const EVALUATE = ['evaluate', '--model', 'models/a', '--data', 'data/a', '--threads', '1'];

function overwriting(title: string, noExchange: boolean): Case {
  return {
    title,
    before: [['merge', 'older.yaml', ...MERGED.slice(2)]],
    command: [...MERGED, '--overwrite'],
    out: 'out',
    kills: 8,
    noExchange,
    keeps: ['out/NOTES.txt', 'out/plots/a.txt'],
    prepare: (folder) => {
      writeFileSync(join(folder, 'out', 'NOTES.txt'), 'mine');
      mkdirSync(join(folder, 'out', 'plots'));
      writeFileSync(join(folder, 'out', 'plots', 'a.txt'), 'mine too');
    },
  };
}

const CASES: Case[] = [
  { title: 'search', out: 'out', command: SEARCH, again: [...SEARCH, '--resume'], kills: 11 },
  { title: 'merge', out: 'out', command: MERGED, kills: 8 },
  overwriting('merge over an older merge', false),
  overwriting('merge over an older merge where names cannot be exchanged', true),
  {
    title: 'finetune',
    command: [...FINETUNE, '--steps', '4', '--evaluate-every', '2', '--batch', '4'],
    out: 'out',
    kills: 8,
  },
  { title: 'fisher', command: [...FISHER, '--out', 'f.safetensors'], out: 'f.safetensors', kills: 5 },
  { title: 'evaluate --details', command: [...EVALUATE, '--details', 'details.jsonl'], out: 'details.jsonl', kills: 4 },
];

const MERGE_RECIPE = `merge_method: gta
base_model: models/base
models:
  - { model: models/a, task: a, parameters: { weight: 0.3 } }
  - { model: models/b, task: b, parameters: { weight: 0.4 } }
tasks:
  a: { data: data/a }
  b: { data: data/b }
`;

async function prepared({ before = [], prepare }: Case): Promise<string> {
  const folder = await freshFolder();
  writeFileSync(join(folder, 'merge.yaml'), MERGE_RECIPE);
  writeFileSync(join(folder, 'older.yaml'), MERGE_RECIPE.replace('0.3', '-0.5'));
  for (const args of before) {
    const { code, stderr } = await run(args, { cwd: folder });
    if (code !== 0) throw new Error(stderr);
  }
  prepare?.(folder);
  return folder;
}

for (const one of CASES) {
  test(`killed before any step of ${one.title}, the command given again ends as if nothing had been`, async (t) => {
    const { keeps = [], noExchange = false } = one;
    const whole = await prepared(one);
    const before = contents(whole);
    const mine = { ...without(before, 'out'), ...Object.fromEntries(keeps.map((name) => [name, before[name]])) };
    const steps = await stepsOf(one.command, { cwd: whole, fault: { noExchange } });
    const expected = contents(whole);
    t.like(expected, mine, 'what the user has, after a run that is not hurt');
    t.true(steps.length > 0);
    let killed = 0;
    // The removals of the file that shows whether the output can be made, and of what guards the end of an overwriting.
    const removals = [/^unlink/, /^unlink.*commit\.json/].map((step) => 1 + steps.findIndex((line) => step.test(line)));
    for (const at of new Set([...removals.filter((step) => step > 0), ...spread(steps.length, one.kills)])) {
      const folder = await prepared(one);
      const hurt = await run(one.command, { cwd: folder, fault: { at, signal: 'SIGKILL', noExchange } });
      const where = `${one.title}, step ${at} of ${steps.length} (${steps[at - 1]?.replaceAll(whole, '')})`;
      if (hurt.signal === 'SIGKILL') killed++;
      else if (hurt.code !== 0) t.fail(`${where}: ${hurt.stderr}`);
      const between = contents(folder);
      t.like(without(between, 'out'), without(mine, 'out'), `${where}: what the user has`);
      let again = await run(one.again ?? one.command, { cwd: folder });
      if (/exists already/.test(again.stderr)) {
        t.deepEqual(below(between, one.out), below(expected, one.out), `${where}: what is there already`);
        again = await run([...one.command, '--overwrite'], { cwd: folder });
      }
      t.is(again.code, 0, `${where}: ${again.stderr}`);
      t.deepEqual(contents(folder), expected, where);
    }
    t.true(killed > 0);
    t.log(`${killed} kills, ${steps.length} steps`);
  });
}
