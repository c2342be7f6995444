// What a command line may look like: options, values, their mistakes, and the words, exit codes and JSON that tell them.
import { spawn } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import stringWidth from 'string-width';
import { readArguments } from '../lib/cli/arguments.js';
import { COMMANDS } from '../lib/cli/commands.js';
import { DfMergeError } from '../lib/core/errors.js';
import { VERSION } from '../lib/core/version.js';
import { MAIN, runCommand, startCommand } from './support/command.js';
import { makeWorkspace } from './support/workspace.js';

/** Command lines that are wrong, and what is said of them. None of them names a file that exists. */
const WRONG: Record<string, [args: string[], message: RegExp]> = {
  'an option without its value at the end': [['merge', 'r.yaml', '--out'], /--out needs a value/],
  'an option whose value is missing before another': [
    ['merge', 'r.yaml', '--out', '--quiet'],
    /--out needs a value.*--out=--quiet/,
  ],
  'an empty value after =': [['merge', 'r.yaml', '--out', 'x', '--seed='], /--seed needs a value/],
  'an empty value': [['merge', 'r.yaml', '--out', ''], /--out needs a value/],
  'an option given twice': [['merge', 'r.yaml', '--out', 'a', '--out', 'b'], /--out is given twice/],
  'a number given twice': [['merge', 'r.yaml', '--out', 'a', '--seed', '1', '--seed=1'], /--seed is given twice/],
  'a flag and its opposite': [
    ['merge', 'r.yaml', '--out', 'a', '--overwrite', '--no-overwrite'],
    /--overwrite is given twice/,
  ],
  'a flag with a value': [['merge', 'r.yaml', '--out', 'a', '--overwrite=yes'], /--overwrite takes no value/],
  'a flag before the word true': [['merge', 'r.yaml', '--overwrite', 'true'], /--overwrite takes no value/],
  'an unknown option before the command': [
    ['--jsno', 'merge', 'r.yaml', '--out', 'a'],
    /no option --jsno; did you mean --json\?/,
  ],
  'an option with one dash': [['merge', 'r.yaml', '-out', 'a'], /unknown option -out; a path that begins/],
  'a misspelt option': [['merge', 'r.yaml', '--otu', 'a'], /merge has no option --otu; did you mean --out\?/],
  'an option in camel case': [
    ['merge', 'r.yaml', '--out', 'a', '--computeDtype', 'float32'],
    /did you mean --compute-dtype\?/,
  ],
  "another command's option": [
    ['merge', 'r.yaml', '--out', 'a', '--batch', '3'],
    /merge has no option --batch, which finetune has/,
  ],
  'the opposite of an option with a value': [['merge', 'r.yaml', '--no-out'], /merge has no option --no-out/],
  'an option of the language': [['merge', 'r.yaml', '--out', 'a', '--__proto__=1'], /merge has no option --__proto__/],
  'a path of an option with dots': [['merge', 'r.yaml', '--out.x', 'a'], /merge has no option --out\.x/],
  'a misspelt command': [['serach', 'r.yaml', '--out', 'a'], /unknown command serach; did you mean search\?/],
  'a missing recipe': [['merge', '--out', 'a'], /merge needs a recipe/],
  'an empty recipe': [['merge', '', '--out', 'a'], /merge needs a recipe/],
  'standard input for a recipe': [['merge', '-', '--out', 'a'], /nothing is read from standard input/],
  'a recipe twice, after --': [['search', '--out', 'a', '--', 'r.yaml', 's.yaml'], /unexpected argument s\.yaml/],
  'no recipe after --': [['search', '--out', 'a', '--'], /search needs a recipe: dfmerge search RECIPE/],
  'a second recipe': [['merge', 'r.yaml', 's.yaml', '--out', 'a'], /unexpected argument s\.yaml/],
  'a recipe that begins with a dash': [
    ['merge', '-r.yaml', '--out', 'a'],
    /unknown option -r\.yaml; a path that begins with a dash/,
  ],
  'a word for a number': [
    ['merge', 'r.yaml', '--out', 'a', '--seed', 'one'],
    /--seed one: expected a whole number from 0 to 4294967295/,
  ],
  'a fraction for a whole number': [
    ['merge', 'r.yaml', '--out', 'a', '--seed', '1.5'],
    /--seed 1\.5: expected a whole number/,
  ],
  'a negative seed': [['merge', 'r.yaml', '--out', 'a', '--seed', '-1'], /--seed -1: expected a whole number/],
  'a seed of more than 32 bits': [
    ['merge', 'r.yaml', '--out', 'a', '--seed', '4294967296'],
    /--seed 4294967296: expected/,
  ],
  'a hexadecimal number': [['merge', 'r.yaml', '--out', 'a', '--threads', '0x2'], /--threads 0x2: expected/],
  'an infinite number': [['merge', 'r.yaml', '--out', 'a', '--threads', '1e999'], /--threads 1e999: expected/],
  'more threads than there can be': [
    ['merge', 'r.yaml', '--out', 'a', '--threads', '1000000'],
    /--threads 1000000: expected a whole number from 1 to 1024/,
  ],
  'a huge number of steps': [
    ['finetune', '--model', 'm', '--data', 'd', '--out', 'a', '--steps', '1e30'],
    /--steps 1e30: expected/,
  ],
  'a learning rate of 0': [
    ['finetune', '--model', 'm', '--data', 'd', '--out', 'a', '--learning-rate', '0'],
    /--learning-rate 0: expected a number above 0/,
  ],
  'an epsilon below 0': [
    ['fisher', '--model', 'm', '--data', 'd', '--out', 'a', '--epsilon', '-1'],
    /--epsilon -1: expected a number of at least 0/,
  ],
  'a misspelt split': [
    ['evaluate', '--model', 'm', '--data', 'd', '--split', 'tets'],
    /--split tets: expected train, validation or test; did you mean test\?/,
  ],
  'a misspelt comparison': [
    ['merge', 'r.yaml', '--out', 'a', '--compare', 'base', 'fishr'],
    /--compare fishr: expected .* or none; did you mean fisher\?/,
  ],
  'none beside other comparisons': [['merge', 'r.yaml', '--out', 'a', '--compare', 'none,base'], /none stands alone/],
  'a coefficient without a base': [
    ['fisher', '--model', 'm', '--data', 'd', '--out', 'a', '--coefficient', '0.5'],
    /--coefficient needs --base/,
  ],
  'an option that is needed': [['evaluate', '--model', 'm'], /evaluate needs --data/],
};

