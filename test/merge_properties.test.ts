// The bits of the unified merge (paper, eq. 7), and what must hold of it for any weights.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { testing } from '../bindings/testing/index.js';
import { runMerge } from '../lib/engine/merge.js';
import { Session } from '../lib/engine/session.js';
import { INSTRUCTION_SETS, sameBits, withinBound } from './support/machines.js';
import { plainInterpolation, plainMerge, type MergeOperands } from './support/plain_merge.js';
import { EPSILON32 } from './support/plain_ops.js';
import {
  nearbyWeights,
  openT5,
  randomRows,
  randomWeights,
  safetensorsBytes,
  shapesOf,
  V1_1,
  writeT5,
  type Weights,
} from './support/random_t5.js';
import { RandomValues } from './support/random_values.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { filePlan, measure, plainPlan } from './support/passes.js';

const random = new RandomValues(4);
const merge = (operands: MergeOperands & { stream?: boolean }, isa = '') =>
  testing().kernels.merge({ isa, threads: 1 }, { ...operands });

/** M models around a base, with Fishers between 1e-12 and 1. */
function operands(models: number, length: number): MergeOperands {
  const base = random.normal(length);
  return {
    base,
    models: Array.from({ length: models }, () => random.normal(length, 0.1).map((tau, i) => base[i] + tau)),
    fishers: Array.from({ length: models }, () => random.positive(length, -12, 0)),
    coefficients: Float64Array.from({ length: models }, () => random.uniform()),
  };
}

const LENGTHS = [1, 7, 15, 17, 63, 65, 2047, 2049];
const cases = LENGTHS.flatMap((length) => [1, 2, 3, 6].map((models) => operands(models, length)));

for (const isa of INSTRUCTION_SETS) {
  test(`${isa}: merge and interpolation have the bits of the float order laid down, at odd lengths, 1 to 6 models`, (t) => {
    for (const case_ of cases) {
      const what = `${case_.models.length} models of ${case_.base.length}`;
      for (const stream of [false, true]) sameBits(t, merge({ ...case_, stream }, isa), plainMerge(case_), what);
      const gta = { ...case_, fishers: [] };
      sameBits(t, merge(gta, isa), plainMerge(gta), `${what}, all ones`);
      const [model, coefficient] = [case_.models[0], case_.coefficients[0]];
      for (const stream of [false, true])
        sameBits(
          t,
          testing().kernels.interpolate({ isa, threads: 1 }, { base: case_.base, model, coefficient, stream }),
          plainInterpolation(case_.base, model, coefficient),
          what,
        );
    }
  });
}

for (const [title, shift] of [
  ['on the 64-byte grid', 0],
  ['4 bytes off the grid', 4],
  ['at odd addresses', 1],
] as const) {
  test(`the engine merges whole checkpoints to the same bits on 1 to 3 threads, data ${title}`, async (t) => {
    const shape = { ...V1_1, vocab_size: 9001 }; // The tables have several parallel items and chunks.
    const base = randomWeights(shape, 1);
    const children = [2, 3, 4].map((seed) => nearbyWeights(base, seed));
    const fishers = children.map(
      (): Weights => new Map([...base].map(([name, values]) => [name, random.positive(values.length, -12, 0)])),
    );
    const coefficients = Float64Array.of(0.3, 0.85, 0.6);
    const [baseDir, ...dirs] = await Promise.all(
      [base, ...children].map((weights) => writeT5(shape, weights, { shift })),
    );
    const files = await Promise.all(fishers.map(async () => join(await temporaryFolder(), 'fisher.safetensors')));
    for (const [i, file] of files.entries())
      await writeFile(file, safetensorsBytes(fishers[i], { shapes: shapesOf(shape), shift }));
    for (const threads of [1, 2, 3]) {
      const model = await Session.open(baseDir, dirs, { threads });
      for (const withFisher of [true, false]) {
        const plan = withFisher ? filePlan(files) : plainPlan();
        await runMerge(model, plan.passes([...coefficients]), plan);
        for (const [name, values] of base) {
          const expected = plainMerge({
            base: values,
            models: children.map((c) => c.get(name)!),
            fishers: withFisher ? fishers.map((f) => f.get(name)!) : [],
            coefficients,
          });
          sameBits(t, model.engine.parameter('parameters', name), expected, name);
        }
      }
      await model.interpolate(2, 0.85);
      for (const [name, values] of base)
        sameBits(
          t,
          model.engine.parameter('parameters', name),
          plainInterpolation(values, children[1].get(name)!, 0.85),
          name,
        );
      model.close();
    }
  });
}

test('one model at coefficient 1 gives the child back: to a rounding of τ and of the sum, two more with a Fisher', (t) => {
  for (const length of LENGTHS) {
    const { base, models, fishers } = operands(1, length);
    const child = models[0];
    const tau = (i: number) => Math.abs(child[i] - base[i]);
    const bound = (roundings: number) => ({
      bound: (i: number) => EPSILON32 * (Math.abs(child[i]) + roundings * tau(i)) * (1 + 1e-6),
      what: `length ${length}`,
    });
    withinBound(t, merge({ base, models, fishers: [], coefficients: Float64Array.of(1) }), child, bound(1));
    withinBound(t, merge({ base, models, fishers, coefficients: Float64Array.of(1) }), child, bound(3));
  }
});

