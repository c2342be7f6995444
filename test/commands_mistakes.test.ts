// Mistakes that users make on the command line, and the words and exit codes that tell them.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import test from 'ava';
import { BayesianOptimizer } from '../lib/bayes/index.js';
import { EXIT, reportFailure } from '../lib/cli/failure.js';
import { runCommand } from './support/command.js';
import { makeWorkspace } from './support/workspace.js';

const mistakes: Record<
  string,
  { args: string[]; code: number; message: RegExp; prepare?: (path: (...parts: string[]) => string) => Promise<void> }
> = {
  'no command': { args: [], code: 2, message: /Which command/ },
  'an unknown command': { args: ['frobnicate'], code: 2, message: /frobnicate/ },
  'an unknown option': {
    args: ['evaluate', '--model', 'm', '--data', 'd', '--nonsense'],
    code: 2,
    message: /nonsense/,
  },
  'a missing option': { args: ['evaluate', '--model', 'models/a'], code: 2, message: /data/ },
  'a model that is not there': {
    args: ['evaluate', '--model', 'models/zzz', '--data', 'data/a'],
    code: 1,
    message: /models\/zzz/,
  },
  'data that is not there': {
    args: ['evaluate', '--model', 'models/a', '--data', 'data/zzz'],
    code: 1,
    message: /data\/zzz/,
  },
  'a recipe that is not there': { args: ['merge', 'none.yaml', '--out', 'x'], code: 1, message: /none\.yaml/ },
  'weights missing in a merge': {
    args: ['merge', 'recipe.yaml', '--out', 'x'],
    code: 1,
    message: /recipe\.yaml:\d+:\d+: .*weight/,
  },
  'a broken row': {
    args: ['evaluate', '--model', 'models/a', '--data', 'data/a', '--split', 'test'],
    code: 1,
    message: /test\.jsonl:2: /,
    prepare: (path) => writeFile(path('data', 'a', 'test.jsonl'), '{"input": "a", "choices": ["red"]}\n{"input": 3}\n'),
  },
  'a tokenizer that is missing': {
    args: ['evaluate', '--model', 'models/a', '--data', 'data/a'],
    code: 1,
    message: /models\/a: no tokenizer\.json/,
    prepare: async (path) => (await import('node:fs/promises')).rm(path('models', 'a', 'tokenizer.json')),
  },
  'an output that is there': {
    args: ['search', 'recipe.yaml', '--out', 'models/a'],
    code: 2,
    message: /models\/a: it is the model .*, which this run reads/,
  },
  'no threads': {
    args: ['evaluate', '--model', 'models/a', '--data', 'data/a', '--threads', '0'],
    code: 2,
    message: /--threads 0/,
  },
  'computing in float16': {
    args: ['evaluate', '--model', 'models/a', '--data', 'data/a', '--compute-dtype', 'float16'],
    code: 2,
    message: /--compute-dtype float16: expected float32 or bfloat16 \(a model overflows in float16\)/,
  },
  'computing in a type there is not': {
    args: ['search', 'recipe.yaml', '--out', 'x', '--compute-dtype', 'int8'],
    code: 2,
    message: /--compute-dtype int8: expected float32 or bfloat16/,
  },
  'a min-weight above 1': {
    args: ['fisher', '--model', 'models/a', '--data', 'data/a', '--min-weight', '2', '--out', 'f'],
    code: 2,
    message: /--min-weight 2: expected a number of at least 0 and at most 1/,
  },
  'a min-weight of a word': {
    args: ['fisher', '--model', 'models/a', '--data', 'data/a', '--min-weight', 'low', '--out', 'f'],
    code: 2,
    message: /--min-weight low: expected a number/,
  },
  'a min-weight with sampled': {
    args: [
      'fisher',
      '--model',
      'models/a',
      '--data',
      'data/a',
      '--mode',
      'sampled',
      '--min-weight',
      '0.1',
      '--out',
      'f',
    ],
    code: 2,
    message: /mode sampled/,
  },
  'samples of a word': {
    args: ['fisher', '--model', 'models/a', '--data', 'data/a', '--samples', 'many', '--out', 'f'],
    code: 2,
    message: /--samples/,
  },
};

for (const [what, { args, code, message, prepare }] of Object.entries(mistakes)) {
  test(`mistake: ${what}`, async (t) => {
    const space = await makeWorkspace();
    await prepare?.(space.path);
    const result = await runCommand(args, { cwd: space.dir });
    t.is(result.code, code, result.stderr);
    t.regex(result.stderr, message);
    t.notRegex(result.stderr, /\n {4}at /, 'no stack trace');
    t.is(result.stdout, '');
    t.false(existsSync(space.path('x')));
  });
}

test('errors are JSON where JSON was asked for', async (t) => {
  const { code, stderr } = await runCommand(['evaluate', '--model', 'nowhere', '--data', 'd', '--json']);
  t.is(code, 1);
  t.like(JSON.parse(stderr), { error: { code: 'NOT_FOUND' } });
});

test.serial('an error of the optimiser is told in a line, with its code in JSON, and not as a defect', (t) => {
  const refused = t.throws(() => new BayesianOptimizer({ bounds: [] }));
  const written: string[] = [];
  const write = process.stderr.write.bind(process.stderr);
  process.stderr.write = (text) => written.push(String(text)) > 0;
  try {
    t.deepEqual([reportFailure(refused, false), reportFailure(refused, true)], [EXIT.failed, EXIT.failed]);
  } finally {
    process.stderr.write = write;
  }
  const message = 'bounds needs at least one [low, high] pair.';
  t.is(written[0], `dfmerge: ${message}\n`);
  t.deepEqual(JSON.parse(written[1] ?? ''), { error: { code: 'INVALID_ARGUMENT', message } });
});
