// How weights get in and out of the engine: element types, files that are mapped or read, and broken files.
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { native, type TensorPlace } from '../bindings/index.js';
import { testing } from '../bindings/testing/index.js';
import { writeSafetensorsFile, type WeightSpec } from '../lib/checkpoint/safetensors_file.js';
import { packRows } from '../lib/engine/batch.js';
import { Session } from '../lib/engine/session.js';
import { decodeHalf } from './support/half.js';
import { bitsOf, INSTRUCTION_SETS, sameBits } from './support/machines.js';
import {
  nearbyWeights,
  openT5,
  randomHalves,
  randomRows,
  randomWeights,
  safetensorsBytes,
  shapesOf,
  V1_0,
  V1_1,
  writeT5,
  type Weights,
} from './support/random_t5.js';
import { runChild } from './support/run_child.js';
import { readTensors, relativeError } from './support/tensors.js';
import { temporaryFolder } from './support/tiny_t5.js';

const open = (base: string, ...children: string[]) => Session.open(base, children, { threads: 2 });
const code = (expected: string, message: RegExp) => ({ code: expected, message });

function sameParameters(t: Parameters<typeof sameBits>[0], model: Session, expected: Weights): void {
  for (const [name, values] of expected) sameBits(t, model.engine.parameter('parameters', name), values, name);
}

test('float32 parameters are those of the file, under their names', async (t) => {
  for (const shape of [V1_0, V1_1]) {
    const weights = randomWeights(shape, 41);
    const model = await openT5(shape, [weights]);
    t.deepEqual(
      model.parameters.map(({ name, shape: s }) => `${name} ${s}`).sort(),
      [...shapesOf(shape)].map(([name, s]) => `${name} ${s}`).sort(),
    );
    await model.load(0);
    sameParameters(t, model, weights);
    model.close();
  }
});

for (const dtype of ['F16', 'BF16'] as const) {
  for (const [title, shift] of [
    ['', 0],
    [' at odd addresses', 1],
  ] as const) {
    test(`${dtype} checkpoints${title} are their values in float32, as base and as child`, async (t) => {
      const { patterns, weights } = randomHalves(V1_1, dtype, 42);
      const [half, full, base] = await Promise.all([
        writeT5(V1_1, patterns, { dtype, shift }),
        writeT5(V1_1, weights),
        writeT5(V1_1, randomWeights(V1_1, 43)),
      ]);
      for (const [asHalf, asFull] of [
        [await open(half, base), await open(full, base)],
        [await open(base, half), await open(base, full)],
      ]) {
        for (const model of [0, 1]) {
          await asHalf.load(model);
          await asFull.load(model);
          for (const [name] of weights)
            sameBits(t, asHalf.engine.parameter('parameters', name), asFull.engine.parameter('parameters', name), name);
        }
        await asHalf.interpolate(1, 0.3);
        await asFull.interpolate(1, 0.3);
        for (const [name] of weights)
          sameBits(t, asHalf.engine.parameter('parameters', name), asFull.engine.parameter('parameters', name), name);
        asHalf.close();
        asFull.close();
      }
    });
  }
}

async function writtenBy(model: Session, dtype: 'F32' | 'F16' | 'BF16'): Promise<string> {
  const file = join(await temporaryFolder(), 'written.safetensors');
  const specs = model.parameters.map(({ name, shape }): WeightSpec => ({ name, shape, dtype }));
  await writeSafetensorsFile(file, specs, {
    writeTensors: (path, tensors) =>
      model.job((engine) =>
        engine.write(
          'parameters',
          tensors.map((tensor): TensorPlace => ({ file: path, ...tensor })),
        ),
      ),
  });
  return file;
}

test('parameters are written as they are in float32, rounded to nearest in F16 and BF16', async (t) => {
  const shape = { ...V1_0, vocab_size: 9000 }; // This makes more than one chunk of 65,536 values.
  const weights = randomWeights(shape, 44);
  const model = await openT5(shape, [weights]);
  await model.load(0);
  const back = await readTensors(await writtenBy(model, 'F32'));
  for (const [name, values] of weights) sameBits(t, back.get(name), values, name);
  for (const dtype of ['F16', 'BF16'] as const) {
    const bytes = await readFile(await writtenBy(model, dtype));
    let at = 8 + Number(bytes.readBigUInt64LE(0));
    for (const [name, values] of orderedAs(model, weights)) {
      const rounded = testing().kernels.convert({ isa: '', threads: 1 }, dtype, values);
      sameBits(
        t,
        Float32Array.from(values, (_, i) => decodeHalf(dtype, bytes.readUInt16LE(at + 2 * i))),
        rounded,
        `${dtype} ${name}`,
      );
      at += 2 * values.length;
    }
  }
  model.close();
});

