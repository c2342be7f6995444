// What every command checks of its output, its inputs, memory and disk before it begins to work.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import {
  check,
  evaluate,
  finetune,
  fisher,
  recipeForSearch,
  search,
  type CheckOptions,
  type ProgressEvent,
} from '../lib/index.js';
import { assertFileWritable } from '../lib/core/output_file.js';
import { sum } from '../lib/core/statistics.js';
import { journalBytes, preflight } from '../lib/run/preflight.js';
import { assertTaskRunnable } from '../lib/run/preflight_task.js';
import { Problems } from '../lib/run/problems.js';
import { runCommand } from './support/command.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

const GIB = 2 ** 30;
const machine = (memory: { total: number; available: number }, free?: number) => ({
  memory: () => memory,
  freeSpace: () => Promise.resolve(free),
});
const ROOMY = { total: 64 * GIB, available: 64 * GIB };

/** Each command of one task, with an output at `out`. It fails the test where it begins to work. */
function commandsOf(t: ExecutionContext, space: Workspace, model = 'a') {
  const onProgress = (event: ProgressEvent) => t.fail(`began with ${event.phase}`);
  const run = { model: space.path('models', model), data: space.path('data', 'a'), onProgress };
  return {
    evaluate: (out: string) => evaluate({ ...run, details: out }),
    fisher: (out: string) => fisher({ ...run, out }),
    finetune: (out: string) => finetune({ ...run, out, steps: 2 }),
  };
}

test('evaluate, fisher and finetune know before the work that their output cannot be made', async (t) => {
  const space = await makeWorkspace();
  await writeFile(space.path('file'), '');
  const before = readdirSync(space.dir, { recursive: true });
  for (const [name, command] of Object.entries(commandsOf(t, space))) {
    await t.throwsAsync(command(space.path('file', 'x')), { message: /file/ }, name);
    await t.throwsAsync(command('/proc/x'), { message: /^cannot write \/proc\/x/ }, name);
  }
  const { evaluate: evaluated, fisher: measured } = commandsOf(t, space);
  for (const command of [evaluated, measured]) {
    await t.throwsAsync(command(space.path('nowhere', 'x')), { code: 'NOT_FOUND', message: /^cannot write .*nowhere/ });
    await t.throwsAsync(command(space.path('data')), { code: 'IO', message: /^cannot write .*data: it is a folder/ });
  }
  t.deepEqual(readdirSync(space.dir, { recursive: true }), before);
});

test('a single file may be a device, and a link is checked where it leads to', async (t) => {
  const space = await makeWorkspace();
  await assertFileWritable('/dev/null');
  await mkdir(space.path('there'));
  await symlink(space.path('there', 'new'), space.path('good'));
  await symlink('/proc/new', space.path('bad'));
  await assertFileWritable(space.path('good'));
  await t.throwsAsync(assertFileWritable(space.path('bad')), { message: /^cannot write .*proc/ });
  t.deepEqual(readdirSync(space.path('there')), []);
});

test('evaluate, fisher and finetune tell of a missing model and missing data at once', async (t) => {
  const space = await makeWorkspace();
  await rm(space.path('data', 'a', 'validation.jsonl'));
  for (const [name, command] of Object.entries(commandsOf(t, space, 'none')))
    await t.throwsAsync(command(space.path('x')), { message: /models\/none[^]*\n[^]*validation\.jsonl/ }, name);
  t.false(existsSync(space.path('x')));
});

test('finetune misses the training split before it makes a folder', async (t) => {
  const space = await makeWorkspace();
  await rm(space.path('data', 'a', 'train.jsonl'));
  await t.throwsAsync(commandsOf(t, space).finetune(space.path('deep', 'x')), { message: /train\.jsonl/ });
  t.false(existsSync(space.path('deep')));
});

