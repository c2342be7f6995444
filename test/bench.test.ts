// The benchmark's own arithmetic, its native entries, and one process of each of its small cases. No test looks at a time.
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { catalog, type BenchCase } from '../bench/catalog.js';
import { fisherFlop, matmulFlop, scoreFlop, trainFlop } from '../bench/flops.js';
import { LENGTHS_FILE, randomRows, taskLengths } from '../bench/lengths.js';
import { isWhole, parseOptions, selectCases } from '../bench/options.js';
import type { BenchRecord, CaseRecord } from '../bench/record.js';
import { limitFraction, MARKDOWN, progressLine, renderRecord, TERMINAL } from '../bench/report.js';
import { runCase } from '../bench/runner.js';
import { parameterCount, SHAPES } from '../bench/shapes.js';
import { median } from '../lib/core/statistics.js';
import { runProcess, Workshop } from '../bench/workshop.js';
import { testing } from '../bindings/testing/index.js';
import { INSTRUCTION_SETS } from './support/machines.js';

// The inner width is 2. Each token takes 4·2·2 + 2·2·3 = 28 multiply-adds per block of the encoder, 6·2·2 + 12 = 36 per block of the
// decoder, 8 for the keys and values of cross-attention, and 10 in the head.
const TINY = { dModel: 2, dKv: 1, dFf: 3, layers: 1, numHeads: 2, vocabSize: 5 };
const ROW = { input: 3, choices: [1, 2] };
const ENCODER = 2 * 28 * 3 + 8 * 3 * 3; // 240: products, and 4 · 2 per (query, key)
const CROSSED = 2 * 8 * 3; // 48
const DECODER_1 = 2 * 46 * 1 + 8 * (1 * 1 + 1 * 3); // 124
const DECODER_2 = 2 * 46 * 2 + 8 * (2 * 2 + 2 * 3); // 264

test('useful work of a tiny T5 is what counting by hand gives', (t) => {
  t.is(scoreFlop(TINY, [ROW]), ENCODER + CROSSED + DECODER_1 + DECODER_2);
  t.is(scoreFlop(TINY, [ROW]), 676);
  t.is(fisherFlop(TINY, [ROW]), 676 + 2 * 2 * (240 + 48) + 2 * (124 + 264));
  t.is(trainFlop(TINY, [ROW]), 3 * (240 + 48 + 124));
  t.is(scoreFlop(TINY, [ROW, ROW]), 2 * 676);
  t.is(scoreFlop({ ...TINY, layers: 2 }, [ROW]), 2 * 676 - 2 * 10 * 3); // everything but the head is per block
  t.is(matmulFlop(2, 3, 5), 60);
});

test('useful work of T5-base agrees with its published parameter count', (t) => {
  t.is(Math.round(parameterCount(SHAPES.base) / 1e6), 223);
  t.is(Math.round(parameterCount(SHAPES.large) / 1e6), 738);
});

test('median and spread', (t) => {
  t.is(median([3, 1, 2]), 2);
  t.is(median([4, 1, 2, 3]), 2.5);
});

test('the table of lengths holds what the cases need; its compact rows and plain ones mean the same', (t) => {
  const { count, rows } = taskLengths(LENGTHS_FILE, 'paws', 2);
  t.is(count, 8000);
  t.true(rows.every(({ input, choices }) => input > 1 && choices.length === 2));
  t.throws(() => taskLengths(LENGTHS_FILE, 'paws', 1e6), { message: /1000000 are needed/ });
  t.throws(() => taskLengths(LENGTHS_FILE, 'nothing'), { message: /no task nothing/ });
  const { inputIds, choices } = randomRows([{ input: 4, choices: [1, 3] }], 10, 'x');
  t.deepEqual([inputIds[0].length, choices[0].map((ids) => ids.length)], [4, [1, 3]]);
  t.true([...inputIds[0].subarray(0, 3)].every((id) => id >= 3 && id < 10));
  t.is(inputIds[0][3], 1);
});

test('names of cases are unique; options choose among them', (t) => {
  const all = catalog(LENGTHS_FILE);
  const names = (args: string[]) => selectCases(all, parseOptions(args)).map(({ name }) => name);
  t.is(new Set(all.map(({ name }) => name)).size, all.length);
  t.is(names(['--full']).length, all.length);
  t.true(isWhole(parseOptions(['--full'])));
  t.true(names([]).length < all.length);
  t.deepEqual(names(['--only', 'suggest:60', 'merge:base:fold']), ['merge:base:fold', 'suggest:60x6']);
  t.true(names(['--quick']).length > 3 && names(['--quick']).every((name) => !/:large/.test(name)));
  t.true(
    names(['--dtype', 'bf16', '--shape', 'mini']).every((name) => name.includes(':mini') && name.endsWith(':bf16')),
  );
  t.deepEqual(names(['--only', 'memory:large:f32']), ['memory:large:f32']);
  t.throws(() => names(['--only', 'nonsense']), { message: /no case of that name/ });
  t.throws(() => parseOptions(['--write-results']), { message: /needs a whole run/ });
});