function orderedAs(model: Session, weights: Weights): [string, Float32Array][] {
  return model.parameters.map(({ name }) => [name, weights.get(name)!]);
}

test('a value beyond float16 is not written: NUMERIC names the tensor', async (t) => {
  const weights = randomWeights(V1_0, 45);
  const name = 'decoder.block.1.layer.2.DenseReluDense.wo.weight';
  weights.get(name)![3] = 66_246;
  const model = await openT5(V1_0, [weights]);
  await model.load(0);
  await t.throwsAsync(writtenBy(model, 'F16'), code('NUMERIC', new RegExp(`${name}.*float16`)));
  await t.notThrowsAsync(writtenBy(model, 'BF16'));
  model.close();
});

for (const value of [Number.NaN, Infinity, -Infinity]) {
  test(`${value} in a checkpoint is NUMERIC and names the tensor, wherever it lies`, async (t) => {
    const base = randomWeights(V1_0, 46);
    for (const [name, at] of [
      ['shared.weight', 0],
      ['encoder.block.1.layer.0.layer_norm.weight', 7],
      ['decoder.block.2.layer.1.EncDecAttention.o.weight', 47],
    ] as const) {
      const child = nearbyWeights(base, 47);
      child.get(name)![at] = value;
      const model = await openT5(V1_0, [base, child]);
      const error = code('NUMERIC', new RegExp(name.replaceAll('.', '\\.')));
      await t.throwsAsync(model.load(1), error);
      await t.throwsAsync(model.interpolate(1, 0.5), error);
      await model.job((engine) => engine.beginMerge());
      await model.job((engine) => engine.fold({ model: 1, coefficient: 0.5, withFisher: false }));
      await t.throwsAsync(
        model.job((engine) => engine.finishMerge()),
        error,
      );
      model.close();
    }
  });
}

test('after a load that failed half-way the engine refuses to score until it holds parameters again', async (t) => {
  const base = randomWeights(V1_0, 46);
  const child = nearbyWeights(base, 47);
  child.get('decoder.final_layer_norm.weight')![0] = Number.NaN;
  const model = await openT5(V1_0, [base, child]);
  const rows = randomRows(V1_0, [[4, [2]]]);
  const score = () => model.job((engine) => engine.score(packRows(rows, [0])));
  await model.load(0);
  const before = await score();
  await t.throwsAsync(model.load(1), { code: 'NUMERIC' });
  await t.throwsAsync(score(), { code: 'INVALID_STATE' });
  await model.load(0);
  t.deepEqual(await score(), before);
  model.close();
});

test('a Fisher file with a negative, infinite or missing value is refused', async (t) => {
  const weights = randomWeights(V1_0, 48);
  const model = await openT5(V1_0, [weights]);
  const file = join(await temporaryFolder(), 'fisher.safetensors');
  for (const value of [-1e-12, Number.NaN, Infinity]) {
    const fisher: Weights = new Map([...weights].map(([name, values]) => [name, values.map(Math.abs)]));
    fisher.get('encoder.final_layer_norm.weight')![5] = value;
    const bytes = safetensorsBytes(fisher, { shapes: shapesOf(V1_0) });
    await writeFile(file, bytes);
    let offset = 8 + Number(bytes.readBigUInt64LE(0));
    const places = [...fisher].map(([name, values]): TensorPlace => ({
      name,
      file,
      offset: (offset += values.byteLength) - values.byteLength,
      dtype: 'F32',
    }));
    await t.throwsAsync(
      model.job((engine) => engine.loadFisher(places)),
      code('NUMERIC', /encoder\.final_layer_norm\.weight.*element 5/),
    );
    await t.throwsAsync(
      model.job((engine) => engine.loadFisher(places.slice(1))),
      code('INVALID_ARGUMENT', /no source for parameter/),
    );
  }
  model.close();
});

