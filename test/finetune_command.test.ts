// Fine-tuning from the command line.
import { readdir, readFile } from 'node:fs/promises';
import test from 'ava';
import { detailLines as lines, runCommand, type DetailLine as Line } from './support/command.js';
import { makeWorkspace } from './support/workspace.js';

test('finetune: keeps the state of lowest validation loss and writes a model folder', async (t) => {
  const space = await makeWorkspace();
  const args = [
    'finetune',
    '--model',
    'models/base',
    '--data',
    'data/a',
    '--out',
    'tuned',
    '--steps',
    '30',
    '--batch',
    '8',
    '--learning-rate',
    '0.003',
    '--evaluate-every',
    '10',
    '--json',
    '--seed',
    '2',
  ];
  const { code, stdout, stderr } = await runCommand(args, { cwd: space.dir });
  t.is(code, 0, stderr);
  const { best, evaluations } = JSON.parse(stdout) as {
    best: { validationLoss: number };
    evaluations: { step: number; validationLoss: number }[];
  };
  t.deepEqual(
    evaluations.map(({ step }) => step),
    [10, 20, 30],
  );
  t.is(best.validationLoss, Math.min(...evaluations.map(({ validationLoss }) => validationLoss)));
  await runCommand(['evaluate', '--model', 'tuned', '--data', 'data/a', '--details', 'tuned.jsonl'], {
    cwd: space.dir,
  });
  await runCommand(['evaluate', '--model', 'models/base', '--data', 'data/a', '--details', 'base.jsonl'], {
    cwd: space.dir,
  });
  const loss = (rows: Line[]) =>
    rows.reduce((sum, { nll, label }) => sum + nll[label], 0) /
    rows.reduce((sum, { tokens, label }) => sum + tokens[label], 0);
  const tuned = loss(lines(await readFile(space.path('tuned.jsonl'), 'utf8')));
  t.true(
    Math.abs(tuned - best.validationLoss) < 1e-6 * best.validationLoss,
    'what was written scores what was reported',
  );
  t.true(tuned < 0.9 * loss(lines(await readFile(space.path('base.jsonl'), 'utf8'))), 'training lowered the loss');
  t.deepEqual(
    (await readdir(space.dir)).filter((name) => name.startsWith('.')),
    [],
    'no temporary file stays',
  );
});