for (const isa of INSTRUCTION_SETS) {
  test(`${isa}: the products that are timed agree with the scalar kernels`, (t) => {
    const timing = { samples: 2, sampleSeconds: 1e-4 };
    const product = testing().bench.matmul(
      { isa, threads: 2 },
      { m: 17, n: 65, k: 33, dtype: 'float32', weights: 3, ...timing },
    );
    const gradient = Int32Array.of(0, 5, 10, 11, 11, 14);
    const forward = Int32Array.of(0, 0, 5, 6, 6);
    const outer = testing().bench.squaredOuter(
      { isa, threads: 2 },
      { out: 33, in: 17, gradient, forward, dtype: 'float32', targets: 2, ...timing },
    );
    for (const { seconds, error } of [product, outer]) {
      t.true(error < 2e-5, `error ${error}`);
      t.is(seconds.length, 2);
      t.true(seconds.every((value) => value > 0));
    }
  });
}

test('copies are checked against their source; wrong operands are named', (t) => {
  const { bytes, plain, library } = testing().bench.copy(3, { bytes: 1 << 20, samples: 2 });
  t.is(bytes % (3 * 64), 0);
  t.deepEqual([plain.length, library.length], [2, 2]);
  const timing = { samples: 1, sampleSeconds: 0 };
  const options = { isa: '', threads: 1 };
  t.throws(() => testing().bench.copy(1, { bytes: 8, samples: 1 }), { message: /64 per thread/ });
  t.throws(() => testing().bench.matmul(options, { m: 0, n: 1, k: 1, dtype: 'float32', weights: 1, ...timing }), {
    message: /m: expected at least 1/,
  });
  const empty = {
    out: 1,
    in: 1,
    gradient: Int32Array.of(0),
    forward: Int32Array.of(),
    dtype: 'float32' as const,
    targets: 1,
    ...timing,
  };
  t.throws(() => testing().bench.squaredOuter(options, empty), { message: /gradient/ });
});

test('the fraction of the limit is the time at the limits over the time taken', (t) => {
  const limits = [
    { kind: 'float32', what: '', by: 'dfmerge', rate: 80 },
    { kind: 'float32', what: '', by: 'PyTorch', rate: 100 },
    { kind: 'copy', what: '', by: 'dfmerge', rate: 20 },
  ] as const;
  t.is(limitFraction({ dtype: 'float32', work: { gflop: 50 } }, 1, limits), 0.5);
  t.is(limitFraction({ dtype: 'float32', work: { gbyte: 5 } }, 1, limits), 0.25);
  t.is(limitFraction({ dtype: 'float32', work: { gflop: 50, gbyte: 5 } }, 1, limits), 0.75);
  t.is(limitFraction({ dtype: 'float32', work: {} }, 1, limits), undefined);
  t.is(limitFraction({ dtype: 'bfloat16', work: { gflop: 50 } }, 1, limits), undefined);
});

test('a record as a table: medians, rates, fractions, ratios, and what did not run', (t) => {
  const entry: CaseRecord = {
    name: 'fisher:x',
    group: 'Fisher',
    dtype: 'float32',
    work: { gflop: 50 },
    check: { against: 'scalar', error: 1e-6, bound: 2e-5 },
    absent: ['CTranslate2: no'],
    measured: [
      { label: 'dfmerge', threads: 2, seconds: [2, 1, 3], peak: 2 ** 30, phases: { fisher: 1.5, rest: 0.5 } },
      { label: 'PyTorch f32', threads: 2, seconds: [8], peak: 2 ** 20, same: '7 of 8' },
    ],
  };
  const failed: CaseRecord = { ...entry, name: 'fisher:y', measured: [], absent: [], failed: 'wrong result' };
  const record: BenchRecord = {
    format: 1,
    started: '2000-01-01T00:00:00Z',
    finished: '',
    options: { threads: 2, repeats: 3, lengths: '' },
    whole: false,
    peers: { torch: '2' },
    machine: {
      cpu: 'CPU',
      threads: 2,
      memory: 2 ** 30,
      system: 's',
      node: 'n',
      dfmerge: 'd',
      isa: 'i',
      matmul: 'm',
      compiler: 'c',
    },
    limits: [{ kind: 'float32', what: '1x1x1', by: 'dfmerge', rate: 50 }],
    cases: [entry, failed, { ...failed, name: 'fisher:z', failed: undefined, skipped: 'no' }],
  };
  const terminal = renderRecord(record, TERMINAL);
  t.regex(
    terminal,
    /fisher:x +2\.00 s +1\.00–3\.00 s +25\.0 GFLOP\/s +0\.50 +1\.00 GiB +checked against scalar \(1e-6\); PyTorch f32 8\.00 s \(1 MiB\): x 4\.00, the same ids in 7 of 8/,
  );
  t.regex(terminal, /fisher:x by phase: fisher 1\.50 s \(75\.0 %\), rest 500 ms \(25\.0 %\)/);
  t.regex(terminal, /fisher:x, beside it: CTranslate2: no/);
  t.regex(terminal, /fisher:y FAILED: wrong result/);
  t.regex(terminal, /skipped, no: fisher:z/);
  t.regex(renderRecord(record, MARKDOWN), /\| fisher:x \| 2\.00 s \|/);
  const tokens: CaseRecord = { ...entry, name: 'generate:x', work: { tokens: 500 } };
  t.true(progressLine(tokens).startsWith('generate:x  2.00 s  250 tokens/s  '));
  t.is(
    progressLine(entry),
    'fisher:x  2.00 s  25.0 GFLOP/s  PyTorch f32 8.00 s (1 MiB): x 4.00, the same ids in 7 of 8',
  );
});