/** Command lines that are right, and some of the values that they give. */
const RIGHT: Record<string, [args: string[], values: Record<string, unknown>]> = {
  'no option but the one that is needed': [
    ['merge', 'r.yaml', '--out', 'a'],
    {
      recipe: 'r.yaml',
      out: 'a',
      overwrite: false,
      evaluate: undefined,
      cache: true,
      seed: undefined,
      compare: undefined,
    },
  ],
  'flags and their opposites': [
    ['merge', 'r.yaml', '--out', 'a', '--overwrite', '--no-evaluate', '--no-cache'],
    { overwrite: true, evaluate: false, cache: false },
  ],
  'options before the command': [
    ['--json', '--seed', '4', '--compare', 'base', 'merge', 'r.yaml', '--out=a'],
    { recipe: 'r.yaml', json: true, seed: 4, compare: ['base'] },
  ],
  'a list in pieces, with the recipe between them': [
    ['merge', '--compare', 'base,average', 'fisher', 'r.yaml', '--compare=fine-tuned', '--out', 'a'],
    { recipe: 'r.yaml', compare: ['base', 'average', 'fisher', 'fine-tuned'] },
  ],
  'an empty list': [['merge', 'r.yaml', '--out', 'a', '--compare', 'none'], { compare: [] }],
  'names that look like numbers': [['merge', '1e3', '--out', '007'], { recipe: '1e3', out: '007' }],
  'names that begin with a dash': [
    ['merge', '--out=--quiet', '--', '--json'],
    { recipe: '--json', out: '--quiet', json: false },
  ],
  'a name with = and a name with quotes': [['merge', '"r".yaml', '--out=a=b'], { recipe: '"r".yaml', out: 'a=b' }],
  'a number below zero': [
    ['fisher', '--model', 'm', '--base', 'b', '--data', 'd', '--out', 'f', '--coefficient', '-1e-3'],
    { coefficient: -0.001, samples: 30, mode: 'exact', 'min-weight': 0 },
  ],
};

