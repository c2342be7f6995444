// oneDNN's matrix products against plain float64 loops, and the engine on them; where they are not to be had the tests say so and pass.
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { native, type ComputeDtype } from '../bindings/index.js';
import { testing, type KernelOptions } from '../bindings/testing/index.js';
import { matmulOf } from '../lib/run/environment.js';
import { packRows } from '../lib/engine/batch.js';
import type { Session } from '../lib/engine/session.js';
import { search } from '../lib/commands/search.js';
import { recipeForSearch } from '../lib/recipe/read.js';
import { runChild } from './support/run_child.js';
import { runCommand } from './support/command.js';
import { bitsOf, sameBits, withinBound } from './support/machines.js';
import { EPSILON32, matmul } from './support/plain_ops.js';
import { openT5, randomRows, randomWeights, V1_1, writeT5 } from './support/random_t5.js';
import { RandomValues } from './support/random_values.js';
import { makeWorkspace } from './support/workspace.js';

const THREADS = [1, 2, 3, 5];
const EVERYWHERE = { DFMERGE_MATMUL: 'onednn' };
const random = new RandomValues(11);

/** Why oneDNN does not multiply operands of a dtype here; undefined where it does. Its absence alone is a reason to skip. */
function absence(dtype: ComputeDtype): string | undefined {
  try {
    testing().kernels.matmul(
      { isa: '', threads: 1, matmul: 'onednn', dtype },
      { m: 1, n: 1, k: 1, a: Float32Array.of(1), b: Float32Array.of(1), transposeA: false, transposeB: false },
    );
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    if (/this build has no oneDNN|oneDNN cannot be used|has no (float32|bfloat16) products/.test(message))
      return message;
    throw error;
  }
}

/** A test that runs by itself, because some set DFMERGE_MATMUL for this process. */
function onednnTest(
  title: string,
  body: (t: ExecutionContext) => void | Promise<void>,
  dtype: ComputeDtype = 'float32',
): void {
  test.serial(title, async (t) => {
    const reason = absence(dtype);
    if (reason === undefined) return body(t);
    t.log(`skipped: ${reason}`);
    t.pass();
  });
}

interface Product {
  m: number;
  n: number;
  k: number;
  transposeA: boolean;
  transposeB: boolean;
}

const SIZES = [1, 7, 15, 17, 63, 65];

/** Odd sizes meet one another, and there are strips of 128 columns, blocks of 128 rows in units of 16, and what is left over of each. */
const PRODUCTS: Product[] = [
  ...SIZES.flatMap((m, j) =>
    SIZES.map((n, i) => ({
      m,
      n,
      k: SIZES[(i + j) % SIZES.length],
      transposeA: (m + n) % 4 === 0,
      transposeB: i % 2 === 1,
    })),
  ),
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB) => ({ m: 33, n: 129, k: 65, transposeA, transposeB })),
  ),
  ...[127, 128, 129].map((m) => ({ m, n: 40, k: 31, transposeA: false, transposeB: true })),
  ...[127, 128, 129, 257].map((n) => ({ m: 16, n, k: 31, transposeA: false, transposeB: true })),
  { m: 300, n: 300, k: 37, transposeA: false, transposeB: false },
  { m: 5, n: 7, k: 700, transposeA: false, transposeB: true },
];

