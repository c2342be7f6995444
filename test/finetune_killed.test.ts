// What a fine-tuning that was killed leaves behind.
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { finetune } from '../lib/index.js';
import { startCommand, runCommand } from './support/command.js';
import { makeWorkspace } from './support/workspace.js';

const args = ['finetune', '--model', 'models/base', '--data', 'data/a', '--out', 'tuned', '--threads', '1', '--quiet'];
const hidden = (folder: string) => readdirSync(folder).filter((name) => name.startsWith('.'));
const weights = (folder: string) => hidden(folder).filter((name) => /^\.tuned\.best\.tmp-[0-9a-f]{16}$/.test(name));
const MINE = ['.tuned.best.tmp-0123456789abcdef', '.tuned.best.tmp-mine', 'tuned.best'];

const NEXT: Record<string, string[]> = {
  'a fine-tuning that fails at once': [...args, '--steps', '1', '--seed', '1'],
  fisher: ['fisher', '--model', 'models/a', '--data', 'data/a', '--out', 'f', '--threads', '1'],
  evaluate: ['evaluate', '--model', 'models/a', '--data', 'data/a', '--details', 'd', '--threads', '1'],
};

for (const [name, next] of Object.entries(NEXT))
  test(`the best state of a killed fine-tuning goes with the next command: ${name}`, async (t) => {
    const space = await makeWorkspace();
    const { child, finished } = startCommand([...args, '--steps', '100000', '--evaluate-every', '1'], {
      cwd: space.dir,
    });
    while (weights(space.dir).length === 0 && child.exitCode === null) await sleep(10);
    child.kill('SIGKILL');
    await finished;
    t.not(weights(space.dir).length, 0, 'a file of weights was left');
    for (const file of MINE) await writeFile(space.path(file), 'mine');
    if (name.startsWith('a fine-tuning')) await writeFile(space.path('tuned'), 'in the way');
    const { code } = await runCommand(next, { cwd: space.dir });
    t.is(code === 0, !name.startsWith('a fine-tuning'));
    t.deepEqual(
      readdirSync(space.dir).filter((file) => file.includes('.best')),
      [...MINE].sort(),
    );
  });

test('a fine-tuning that is stopped leaves nothing', async (t) => {
  const space = await makeWorkspace();
  const controller = new AbortController();
  const tuning = finetune({
    model: space.path('models/base'),
    data: space.path('data/a'),
    out: space.path('tuned'),
    steps: 1000,
    evaluateEvery: 1,
    threads: 1,
    signal: controller.signal,
    onEvaluation: ({ step }) => {
      if (step !== 3) return;
      t.is(weights(space.dir).length, 1);
      controller.abort();
    },
  });
  await t.throwsAsync(tuning, { any: true, name: 'AbortError' });
  t.deepEqual(hidden(space.dir), []);
});