test('right usage gives values of the types that the commands ask for', (t) => {
  for (const [what, [args, values]] of Object.entries(RIGHT)) {
    const request = readArguments(args, COMMANDS);
    if (request.ask !== 'run') return t.fail(what);
    t.is(request.command.name, args.includes('fisher') && !args.includes('merge') ? 'fisher' : 'merge', what);
    for (const [name, value] of Object.entries(values)) t.deepEqual(request.args[name], value, `${what}: ${name}`);
  }
});

test('wrong usage is told before any file is read', (t) => {
  for (const [what, [args, message]] of Object.entries(WRONG)) {
    const error = t.throws(
      () => readArguments(args, COMMANDS),
      { instanceOf: DfMergeError, code: 'INVALID_ARGUMENT' },
      what,
    );
    t.regex(error?.message ?? '', message, what);
  }
});

test('wrong usage ends with 2, in two lines or, beside --json, in one object', async (t) => {
  const [args, message] = WRONG['an option given twice'];
  const [plain, json, noCommand] = await Promise.all(
    [args, ['--json', ...args], ['--json']].map((words) => runCommand(words)),
  );
  t.deepEqual([plain.code, json.code, noCommand.code], [2, 2, 2]);
  t.deepEqual([plain.stdout, json.stdout], ['', '']);
  t.is(plain.stderr, 'dfmerge: --out is given twice\nRun dfmerge --help, or dfmerge COMMAND --help.\n');
  const { error } = JSON.parse(json.stderr) as { error: { code: string; message: string } };
  t.is(error.code, 'INVALID_ARGUMENT');
  t.regex(error.message, message);
  for (const { stderr } of [json, noCommand]) t.is(stderr.split('\n').length, 2);
});

test('wrong usage goes before a recipe that is wrong, and before files that are missing', async (t) => {
  const space = await makeWorkspace();
  await writeFile(space.path('broken.yaml'), 'merge_method: [');
  for (const [recipe, code] of [
    ['broken.yaml', 1],
    ['absent.yaml', 1],
  ] as const) {
    const right = await runCommand(['search', recipe, '--out', 'x'], { cwd: space.dir });
    t.is(right.code, code, right.stderr);
    const wrong = await runCommand(['search', recipe, '--out', 'x', '--threads', 'two'], { cwd: space.dir });
    t.is(wrong.code, 2);
    t.regex(wrong.stderr, /--threads two/);
  }
});

test('paths that begin with a dash: after = and after --', async (t) => {
  const space = await makeWorkspace();
  await space.variant('-recipe.yaml', (text) =>
    text
      .replace('df_merge', 'linear')
      .replace('task: a', 'task: a\n    parameters: { weight: 0.3 }')
      .replace('task: b', 'task: b\n    parameters: { weight: 0.8 }'),
  );
  const { code, stderr, stdout } = await runCommand(['merge', '--out=-dir', '--json', '--', '-recipe.yaml'], {
    cwd: space.dir,
  });
  t.is(code, 0, stderr);
  t.is(stderr, '');
  t.like(JSON.parse(stdout), { command: 'merge', out: '-dir', version: VERSION, method: 'linear' });
});

