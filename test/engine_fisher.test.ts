// The Fisher of every mode is compared with its definition, composed in float64 from gradients of one input and one choice at a time.
import test from 'ava';
import type { FisherMode } from '../bindings/index.js';
import { packRows, type TokenizedRows } from '../lib/engine/batch.js';
import { DEFAULT_EPSILON } from '../lib/engine/fisher.js';
import type { Session } from '../lib/engine/session.js';
import { FORMS, openT5, randomRows, randomWeights, single } from './support/random_t5.js';
import { relativeError } from './support/tensors.js';
import { measure } from './support/passes.js';

/** Sums are float32 in another order, and squares double the error of a gradient. */
const ROUNDING = 3e-6;
// The rows have one to five choices, choices of unequal length, a token that occurs in input and label, and an input of one token.
const LENGTHS: [number, number[]][] = [
  [9, [3, 1, 5]],
  [1, [2]],
  [14, [1, 1]],
  [5, [2, 6, 1, 4, 3]],
];

type Gradients = Map<string, Float32Array>;

interface Parts {
  /** The length-normalised log-likelihoods ℓ_c = −NLL_c / L_c and their gradients, for each row and choice. */
  loglikelihood: number[][];
  gradients: Gradients[][];
}

/** The gradient ∇ℓ_c of every row and choice, one at a time. Where `perToken` is false, ℓ_c = −NLL_c. */
async function parts(model: Session, rows: TokenizedRows, perToken: boolean): Promise<Parts> {
  const result: Parts = { loglikelihood: [], gradients: [] };
  for (const [row, choices] of rows.choices.entries()) {
    const [loglikelihood, gradients]: [number[], Gradients[]] = [[], []];
    for (const [c, label] of choices.entries()) {
      const scale = -1 / (perToken ? label.length : 1);
      await model.job((engine) => engine.beginTraining());
      const [nll] = await model.job((engine) => engine.addGradient(single(rows, row, c), scale));
      loglikelihood.push(scale * nll);
      gradients.push(new Map(model.parameters.map(({ name }) => [name, model.engine.parameter('fisher', name)])));
    }
    result.loglikelihood.push(loglikelihood);
    result.gradients.push(gradients);
  }
  return result;
}

function softmax(values: readonly number[]): number[] {
  const powers = values.map((value) => Math.exp(value - Math.max(...values)));
  return powers.map((power) => power / powers.reduce((a, b) => a + b));
}

/** The mean of the gradients' elements i under p̃, which need not add up to 1. */
function meanUnder(p: readonly number[], gradients: readonly Float32Array[], i: number): number {
  return p.reduce((sum, weight, c) => sum + weight * gradients[c][i], 0) / p.reduce((a, b) => a + b);
}

/** One row: p̃ and the gradient of every choice, and the choice that `sampled` draws. */
interface RowGradients {
  p: readonly number[];
  gradients: readonly Float32Array[];
  drawn: number;
}

/**
 * A row's Fisher: Σ_c p̃_c (g_c − centre)², where the centre is the mean of g under p̃ in `choices` and 0 in the other modes, or in `sampled`
 * the square of the drawn choice's gradient.
 */
function squares(mode: FisherMode, { p, gradients, drawn }: RowGradients): Float64Array {
  return new Float64Array(gradients[0].length).map((_, i) => {
    if (mode === 'sampled') return gradients[drawn][i] ** 2;
    const centre = mode === 'choices' ? meanUnder(p, gradients, i) : 0;
    return p.reduce((sum, weight, c) => sum + weight * (gradients[c][i] - centre) ** 2, 0);
  });
}

/** All rows: p̃ and the gradient of every choice, and whether the choice was kept. */
interface KeptGradients {
  p: readonly number[][];
  kept: readonly boolean[][];
  gradients: readonly Float32Array[][];
}

/**
 * The greatest (g_c − centre)² of the skipped choices of all rows, where the centre is the mean under p̃ of the row's kept choices in
 * `choices` and 0 in the other modes.
 */
