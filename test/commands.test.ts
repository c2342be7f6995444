// The commands as other programs call them: the files they write, the JSON they print, their exit codes, and their words for mistakes.
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { readHeader } from '../lib/checkpoint/safetensors.js';
import type { RunRecord } from '../lib/run/record.js';
import { detailLines as lines, runCommand } from './support/command.js';
import { readTensors, relativeError } from './support/tensors.js';
import { makeWorkspace, recordWithoutTiming } from './support/workspace.js';

test('evaluate: accuracy as JSON, a line per example in order', async (t) => {
  const space = await makeWorkspace();
  const { code, stdout, stderr } = await runCommand(
    ['evaluate', '--model', 'models/a', '--data', 'data/a', '--split', 'test', '--details', 'details.jsonl', '--json'],
    { cwd: space.dir },
  );
  t.is(code, 0, stderr);
  const result = JSON.parse(stdout) as { accuracy: number; examples: number };
  const details = lines(await readFile(space.path('details.jsonl'), 'utf8'));
  t.is(result.examples, 24);
  t.deepEqual(
    details.map(({ index }) => index),
    Array.from({ length: 24 }, (_, i) => i),
  );
  for (const { nll, tokens, prediction } of details) {
    const scores = nll.map((value, c) => value / tokens[c]);
    t.is(prediction, scores.indexOf(Math.min(...scores)));
  }
  t.is(result.accuracy, details.filter(({ prediction, label }) => prediction === label).length / 24);
});

test('evaluate: rows without labels are scored, and have no accuracy', async (t) => {
  const space = await makeWorkspace();
  await writeFile(
    space.path('data', 'a', 'test.jsonl'),
    '{"input": "the cat", "choices": ["runs", "sleeps the dog"]}\n',
  );
  const { stdout } = await runCommand(
    ['evaluate', '--model', 'models/a', '--data', 'data/a', '--split', 'test', '--json'],
    { cwd: space.dir },
  );
  const { accuracy, examples, rows } = JSON.parse(stdout) as { accuracy: null; examples: number; rows: number };
  t.deepEqual([accuracy, examples, rows], [null, 0, 1]);
});

test("fisher: float32 by the checkpoint's names, with metadata; merge takes it instead of measuring", async (t) => {
  const space = await makeWorkspace();
  const run = (...args: string[]) => runCommand(args, { cwd: space.dir });
  const measure = ['--data', 'data/a', '--samples', '5', '--seed', '4', '--out'];
  t.is((await run('fisher', '--model', 'models/a', ...measure, 'a.safetensors')).code, 0);
  const { tensors, metadata } = await readHeader(space.path('a.safetensors'));
  const { tensors: model } = await readHeader(space.path('models', 'a', 'model.safetensors'));
  t.deepEqual([...tensors.keys()].sort(), [...model.keys()].sort());
  for (const [name, { dtype, shape }] of tensors) t.deepEqual([dtype, shape], ['F32', model.get(name)?.shape], name);
  t.like(metadata, { mode: 'exact', samples: '5', coefficient: '1', epsilon: '1e-12', compute_dtype: 'float32' });

  // The Fishers are those at θ0 + λτ, which df_merge measures itself, so that the same bytes come out.
  for (const [name, weight] of [
    ['a', '0.3'],
    ['b', '0.8'],
  ])
    t.is(
      (
        await run(
          'fisher',
          '--model',
          `models/${name}`,
          '--base',
          'models/base',
          '--coefficient',
          weight,
          '--data',
          `data/${name}`,
          '--samples',
          '5',
          '--seed',
          '4',
          '--out',
          `${name}.safetensors`,
          '--overwrite',
        )
      ).code,
      0,
    );
  const weights = (text: string) =>
    text
      .replace('task: a', 'task: a\n    parameters: { weight: 0.3 }')
      .replace('task: b', 'task: b\n    parameters: { weight: 0.8 }');
  await space.variant('measured.yaml', weights);
  await space.variant('given.yaml', (text) =>
    weights(text)
      .replace('task: a', 'task: a\n    fisher: a.safetensors')
      .replace('task: b', 'task: b\n    fisher: b.safetensors'),
  );
  t.is((await run('merge', 'measured.yaml', '--out', 'measured')).code, 0);
  const given = await run('merge', 'given.yaml', '--out', 'given', '--json');
  t.is(given.code, 0, given.stderr);
  t.deepEqual(
    await readFile(space.path('given', 'model.safetensors')),
    await readFile(space.path('measured', 'model.safetensors')),
  );
});

