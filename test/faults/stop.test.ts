// Ctrl-C while data is read and tokenized.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { contents, freshFolder, run } from './harm.js';

const program = fileURLToPath(new URL('stop_at_rest.js', import.meta.url));
const MODEL = ['--model', 'models/a', '--data', 'data/a', '--threads', '1'];
const COMMANDS: Record<string, string[]> = {
  evaluate: ['evaluate', ...MODEL, '--details', 'details.jsonl'],
  fisher: ['fisher', ...MODEL, '--out', 'f.safetensors'],
  finetune: ['finetune', ...MODEL, '--out', 'out', '--steps', '2'],
  search: ['search', 'recipe.yaml', '--out', 'out', '--threads', '1'],
  merge: ['merge', 'merge.yaml', '--out', 'out', '--threads', '1'],
  check: ['check', 'recipe.yaml', '--out', 'out', '--threads', '1'],
};

const MERGE_RECIPE = `merge_method: gta
base_model: models/base
models:
  - { model: models/a, task: a, parameters: { weight: 0.3 } }
tasks:
  a: { data: data/a }
`;

for (const [name, args] of Object.entries(COMMANDS)) {
  test(`SIGINT while ${name} tokenizes: exit 130 at once, and nothing is left`, async (t) => {
    const cwd = await freshFolder();
    writeFileSync(join(cwd, 'merge.yaml'), MERGE_RECIPE);
    const before = contents(cwd);
    for (const at of [3, 60]) {
      const env = { STOP_AT_REST: String(at), DFMERGE_CACHE: 'cache' };
      const { code, stderr } = await run(args, { cwd, program, env });
      t.is(code, 130, stderr);
      t.regex(stderr, /dfmerge: stopped/);
      t.deepEqual(contents(cwd), before);
    }
  });
}

test('SIGINT while a demo makes its data: exit 130, and the next demo may begin', async (t) => {
  const cwd = await freshFolder();
  const env = { STOP_AT_REST: '20' };
  const { code, stderr } = await run(['demo', '--threads', '1', '--out', 'demo'], { cwd, program, env });
  t.is(code, 130, stderr);
  t.deepEqual(
    Object.keys(contents(cwd)).filter((path) => path.startsWith('demo')),
    [],
  );
});
