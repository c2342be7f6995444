// Two commands at once on one output: one works, and the other says who holds it. On two outputs in one folder both work.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { contents, freshFolder, run, start, until } from './harm.js';

const search = (out: string): string[] => ['search', 'recipe.yaml', '--out', out, '--threads', '1', '--quiet'];
const finetune = (out: string): string[] => [
  ...['finetune', '--model', 'models/base', '--data', 'data/a', '--out', out],
  ...['--steps', '4', '--evaluate-every', '2', '--batch', '4', '--threads', '1'],
];
const merge = ['merge', 'merge.yaml', '--out', 'out', '--threads', '1'];
const MERGE =
  'merge_method: gta\nbase_model: models/base\nmodels:\n  - { model: models/a, parameters: { weight: 0.3 } }\n';
const JOURNAL = 'descriptor|out\\.journal';

const isStopped = (pid: number): boolean => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

const PAIRS: Record<string, { first: string[]; second: string[]; on: string; nth: number; interrupted?: boolean }> = {
  'search and search': { first: search('out'), second: search('out'), on: JOURNAL, nth: 6 },
  'search and merge': { first: search('out'), second: [...merge, '--overwrite'], on: JOURNAL, nth: 6 },
  'search and a resumed search': { first: search('out'), second: [...search('out'), '--resume'], on: JOURNAL, nth: 6 },
  'two resumed searches': {
    first: [...search('out'), '--resume'],
    second: [...search('out'), '--resume'],
    on: JOURNAL,
    nth: 3,
    interrupted: true,
  },
  'finetune and finetune': { first: finetune('out'), second: finetune('out'), on: 'best.*tmp-', nth: 1 },
  'merge and merge': { first: merge, second: merge, on: 'mkdir .*tmp-', nth: 1 },
};

for (const [title, { first, second, on, nth, interrupted }] of Object.entries(PAIRS)) {
  test(`${title} on one output: the second says who holds it, and the first ends well`, async (t) => {
    const folder = await freshFolder();
    writeFileSync(join(folder, 'merge.yaml'), MERGE);
    if (interrupted) await run(search('out'), { cwd: folder, fault: { on: JOURNAL, nth: 6, signal: 'SIGKILL' } });
    const holder = start(first, { cwd: folder, fault: { on, nth, signal: 'SIGSTOP' } });
    const pid = holder.child.pid as number;
    try {
      await until(() => holder.child.exitCode !== null || isStopped(pid), 'the first is in the middle of its work');
      t.is(holder.child.exitCode, null);
      const refused = await run(second, { cwd: folder });
      t.is(refused.code, 1, refused.stderr);
      t.regex(refused.stderr, new RegExp(`process ${pid}`));
      t.regex(refused.stderr, /since \d{4}-/);
    } finally {
      holder.child.kill('SIGCONT');
    }
    const { code, stderr } = await holder.ended;
    t.is(code, 0, stderr);
    t.deepEqual(
      Object.keys(contents(folder)).filter((name) => /(^|\/)\./.test(name)),
      [],
      'no leftovers',
    );
  });
}

test('two searches and a fine-tuning into one folder all work', async (t) => {
  const folder = await freshFolder();
  const ended = await Promise.all(
    [search('one'), search('two'), finetune('three')].map((args) => run(args, { cwd: folder })),
  );
  for (const { code, stderr } of ended) t.is(code, 0, stderr);
  const all = contents(folder);
  t.is(all['one/model.safetensors'], all['two/model.safetensors']);
});