test('fisher: --min-weight skips choices, and prints and keeps what that costs at most', async (t) => {
  const space = await makeWorkspace();
  const run = (...args: string[]) =>
    runCommand(['fisher', '--model', 'models/a', '--data', 'data/a', '--samples', '5', ...args], { cwd: space.dir });
  const plain = await run('--min-weight', '0.3', '--out', 'skipping.safetensors');
  t.is(plain.code, 0, plain.stderr);
  t.regex(
    plain.stdout,
    /Skipped: \d+ of \d+ choices \(p̃ 0\.\d+ per input, 0\.\d+ at most\); every element is low by at most 0\.\d+ × the largest squared gradient of a skipped choice there/,
  );
  const { skipped } = JSON.parse((await run('--min-weight', '0.3', '--json', '--out', 'again.safetensors')).stdout) as {
    skipped: { skipped: number; choices: number };
  };
  t.true(skipped.skipped > 0 && skipped.skipped < skipped.choices);
  const { metadata } = await readHeader(space.path('skipping.safetensors'));
  t.is(metadata.min_weight, '0.3');
  t.deepEqual(JSON.parse(metadata.skipped), skipped);
  const exact = await run('--json', '--out', 'exact.safetensors');
  t.false('skipped' in (JSON.parse(exact.stdout) as object));
  t.false('min_weight' in (await readHeader(space.path('exact.safetensors'))).metadata);
});

test('--compute-dtype bfloat16: other NLLs than in float32, though near; a Fisher file and a record say how they were computed', async (t) => {
  const space = await makeWorkspace();
  const run = async (...args: string[]) => {
    const { code, stderr } = await runCommand(args, { cwd: space.dir });
    t.is(code, 0, stderr);
  };
  for (const dtype of ['float32', 'bfloat16'])
    await run(
      'evaluate',
      '--model',
      'models/a',
      '--data',
      'data/a',
      '--details',
      `${dtype}.jsonl`,
      '--compute-dtype',
      dtype,
    );
  const [exact, rounded] = await Promise.all(
    ['float32', 'bfloat16'].map(async (dtype) =>
      lines(await readFile(space.path(`${dtype}.jsonl`), 'utf8')).flatMap(({ nll }) => nll),
    ),
  );
  const error = relativeError(rounded, exact);
  t.true(error > 1e-6 && error < 5e-3, String(error));

  await run(
    'fisher',
    '--model',
    'models/a',
    '--data',
    'data/a',
    '--samples',
    '5',
    '--compute-dtype',
    'bfloat16',
    '--out',
    'a.safetensors',
  );
  t.is((await readHeader(space.path('a.safetensors'))).metadata.compute_dtype, 'bfloat16');

  // The command line goes before the recipe.
  const recipe = await space.variant(
    'linear.yaml',
    (text) => `${text.replace('df_merge', 'linear')}compute_dtype: bfloat16\n`,
  );
  for (const [out, args, dtype] of [
    ['as-written', [], 'bfloat16'],
    ['as-told', ['--compute-dtype', 'float32'], 'float32'],
  ] as const) {
    await run('merge', recipe, '--out', out, ...args);
    const record = (await recordWithoutTiming(space.path(out))) as RunRecord;
    t.is(record.environment.computeDtype, dtype);
    t.is(record.recipe.compute_dtype, dtype);
    t.regex(await readFile(space.path(out, 'report.html'), 'utf8'), new RegExp(`Computed in ${dtype} on`));
  }

  await run(
    'finetune',
    '--model',
    'models/base',
    '--data',
    'data/a',
    '--out',
    'tuned',
    '--steps',
    '2',
    '--batch',
    '4',
    '--dtype',
    'float16',
    '--compute-dtype',
    'bfloat16',
  );
  t.is(
    (JSON.parse(await readFile(space.path('tuned', 'config.json'), 'utf8')) as Record<string, string>).torch_dtype,
    'float16',
  );
});

test('merge: linear, task arithmetic and gta agree with plain sums over the checkpoints', async (t) => {
  const space = await makeWorkspace();
  const read = (name: string) => readTensors(space.path('models', name, 'model.safetensors'));
  const [base, a, b] = [await read('base'), await read('a'), await read('b')];
  for (const [method, weights, lambdas] of [
    ['linear', null, [0.5, 0.5]],
    ['linear', [3, 1], [0.75, 0.25]],
    ['task_arithmetic', [0.3, 0.3], [0.3, 0.3]],
    ['gta', [0.2, 0.9], [0.2, 0.9]],
  ] as const) {
    const out = `${method}-${lambdas[0]}`;
    const weight = (i: number) => (weights ? `\n    parameters: { weight: ${weights[i]} }` : '');
    const recipe = await space.variant(`${out}.yaml`, (text) =>
      text
        .replace('df_merge', method)
        .replace(/fisher:.*\n/, '')
        .replace('task: a', `task: a${weight(0)}`)
        .replace('task: b', `task: b${weight(1)}`),
    );
    const { code, stderr } = await runCommand(['merge', recipe, '--out', space.path(out), '--no-evaluate']);
    t.is(code, 0, stderr);
    const merged = await readTensors(space.path(out, 'model.safetensors'));
    for (const name of base.names()) {
      const [x, y, z] = [base.get(name), a.get(name), b.get(name)];
      t.true(
        relativeError(
          merged.get(name),
          x.map((v, i) => v + lambdas[0] * (y[i] - v) + lambdas[1] * (z[i] - v)),
        ) < 1e-6,
        `${out} ${name}`,
      );
    }
  }
});