for (const dtype of ['float32', 'bfloat16'] as const) {
  const rounded = (values: Float32Array) =>
    dtype === 'float32' ? values : testing().kernels.convert({ isa: '', threads: 1 }, 'BF16', values);

  onednnTest(
    `${dtype}: oneDNN's matmul is the plain product, packed before or as it goes, added to C or not, the same bits on 1, 2, 3 and 5 threads`,
    (t) => {
      PRODUCTS.forEach((shape, number) => {
        const { m, n, k } = shape;
        const [a, b] = [random.normal(m * k), random.normal(k * n)];
        const plain = { ...shape, a: rounded(a), b: rounded(b) };
        const c = number % 2 === 0 ? undefined : random.normal(m * n);
        const expected = matmul(plain).map((value, i) => value + (c?.[i] ?? 0));
        const sizes = matmul({ ...plain, a: plain.a.map(Math.abs), b: plain.b.map(Math.abs) });
        const what = JSON.stringify(shape);
        const run = (threads: number, packed: boolean) =>
          testing().kernels.matmul({ isa: '', threads, dtype, matmul: 'onednn' }, { ...shape, a, b, c, packed });
        const first = run(1, false);
        withinBound(t, first, expected, {
          bound: (i) => (k + 2) * EPSILON32 * (sizes[i] + Math.abs(c?.[i] ?? 0)),
          what,
        });
        for (const threads of THREADS)
          for (const packed of [false, true])
            sameBits(t, run(threads, packed), first, `${what}, ${threads} threads, packed: ${packed}`);
      });
    },
    dtype,
  );
}

test('the built-in matmul adds to C and takes packed weights with the same bits', (t) => {
  for (const dtype of ['float32', 'bfloat16'] as const) {
    const [m, n, k] = [23, 300, 77];
    const operands = { m, n, k, a: random.normal(m * k), b: random.normal(k * n), transposeA: false, transposeB: true };
    const options: KernelOptions = { isa: '', threads: 2, dtype };
    const product = testing().kernels.matmul(options, operands);
    sameBits(t, testing().kernels.matmul(options, { ...operands, packed: true }), product, dtype);
    const c = random.normal(m * n);
    const sum = testing().kernels.matmul(options, { ...operands, packed: true, c });
    withinBound(
      t,
      sum,
      product.map((value, i) => value + c[i]),
      { bound: () => 1e-4, what: dtype },
    );
  }
});

/** NLLs, an exact Fisher and a gradient of random parameters on rows that make several blocks. */
async function work(
  dtype: ComputeDtype,
  threads: number,
): Promise<{ products: string; nll: Float64Array; bits: string }> {
  const shape = { ...V1_1, d_model: 40, d_ff: 150, vocab_size: 300 };
  const model = await openT5(shape, [randomWeights(shape, 91)], { threads, computeDtype: dtype });
  const rows = randomRows(shape, [
    [60, [3, 1]],
    [90, [2, 20]],
    [1, [4]],
  ]);
  const batch = packRows(rows, [0, 1, 2]);
  const fishers = () =>
    Buffer.concat(model.parameters.map(({ name }) => bitsOf(model.engine.parameter('fisher', name))));
  try {
    await model.load(0);
    const nll = await model.job((engine) => engine.score(batch));
    await model.job((engine) => engine.beginFisher());
    await model.job((engine) => engine.addFisher(batch, { mode: 'exact' }));
    await model.job((engine) => engine.finishFisher({ epsilon: 1e-12 }));
    const fisher = fishers();
    await model.job((engine) => engine.beginTraining());
    await model.job((engine) => engine.addGradient(batch, 0.01));
    return {
      products: model.engine.matmul(),
      nll,
      bits: Buffer.concat([bitsOf(nll), fisher, fishers()]).toString('base64'),
    };
  } finally {
    model.close();
  }
}

// Sums of another order differ in their last bits; a bfloat16 operand that falls on the other side of a half then differs by 2^-8.
for (const [dtype, bound] of [
  ['float32', 3e-6],
  ['bfloat16', 1e-3],
] as const) {
  onednnTest(
    `${dtype}: the engine on oneDNN: the same bits on 1, 2, 3 and 5 threads, and the losses of the built-in products`,
    async (t) => {
      process.env.DFMERGE_MATMUL = 'builtin';
      try {
        const builtin = await work(dtype, 2);
        t.is(builtin.products, 'builtin');
        process.env.DFMERGE_MATMUL = 'onednn';
        const one = await work(dtype, 1);
        t.regex(one.products, /^oneDNN \d+\.\d+\.\d+ \(\w+\)$/);
        withinBound(t, one.nll, builtin.nll, { bound: (i) => bound * builtin.nll[i], what: 'NLL' });
        for (const threads of THREADS) t.true((await work(dtype, threads)).bits === one.bits, `${threads} threads`);
      } finally {
        delete process.env.DFMERGE_MATMUL;
      }
    },
    dtype,
  );
}