test('one model at coefficient 1 with a base of zeros and a Fisher that is a power of two is the child to the bit', (t) => {
  const child = random.normal(65);
  const zeros = { base: new Float32Array(65), models: [child], coefficients: Float64Array.of(1) };
  sameBits(t, merge({ ...zeros, fishers: [new Float32Array(65).fill(2 ** -30)] }), child, 'with Fisher');
  sameBits(t, merge({ ...zeros, fishers: [] }), child, 'without');
});

test('coefficient 0 gives the base back, to the bit', (t) => {
  const case_ = operands(3, 65);
  sameBits(t, merge({ ...case_, coefficients: new Float64Array(3) }), case_.base, 'theta');
});

/** The size Σ |C_i λ_i τ_i| M / Σ C_i + |θ0|, to which the rounding errors of a merge are proportional. */
function size({ base, models, fishers, coefficients }: MergeOperands, i: number): number {
  const fisher = (m: number) => fishers[m]?.[i] ?? 1;
  const terms = models.reduce((sum, model, m) => sum + fisher(m) * coefficients[m] * Math.abs(model[i] - base[i]), 0);
  return Math.abs(base[i]) + (models.length * terms) / models.reduce((sum, _, m) => sum + fisher(m), 0);
}

// Each of M terms meets at most M + 3 roundings in the numerator. M sums, a product, a division and a sum follow.
const roundings = (models: number) => (2 * models + 6) * EPSILON32;

test('equal Fishers give general task arithmetic, but for rounding', (t) => {
  for (const models of [2, 3, 6]) {
    const case_ = operands(models, 129);
    const equal = { ...case_, fishers: case_.fishers.map(() => case_.fishers[0]) };
    withinBound(t, merge(equal), merge({ ...case_, fishers: [] }), {
      bound: (i) => 2 * roundings(models) * size(equal, i),
      what: `${models} models`,
    });
  }
});

test('the order of the models changes nothing but rounding', (t) => {
  for (const order of [
    [2, 0, 1],
    [1, 2, 0],
    [2, 1, 0],
  ]) {
    const case_ = operands(3, 129);
    const permuted = {
      base: case_.base,
      models: order.map((m) => case_.models[m]),
      fishers: order.map((m) => case_.fishers[m]),
      coefficients: Float64Array.from(order, (m) => case_.coefficients[m]),
    };
    withinBound(t, merge(permuted), merge(case_), {
      bound: (i) => 2 * roundings(3) * size(case_, i),
      what: String(order),
    });
  }
});

test('a Fisher 1e12 times larger than the others decides alone: θ0 + M λ τ of its model', (t) => {
  const case_ = operands(3, 129);
  const [a, c] = [random.positive(129, -6, -3), random.positive(129, -6, -3)];
  const fishers = [a, a.map((f, i) => 1e12 * Math.max(f, c[i])), c];
  const expected = case_.base.map((theta0, i) => theta0 + 3 * case_.coefficients[1] * (case_.models[1][i] - theta0));
  const rest = (i: number) =>
    1e-12 * 3 * (Math.abs(case_.models[0][i] - case_.base[i]) + Math.abs(case_.models[2][i] - case_.base[i]));
  const dominated = { ...case_, fishers };
  withinBound(t, merge(dominated), expected, {
    bound: (i) => (roundings(3) + EPSILON32) * size(dominated, i) + rest(i),
    what: 'theta',
  });
});

test('a parameter that no model moved stays where it is, to the bit, whatever the Fishers', (t) => {
  const case_ = operands(4, 65);
  sameBits(t, merge({ ...case_, models: case_.models.map(() => case_.base) }), case_.base, 'theta');
});

test('a Fisher folded in as it becomes whole: the bits of a fold afterwards, and it stays', async (t) => {
  const base = randomWeights(V1_1, 11);
  const model = await openT5(V1_1, [base, nearbyWeights(base, 12), nearbyWeights(base, 13)]);
  const rows = randomRows(V1_1, [
    [20, [2, 3]],
    [9, [1, 4]],
  ]);
  const coefficients = [0.4, 0.9];
  const merged = async (inOneSweep: boolean) => {
    const fishers: Float32Array[] = [];
    await model.job((engine) => engine.beginMerge());
    for (const [i, coefficient] of coefficients.entries()) {
      const fold = { model: i + 1, coefficient };
      await model.interpolate(i + 1, coefficient);
      await measure(model, { rows, indices: [0, 1] }, { mode: 'exact', fold: inOneSweep ? fold : undefined });
      fishers.push(...model.parameters.map(({ name }) => model.engine.parameter('fisher', name)));
      if (!inOneSweep) await model.job((engine) => engine.fold({ model: i + 1, coefficient, withFisher: true }));
    }
    await model.job((engine) => engine.finishMerge());
    return [...fishers, ...model.parameters.map(({ name }) => model.engine.parameter('parameters', name))];
  };
  const [expected, actual] = [await merged(false), await merged(true)];
  for (const [i, values] of expected.entries()) sameBits(t, actual[i], values, `vector ${i}`);
  model.close();
});