test('results as JSON carry the command, the version and the output beside what they hold', async (t) => {
  const space = await makeWorkspace();
  await mkdir(space.path('there'));
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand([...args, '--json'], { cwd: space.dir });
    t.is(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const search = await run('search', 'recipe.yaml', '--out', 'merged', '--compare', 'none');
  t.like(search, { command: 'search', out: 'merged', version: VERSION, dfmerge: VERSION });
  t.true(Array.isArray(search.trials) && search.trials.length === 8);
  t.deepEqual(search.comparisons, []);
  const evaluation = await run('evaluate', '--model', 'merged', '--data', 'data/a');
  t.like(evaluation, { command: 'evaluate', version: VERSION, examples: 40 });
  t.false('out' in evaluation);
  const measured = await run('fisher', '--model', 'models/a', '--data', 'data/a', '--out', 'a.safetensors');
  t.like(measured, { command: 'fisher', version: VERSION, out: 'a.safetensors', samples: 30 });
  t.like(await run('info'), { command: 'info', version: VERSION });
});

test('the words of a list end where the recipe begins', async (t) => {
  const { stderr, code } = await runCommand([
    'merge',
    '--compare',
    'base,average',
    'fisher',
    'none.yaml',
    '--out',
    'x',
  ]);
  t.is(code, 1);
  t.regex(stderr, /there is no recipe none\.yaml/);
});

test('help fits 80 and 40 columns, and names every option of each command', (t) => {
  for (const width of [80, 40]) {
    for (const command of COMMANDS) {
      const request = readArguments([command.name, '--help'], COMMANDS, width);
      const text = request.ask === 'run' ? '' : request.text;
      for (const line of text.split('\n'))
        t.true(stringWidth(line) <= width || !line.trim().includes(' '), `${command.name} at ${width}: ${line}`);
      for (const name of Object.keys(command.options)) t.true(text.includes(name), `${command.name}: --${name}`);
    }
  }
});

test('--help goes before mistakes, and --version says the version', async (t) => {
  const help = await runCommand(['merge', '--nonsense', '--help'], { env: { LC_ALL: 'de_DE.UTF-8' } });
  t.deepEqual([help.code, help.stderr], [0, '']);
  t.regex(help.stdout, /^dfmerge merge \[RECIPE\] --out DIR/);
  t.regex(help.stdout, /\nOptions:\n/, 'in English whatever the locale');
  for (const line of help.stdout.split('\n')) t.true(stringWidth(line) <= 80, line);
  t.deepEqual(await runCommand(['--version']), { code: 0, stdout: `${VERSION}\n`, stderr: '' });
});

test('no two commands give one name to an option with a value and to a flag', (t) => {
  const takes = new Map<string, string>();
  for (const { options } of COMMANDS)
    for (const [name, option] of Object.entries(options)) {
      t.is((takes.get(name) ?? option.takes) === 'nothing', option.takes === 'nothing', name);
      takes.set(name, option.takes);
    }
});

/** Waits until a folder holds a name like this. */
async function appears(folder: string, name: RegExp): Promise<void> {
  while (!(await readdir(folder)).some((entry) => name.test(entry))) await sleep(20);
}

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends a command with ${expected}, told in a line and in JSON`, async (t) => {
    const space = await makeWorkspace();
    for (const json of [false, true]) {
      const args = ['finetune', '--model', 'models/base', '--data', 'data/a', '--out', 'tuned', '--steps', '100000'];
      const rest = ['--evaluate-every', '1', ...(json ? ['--json'] : [])];
      const { child, finished } = startCommand([...args, ...rest], { cwd: space.dir, env: { DFMERGE_CACHE: 'off' } });
      if (json) void appears(space.dir, /^\.tuned/).then(() => child.kill(signal));
      else child.stderr?.once('data', () => child.kill(signal));
      const { code, stderr, stdout } = await finished;
      t.is(code, expected, stderr);
      t.is(stdout, '');
      const message = json ? (JSON.parse(stderr) as { error: { message: string } }).error.message : stderr;
      t.regex(message, json ? /^stopped/ : /\ndfmerge: stopped.*\n$/);
      if (json) t.like(JSON.parse(stderr), { error: { code: 'INTERRUPTED' } });
    }
  });
}

/** Runs a command through a shell, with streams that a shell can close. */
function shell(script: string): Promise<{ code: number | null; stdout: string }> {
  const child = spawn('bash', ['-c', script, 'bash', process.execPath, MAIN], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout })));
}

test('a reader that goes away early is no failure; a full disk is one', async (t) => {
  const endings = {
    'stdout closed early': '"$1" "$2" fisher --help | true; echo ${PIPESTATUS[0]}',
    'stdout closed': '"$1" "$2" info >&-; echo $?',
    'stderr closed': '"$1" "$2" info 2>&- >/dev/null; echo $?',
    'stderr closed early': '"$1" "$2" merge none.yaml --out x 2>&1 | true; echo ${PIPESTATUS[0]}',
    'a full disk': '"$1" "$2" info >/dev/full; echo $?',
  };
  const codes = await Promise.all(Object.values(endings).map(async (script) => (await shell(script)).stdout.trim()));
  t.deepEqual(Object.fromEntries(Object.keys(endings).map((what, i) => [what, codes[i]])), {
    'stdout closed early': '0',
    'stdout closed': '0',
    'stderr closed': '0',
    'stderr closed early': '1',
    'a full disk': '1',
  });
});