/** Cases of the smallest shape, with as few rows as a case can have. */
function small(name: string): BenchCase {
  const found = catalog(LENGTHS_FILE).find((entry) => entry.name === name) as BenchCase;
  const { spec } = found;
  if (spec.kind === 'generate') return { ...found, spec: { ...spec, shape: 'mini', rows: 2, newTokens: 5 } };
  if ('rows' in spec) return { ...found, scaling: false, spec: { ...spec, rows: 2 } };
  if (spec.kind === 'iteration')
    return { ...found, spec: { ...spec, tasks: spec.tasks.map((task) => ({ ...task, fisherRows: 1, scoreRows: 2 })) } };
  if (spec.kind === 'merge' || spec.kind === 'load') return { ...found, spec: { ...spec, shape: 'mini' } };
  return found;
}

test('every kind of case runs in a process of its own and finds its result right', async (t) => {
  const workshop = await Workshop.open();
  t.teardown(() => workshop.close());
  const settings = { threads: 2, repeats: 2, workshop, dtypes: ['float32'] as const };
  const names = [
    'matmul:mini:attention:16:f32',
    'outer:mini:attention:labels:f32',
    'merge:base:fold',
    'fisher:mini:trec:30:f32',
    'score:mini:trec:500:f32',
    'generate:small:paws:8:greedy:f32',
    'generate:small:paws:8:4-beams:f32',
  ];
  for (const name of [...names, 'train:mini:trec:64:f32', 'suggest:10x6', 'load:base:cached', 'iteration:mini:f32']) {
    const { failed, skipped, check, measured } = await runCase(small(name), settings);
    t.deepEqual([name, failed, skipped], [name, undefined, undefined]);
    t.is(measured[0].seconds.length, 2, name);
    if (!name.startsWith('iteration')) t.true(check && check.error <= check.bound, name);
    else
      t.deepEqual(Object.keys(measured[0].phases ?? {}).sort(), [
        'finish',
        'fisher',
        'fold',
        'interpolate',
        'rest',
        'score',
        'suggest',
      ]);
  }
  const generated = JSON.parse(readFileSync(join(workshop.folder, 'generated-8-4.json'), 'utf8')) as Record<
    'inputs' | 'sequences',
    number[][]
  >;
  t.deepEqual(
    generated.inputs.map((ids) => ids.length),
    taskLengths(LENGTHS_FILE, 'paws', 2).rows.map(({ input }) => input),
  );
  t.deepEqual(
    generated.sequences.map((ids) => ids.length),
    [5, 5],
  );
  const skipped = await runCase(small('fisher:mini:trec:30:bf16'), settings);
  t.is(skipped.skipped, 'this build does not compute in bfloat16');
});

test('a case whose result is wrong fails before it is timed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'dfmerge-bench-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const common = {
    shape: 'mini',
    base: join(folder, 'one'),
    lengths: LENGTHS_FILE,
    task: 'trec',
    rows: 1,
    threads: 1,
    repeats: 1,
    reference: join(folder, 'reference.json'),
  } as const;
  const other = join(folder, 'other');
  await runProcess({ kind: 'create', shape: 'mini', out: common.base, seed: 1, threads: 1, repeats: 1 });
  await runProcess({ kind: 'create', shape: 'mini', out: other, seed: 2, threads: 1, repeats: 1 });
  await runProcess({ kind: 'reference', work: 'score', ...common, base: other });
  await t.throwsAsync(runProcess({ kind: 'score', dtype: 'float32', ...common }), { message: /wrong result: off by/ });
});