test('memory that the machine does not have is an error, and memory that others have is a warning', async (t) => {
  const space = await makeWorkspace();
  const run = {
    model: space.path('models', 'a'),
    data: space.path('data', 'a'),
    splits: ['validation'],
    vectors: 3,
  } as const;
  const recipe = recipeForSearch(space.recipe);
  const planned = { recipe, compare: [], scored: 'yes' } as const;
  const little = machine({ total: 100e6, available: 50e6 });
  const message = /^about 1\d\d MB of memory are needed, and there are 100 MB in all/;
  await t.throwsAsync(assertTaskRunnable({ ...run, machine: little }, {}), { code: 'UNSUPPORTED', message });
  const problems = new Problems();
  await preflight({ ...planned, machine: little }, {}, problems);
  t.deepEqual(
    problems.list.map(({ code }) => code),
    ['UNSUPPORTED'],
  );
  t.throws(() => problems.throwAny(), { message });

  const busy = machine({ total: 64 * GIB, available: 50e6 });
  const warnings: string[] = [];
  const onWarning = (warning: string) => void warnings.push(warning);
  await assertTaskRunnable({ ...run, machine: busy }, { onWarning });
  const none = new Problems();
  await preflight({ ...planned, machine: busy }, { onWarning }, none);
  t.deepEqual(none.list, []);
  t.is(warnings.length, 2);
  for (const warning of warnings) t.regex(warning, /needed, and 50 MB are free at present$/);
  // What batches may take counts.
  const large = { batchMemory: 65 * GIB };
  await t.throwsAsync(assertTaskRunnable({ ...run, machine: machine(ROOMY) }, large), { code: 'UNSUPPORTED' });
});

test('a disk with too little room is an error that says how much is needed', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('x');
  const bytes = (parameters: number) => 4 * parameters;
  const run = {
    model: space.path('models', 'a'),
    data: space.path('data', 'a'),
    splits: ['validation'],
    vectors: 3,
  } as const;
  const output = { path: out, kind: 'file', bytes } as const;
  const message = /^cannot write .*x: about \d+ [kM]B are needed, and 1 kB are free on its disk$/;
  await t.throwsAsync(assertTaskRunnable({ ...run, output, machine: machine(ROOMY, 1000) }, {}), {
    code: 'IO',
    message,
  });
  await t.notThrowsAsync(assertTaskRunnable({ ...run, output, machine: machine(ROOMY) }, {}), 'no figure is no error');
  const problems = new Problems();
  const planned = { recipe: recipeForSearch(space.recipe), compare: [], scored: 'yes', out } as const;
  await preflight({ ...planned, machine: machine(ROOMY, 1000) }, {}, problems);
  t.throws(() => problems.throwAny(), { code: 'IO', message });
});

test('a small disk is known before the work', async (t) => {
  const space = await makeWorkspace();
  const disk = space.path('disk');
  await mkdir(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'none', disk], { stdio: 'ignore' });
  } catch {
    t.log('skipped: only root can mount a small disk, and not in every container');
    return t.pass();
  }
  try {
    const message = /^cannot write .*disk\/x: about \d+ [kM]B are needed, and \d+ kB are free on its disk$/;
    const out = space.path('disk', 'x');
    const { fisher: measured, finetune: tuned } = commandsOf(t, space);
    for (const command of [measured, tuned]) await t.throwsAsync(command(out), { code: 'IO', message });
    const onProgress = () => t.fail();
    await t.throwsAsync(search(recipeForSearch(space.recipe), { out, onProgress }), { code: 'IO', message });
    const { problems } = JSON.parse(
      (await runCommand(['check', 'recipe.yaml', '--out', 'disk/x', '--json'], { cwd: space.dir })).stdout,
    ) as { problems: { code: string; message: string }[] };
    t.deepEqual(
      problems.map(({ code }) => code),
      ['IO'],
    );
    t.regex(problems[0].message, message);
    t.deepEqual(readdirSync(disk), []);
  } finally {
    execFileSync('umount', [disk]);
  }
});

test('the disk that a search takes counts its journal and the token ids that are kept', async (t) => {
  const space = await makeWorkspace();
  const recipe = recipeForSearch(space.recipe);
  const out = space.path('x');
  const needed = async (options: CheckOptions) => {
    const { disk } = await check(recipe, { out, purpose: 'search', time: false, ...options });
    return disk?.needed ?? Number.NaN;
  };
  const rows = ['a', 'b'].flatMap((name) =>
    ['train', 'validation', 'test'].map((split) => statSync(space.path('data', name, `${split}.jsonl`)).size),
  );
  const without = await needed({ cache: false });
  t.is((await needed({ cache: space.path('cache') })) - without, sum(rows));
  const longer = { ...recipe, search: { ...recipe.search, iterations: 100 } };
  const { disk } = await check(longer, { out, purpose: 'search', time: false, cache: false });
  t.is(
    (disk?.needed ?? 0) - without,
    journalBytes({ recipe: longer, compare: [] }) - journalBytes({ recipe, compare: [] }),
  );
  await search(recipe, { out, cache: false });
  const journal = statSync(space.path('x', 'journal.jsonl')).size;
  const estimated = journalBytes({ recipe, compare: ['base', 'fine-tuned', 'average'] }) / 2;
  t.true(estimated > journal / 3 && estimated < 3 * journal, `${estimated} and ${journal}`);
});