function largestSkipped(mode: FisherMode, { p, kept, gradients }: KeptGradients): Float64Array {
  return new Float64Array(gradients[0][0].length).map((_, i) =>
    Math.max(
      ...p.flatMap((values, row) => {
        const weight = values.map((value, c) => (kept[row][c] ? value : 0));
        const centre = mode === 'choices' ? meanUnder(weight, gradients[row], i) : 0;
        return values.map((_, c) => (kept[row][c] ? 0 : (gradients[row][c][i] - centre) ** 2));
      }),
    ),
  );
}

for (const [form, shape] of Object.entries(FORMS)) {
  const weights = randomWeights(shape, 21);
  const rows = randomRows(shape, LENGTHS);
  const all = LENGTHS.map((_, i) => i);
  const drawn = Int32Array.of(2, 0, 1, 3);

  for (const mode of ['exact', 'sequence', 'choices', 'sampled'] as FisherMode[]) {
    test(`${form}: the ${mode} Fisher is the one composed from single gradients, and returns p̃`, async (t) => {
      const model = await openT5(shape, [weights]);
      await model.load(0);
      const { loglikelihood, gradients } = await parts(model, rows, mode !== 'sequence');
      const p = loglikelihood.map(softmax);
      const { probabilities, skipped } = await measure(model, { rows, indices: all }, { mode, drawn });
      probabilities.forEach((values, row) =>
        t.true(relativeError(values, p[row]) < 1e-5, `p̃ of row ${row}: ${values.join()}, expected ${p[row].join()}`),
      );
      t.deepEqual(skipped, { skipped: 0, choices: 11, meanMass: 0, maxMass: 0 });
      for (const { name } of model.parameters) {
        const perRow = all.map((row) =>
          squares(mode, { p: p[row], gradients: gradients[row].map((g) => g.get(name)!), drawn: drawn[row] }),
        );
        const expected = perRow[0].map(
          (_, i) => perRow.reduce((sum, values) => sum + values[i], 0) / all.length + DEFAULT_EPSILON,
        );
        const error = relativeError(model.engine.parameter('fisher', name), expected);
        t.true(error < ROUNDING, `${name} is off by ${error}`);
      }
      model.close();
    });
  }

  for (const mode of ['exact', 'sequence', 'choices'] as const) {
    test(`${form}: minWeight leaves unlikely choices out of the ${mode} Fisher, and what is lost is within the bound`, async (t) => {
      const model = await openT5(shape, [weights]);
      await model.load(0);
      const { loglikelihood, gradients } = await parts(model, rows, mode !== 'sequence');
      const p = loglikelihood.map(softmax);
      for (const minWeight of [0.2, 0.4, 1]) {
        const kept = p.map((values) => values.map((value) => value >= minWeight || value === Math.max(...values)));
        const lost = p.map((values, row) => values.filter((_, c) => !kept[row][c]));
        const mass = lost.map((values) => values.reduce((a, b) => a + b, 0));
        const { probabilities, skipped } = await measure(model, { rows, indices: all }, { mode, minWeight });
        t.is(skipped.skipped, lost.flat().length);
        t.true(skipped.skipped > 0 && skipped.choices === 11, `${minWeight}: ${p.join(' ')}`);
        t.true(
          relativeError(
            [skipped.meanMass, skipped.maxMass],
            [mass.reduce((a, b) => a + b) / all.length, Math.max(...mass)],
          ) < 1e-5,
        );
        probabilities.forEach((values, row) => t.true(relativeError(values, p[row]) < 1e-5, 'p̃ is not renormalised'));
        for (const { name } of model.parameters) {
          const single = all.map((row) => gradients[row].map((g) => g.get(name)!));
          const left = all.map((row) =>
            squares(mode, {
              p: p[row].filter((_, c) => kept[row][c]),
              gradients: single[row].filter((_, c) => kept[row][c]),
              drawn: 0,
            }),
          );
          const expected = left[0].map(
            (_, i) => left.reduce((sum, values) => sum + values[i], 0) / all.length + DEFAULT_EPSILON,
          );
          const error = relativeError(model.engine.parameter('fisher', name), expected);
          t.true(error < ROUNDING, `${minWeight}: ${name} is off by ${error}`);
          const whole = all.map((row) => squares(mode, { p: p[row], gradients: single[row], drawn: 0 }));
          const largest = largestSkipped(mode, { p, kept, gradients: single });
          const ratio = expected.map(
            (value, i) =>
              (whole.reduce((sum, values) => sum + values[i], 0) / all.length + DEFAULT_EPSILON - value) / largest[i],
          );
          // Elements that no skipped choice touches lose nothing, and would be 0 / 0.
          t.true(
            ratio.every((share) => Number.isNaN(share) || (share > -1e-9 && share < skipped.meanMass * (1 + 1e-5))),
            `${minWeight}: ${name} loses ${Math.max(...ratio)}`,
          );
        }
      }
      model.close();
    });

    test(`${form}: a minWeight of 0, or below every p̃, changes no bit of the ${mode} Fisher`, async (t) => {
      const model = await openT5(shape, [weights]);
      await model.load(0);
      const fisher = () => model.parameters.map(({ name }) => model.engine.parameter('fisher', name));
      const { probabilities } = await measure(model, { rows, indices: all }, { mode });
      const plain = fisher();
      for (const minWeight of [0, 0.999 * Math.min(...probabilities.flatMap((values) => [...values]))]) {
        const { skipped } = await measure(model, { rows, indices: all }, { mode, minWeight });
        t.is(skipped.skipped, 0);
        t.deepEqual(fisher(), plain, `${minWeight}`);
      }
      model.close();
    });
  }

  test(`${form}: minWeight 1 leaves the likeliest choice of an input: in exact mode p̃ times the square that sampled mode has of it`, async (t) => {
    const model = await openT5(shape, [weights]);
    await model.load(0);
    const { probabilities, skipped } = await measure(
      model,
      { rows, indices: [3] },
      {
        mode: 'exact',
        minWeight: 1,
        epsilon: 0,
      },
    );
    const top = Math.max(...probabilities[0]);
    const fisher = new Map(model.parameters.map(({ name }) => [name, model.engine.parameter('fisher', name)]));
    t.deepEqual([skipped.skipped, skipped.choices], [4, 5]);
    t.true(Math.abs(skipped.maxMass - (1 - top)) < 1e-12);
    await measure(
      model,
      { rows, indices: [3] },
      {
        mode: 'sampled',
        drawn: Int32Array.of(0, 0, 0, probabilities[0].indexOf(top)),
        epsilon: 0,
      },
    );
    for (const [name, values] of fisher)
      t.true(
        relativeError(
          values,
          model.engine.parameter('fisher', name).map((square) => top * square),
        ) < ROUNDING,
        name,
      );
    model.close();
  });

  test(`${form}: squares are per input and choice: the mean over two copies of a row is the Fisher of one`, async (t) => {
    const model = await openT5(shape, [weights]);
    await model.load(0);
    await measure(model, { rows, indices: [3] }, { mode: 'exact' });
    const one = new Map(model.parameters.map(({ name }) => [name, model.engine.parameter('fisher', name)]));
    await model.job((engine) => engine.beginFisher());
    await model.job((engine) => engine.addFisher(packRows(rows, [3, 3]), { mode: 'exact' }));
    await model.job((engine) => engine.finishFisher({ epsilon: DEFAULT_EPSILON }));
    for (const [name, values] of one)
      t.true(relativeError(model.engine.parameter('fisher', name), values) < ROUNDING, name);
    model.close();
  });

  test(`${form}: all rows in one batch, in two, and one by one give one Fisher`, async (t) => {
    const model = await openT5(shape, [weights]);
    await model.load(0);
    for (const mode of ['exact', 'choices'] as const) {
      const fishers: Gradients[] = [];
      for (const batches of [
        [[0, 1, 2, 3]],
        [
          [2, 0],
          [3, 1],
        ],
        [[3], [2], [1], [0]],
      ]) {
        await model.job((engine) => engine.beginFisher());
        for (const batch of batches) await model.job((engine) => engine.addFisher(packRows(rows, batch), { mode }));
        await model.job((engine) => engine.finishFisher({ epsilon: DEFAULT_EPSILON }));
        fishers.push(new Map(model.parameters.map(({ name }) => [name, model.engine.parameter('fisher', name)])));
      }
      for (const [name, values] of fishers[0])
        for (const other of fishers.slice(1))
          t.true(relativeError(other.get(name)!, values) < ROUNDING, `${mode}: ${name}`);
    }
    model.close();
  });

  test(`${form}: sampled mode draws by the distribution function of p̃: just below and at each step`, async (t) => {
    const model = await openT5(shape, [weights]);
    await model.load(0);
    const row = packRows(rows, [3]);
    const fisher = async (draw?: number, choice?: number) => {
      await model.job((engine) => engine.beginFisher());
      const p = await model.job((engine) =>
        engine.addFisher(row, {
          mode: 'sampled',
          draws: draw === undefined ? undefined : Float64Array.of(draw),
          drawn: choice === undefined ? undefined : Int32Array.of(choice),
        }),
      );
      return { p, fisher: model.engine.parameter('fisher', 'shared.weight') };
    };
    const { p } = await fisher(0);
    const byChoice: Float32Array[] = [];
    for (let c = 0; c < 5; c++) byChoice.push((await fisher(undefined, c)).fisher);
    let below = 0;
    for (let c = 0; c < 5; c++) {
      t.deepEqual((await fisher(below)).fisher, byChoice[c], `at the start of choice ${c}`);
      below += p[c];
      t.deepEqual((await fisher(Math.min(below, 1) - 1e-9)).fisher, byChoice[c], `just before the end of choice ${c}`);
    }
    model.close();
  });
}