test('merge: float16 and bfloat16 outputs hold the rounded weights and say so in config.json', async (t) => {
  const space = await makeWorkspace();
  const full = await readTensors(space.path('models', 'a', 'model.safetensors'));
  for (const [dtype, stored, bound] of [
    ['float16', 'F16', 1e-3],
    ['bfloat16', 'BF16', 8e-3],
  ] as const) {
    const recipe = await space.variant(`${dtype}.yaml`, (text) =>
      text
        .replace('df_merge', 'linear')
        .replace(/ {2}- model: models\/b\n {4}task: b\n/, '')
        .replace(/fisher:.*\n/, '')
        .replace('dtype: float32', `dtype: ${dtype}`),
    );
    const { code, stderr } = await runCommand(['merge', recipe, '--out', space.path(dtype)]);
    t.is(code, 0, stderr);
    const { tensors } = await readHeader(space.path(dtype, 'model.safetensors'));
    t.true([...tensors.values()].every((tensor) => tensor.dtype === stored));
    t.is(
      (JSON.parse(await readFile(space.path(dtype, 'config.json'), 'utf8')) as Record<string, string>).torch_dtype,
      dtype,
    );
    const fisher = await runCommand([
      'evaluate',
      '--model',
      space.path(dtype),
      '--data',
      space.path('data', 'a'),
      '--details',
      space.path(`${dtype}.jsonl`),
    ]);
    t.is(fisher.code, 0);
    await runCommand([
      'evaluate',
      '--model',
      space.path('models', 'a'),
      '--data',
      space.path('data', 'a'),
      '--details',
      space.path('full.jsonl'),
      '--overwrite',
    ]);
    const [rounded, exact] = [
      lines(await readFile(space.path(`${dtype}.jsonl`), 'utf8')),
      lines(await readFile(space.path('full.jsonl'), 'utf8')),
    ];
    t.true(
      relativeError(
        rounded.flatMap(({ nll }) => nll),
        exact.flatMap(({ nll }) => nll),
      ) < bound,
      dtype,
    );
  }
  t.true(full.names().length > 10);
});

test('info: what the machine and the build can do', async (t) => {
  const { code, stdout } = await runCommand(['info', '--json']);
  t.is(code, 0);
  const facts = JSON.parse(stdout) as {
    version: string;
    isa: { chosen: string; available: string[] };
    threads: number;
    cuda: { available: boolean; reason: string };
    compute: object;
  };
  t.regex(facts.version, /^\d+\.\d+\.\d+/);
  t.true(facts.isa.available.includes(facts.isa.chosen));
  t.true(facts.threads >= 1);
  t.false(facts.cuda.available);
  t.deepEqual(facts.compute, {
    dtypes: ['float32', 'bfloat16'],
    bfloat16: ['amx', 'avx512bf16'].includes(facts.isa.chosen) ? 'instructions' : 'rounded',
  });
  const plain = await runCommand(['info'], { env: { DFMERGE_ISA: 'scalar' } });
  t.regex(plain.stdout, /instruction set {2}scalar/);
  t.regex(plain.stdout, /compute dtypes {3}float32, bfloat16 \(no instructions for bfloat16: as slow as float32\)/);
});

test('an instruction set that does not exist is refused in words', async (t) => {
  const { code, stderr } = await runCommand(['info'], { env: { DFMERGE_ISA: 'sse9' } });
  t.is(code, 1);
  t.regex(stderr, /^dfmerge: unknown instruction set "sse9": this build has .*scalar\n$/);
});

test('a merge and its record are the same bytes on every run', async (t) => {
  const space = await makeWorkspace();
  const recipe = await space.variant('fisher.yaml', (text) => text.replace('df_merge', 'fisher'));
  for (const out of ['one', 'two'])
    t.is(
      (await runCommand(['merge', recipe, '--out', space.path(out), '--compare', 'average', '--threads', '2'])).code,
      0,
    );
  t.deepEqual(
    await readFile(space.path('one', 'model.safetensors')),
    await readFile(space.path('two', 'model.safetensors')),
  );
  t.deepEqual(await recordWithoutTiming(space.path('one')), await recordWithoutTiming(space.path('two')));
});