onednnTest('a search on oneDNN says so in its record, and is not gone on with under other products', async (t) => {
  const space = await makeWorkspace();
  const out = space.path('out');
  const stopped = await runCommand(['search', space.recipe, '--out', out, '--threads', '1'], { env: EVERYWHERE });
  t.is(stopped.code, 0, stopped.stderr);
  const { environment } = JSON.parse(await readFile(`${out}/dfmerge.json`, 'utf8')) as {
    environment: { matmul?: string };
  };
  t.regex(environment.matmul ?? '', /^oneDNN /);
  const again = space.path('again');
  const controller = new AbortController();
  process.env.DFMERGE_MATMUL = 'onednn';
  try {
    await t.throwsAsync(
      search(recipeForSearch(space.recipe), {
        out: again,
        threads: 1,
        signal: controller.signal,
        onTrial: () => controller.abort(),
      }),
      { any: true, name: 'AbortError' },
    );
  } finally {
    delete process.env.DFMERGE_MATMUL;
  }
  const refused = await runCommand(['search', space.recipe, '--out', again, '--threads', '1', '--resume'], {
    env: { DFMERGE_MATMUL: 'builtin' },
  });
  t.is(refused.code, 1);
  t.regex(refused.stderr, /matmul: "oneDNN [^"]+" there, nothing now/);
  const resumed = await runCommand(['search', space.recipe, '--out', again, '--threads', '1', '--resume'], {
    env: EVERYWHERE,
  });
  t.is(resumed.code, 0, resumed.stderr);
});

test('built-in products leave no trace in records and journals, as before there was a choice', (t) => {
  const model = (products: string) => ({ engine: { matmul: () => products } }) as unknown as Session;
  t.deepEqual(matmulOf(model('builtin')), {});
  t.deepEqual(matmulOf(model('oneDNN 2.6.3 (avx2)')), { matmul: 'oneDNN 2.6.3 (avx2)' });
});

test('products that do not exist are refused in words, and those that the build lacks', async (t) => {
  const unknown = await runCommand(['info'], { env: { DFMERGE_MATMUL: 'mkl' } });
  t.is(unknown.code, 1);
  t.is(unknown.stderr, 'dfmerge: DFMERGE_MATMUL: unknown matrix products "mkl": expected builtin or onednn\n');
  const model = await writeT5(V1_1, randomWeights(V1_1, 92));
  const engine = await runChild(['fingerprint', model], { env: { DFMERGE_MATMUL: 'mkl' } });
  t.is(engine.code, 1);
  t.regex(engine.stderr, /UNSUPPORTED/);
  const { onednn } = native().info().matmul;
  const { code, stdout, stderr } = await runCommand(['info'], { env: EVERYWHERE });
  if (onednn === '') {
    t.is(code, 1);
    t.regex(stderr, /this build has no oneDNN: install libdnnl-dev/);
  } else if (code === 0) t.regex(stdout, /^matmul +(float32: )?oneDNN \d/m);
  else t.regex(stderr, /oneDNN cannot be used: /);
  const builtin = await runCommand(['info'], { env: { DFMERGE_MATMUL: 'builtin' } });
  t.regex(
    builtin.stdout,
    onednn === ''
      ? /^matmul +built-in kernels \(\w+\); this build has no oneDNN$/m
      : /^matmul +built-in kernels \(\w+\); this build can use oneDNN \d+\.\d+ /m,
  );
});