test('one choice leaves nothing to learn for the choices mode: its Fisher is ε', async (t) => {
  const model = await openT5(FORMS['v1.0'], [randomWeights(FORMS['v1.0'], 21)]);
  await model.load(0);
  await measure(model, { rows: randomRows(FORMS['v1.0'], LENGTHS), indices: [1] }, { mode: 'choices' });
  for (const { name } of model.parameters)
    t.true(model.engine.parameter('fisher', name).every((value) => value === Math.fround(DEFAULT_EPSILON)));
  model.close();
});

test('a minWeight that is no probability, or one for the sampled mode, is refused before anything is measured', async (t) => {
  const model = await openT5(FORMS['v1.0'], [randomWeights(FORMS['v1.0'], 21)]);
  await model.load(0);
  const rows = randomRows(FORMS['v1.0'], LENGTHS);
  const refused = (mode: FisherMode, minWeight: number, message: RegExp) =>
    t.throwsAsync(measure(model, { rows, indices: [0] }, { mode, minWeight }), { code: 'INVALID_ARGUMENT', message });
  for (const minWeight of [-0.01, 1.01, Number.NaN, Infinity])
    await refused('exact', minWeight, /minWeight is (-0\.01|1\.01|NaN|Infinity): expected a number from 0 to 1/);
  await refused('sampled', 0.01, /minWeight is 0\.01 in mode sampled, which draws from all choices/);
  await t.notThrowsAsync(measure(model, { rows, indices: [0] }, { mode: 'sampled', minWeight: 0 }));
  model.close();
});

test('the sampled mode of measureFisher draws every row by its own number, whatever the batch', async (t) => {
  const shape = FORMS['v1.0'];
  const model = await openT5(shape, [randomWeights(shape, 21)]);
  const narrow = await openT5(shape, [randomWeights(shape, 21)], { batchMemory: 1 }); // Each batch holds one row.
  const rows = randomRows(shape, LENGTHS);
  const draw = { seed: 3, task: 'a' };
  const fishers = [];
  for (const [m, indices] of [
    [model, [0, 1, 2, 3]],
    [narrow, [0, 1, 2, 3]],
    [narrow, [3, 1, 0, 2]],
  ] as const) {
    await m.load(0);
    await measure(m, { rows, indices }, { mode: 'sampled', draw });
    fishers.push(m.engine.parameter('fisher', 'shared.weight'));
  }
  for (const other of fishers.slice(1)) t.true(relativeError(other, fishers[0]) < ROUNDING);
  await measure(narrow, { rows, indices: [0, 1, 2, 3] }, { mode: 'sampled', draw: { seed: 4, task: 'a' } });
  t.false(relativeError(narrow.engine.parameter('fisher', 'shared.weight'), fishers[0]) < 0.01);
  model.close();
  narrow.close();
});