test('a checkpoint that is cut short is INVALID_CHECKPOINT, also when it is cut after its header was read', async (t) => {
  const dir = await writeT5(V1_0, randomWeights(V1_0, 49));
  const file = join(dir, 'model.safetensors');
  const whole = await open(dir);
  const places = whole.set.base.sources(whole.parameters);
  const { length } = await readFile(file);
  await truncate(file, length - 4);
  await t.throwsAsync(open(dir), code('INVALID_CHECKPOINT', /model\.safetensors/));
  t.throws(() => whole.engine.addModel(places), code('INVALID_CHECKPOINT', /needs bytes/));
  whole.close();
});

test('places that are not there: a missing file, an unknown parameter, a negative offset, a type that holds no weights', async (t) => {
  const dir = await writeT5(V1_0, randomWeights(V1_0, 49));
  const model = await open(dir);
  const places = model.set.base.sources(model.parameters);
  const changed = (change: object) => [{ ...places[0], ...change }, ...places.slice(1)] as TensorPlace[];
  t.throws(() => model.engine.addModel(changed({ file: join(dir, 'absent') })), { code: 'NOT_FOUND' });
  t.throws(
    () => model.engine.addModel(changed({ name: 'no.such.weight' })),
    code('INVALID_ARGUMENT', /no\.such\.weight/),
  );
  t.throws(() => model.engine.addModel(changed({ offset: -4 })), { code: 'INVALID_CHECKPOINT' });
  t.throws(() => model.engine.addModel(changed({ offset: 2 ** 53 - 1 })), { code: 'INVALID_CHECKPOINT' });
  t.throws(() => model.engine.addModel(changed({ dtype: 'I64' })), { code: 'UNSUPPORTED' });
  t.throws(() => model.engine.addModel(places.slice(1)), code('INVALID_ARGUMENT', /shared\.weight/));
  await t.throwsAsync(
    model.job((engine) => engine.load(1)),
    { code: 'INVALID_ARGUMENT' },
  ); // None of them was added.
  model.close();
});

test('without mapping (DFMERGE_NO_MMAP) and on every instruction set, processes agree', async (t) => {
  const base = randomWeights(V1_0, 50);
  const { patterns } = randomHalves(V1_0, 'BF16', 51);
  const folders = [
    await writeT5(V1_0, base),
    await writeT5(V1_0, nearbyWeights(base, 52), { shift: 3 }),
    await writeT5(V1_0, patterns, { dtype: 'BF16', shift: 1 }),
  ];
  const fingerprint = async (env: Record<string, string>) => {
    const { stdout, stderr } = await runChild(['fingerprint', ...folders], { env });
    t.not(stdout, '', stderr);
    return JSON.parse(stdout) as { nll: number[]; digest: string };
  };
  const mapped = await fingerprint({});
  t.deepEqual(await fingerprint({ DFMERGE_NO_MMAP: '1' }), mapped);
  for (const isa of INSTRUCTION_SETS) {
    const forced = await fingerprint({ DFMERGE_ISA: isa });
    if (isa === native().info().isa) t.deepEqual(forced, mapped, isa);
    t.true(relativeError(forced.nll, mapped.nll) < 3e-6, isa); // Multiply-adds are fused on some sets and not on others.
  }
});

test('an instruction set that the build does not know is an error that lists those it has', async (t) => {
  const { code: exit, stderr } = await runChild(['fingerprint', await writeT5(V1_0, randomWeights(V1_0, 50))], {
    env: { DFMERGE_ISA: 'mmx' },
  });
  t.is(exit, 1);
  t.regex(stderr, /UNSUPPORTED/);
  t.regex(stderr, new RegExp(`unknown instruction set "mmx".*${native().info().built.join(', ')}`));
});

test('initialize gives the same random parameters on any number of threads, others for another seed', async (t) => {
  const weights = randomWeights(V1_1, 53);
  const digests = [];
  for (const [threads, seed] of [
    [1, 5],
    [3, 5],
    [1, 6],
  ]) {
    const model = await openT5(V1_1, [weights], { threads });
    await model.job((engine) => engine.initialize(seed));
    digests.push(
      Buffer.concat(model.parameters.map(({ name }) => bitsOf(model.engine.parameter('parameters', name)))).toString(
        'base64',
      ),
    );
    model.close();
  }
  t.is(digests[1], digests[0]);
  t.not(digests[2], digests[0]);
});
