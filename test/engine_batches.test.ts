// What is computed for a row does not depend on the rows that share its ragged batch.
import test from 'ava';
import { packRows } from '../lib/engine/batch.js';
import { bitsOf } from './support/machines.js';
import { FORMS, openT5, randomRows, randomWeights, type T5Shape } from './support/random_t5.js';
import { score } from './support/passes.js';

// In all there are over 192 label tokens, which is a tile of the head, and over 96 rows, a block of the product. Some rows have no choice.
const LENGTHS: [number, number[]][] = [
  [40, [1, 30, 2]],
  [1, [1]],
  [17, []],
  [63, [15, 15]],
  [65, [7, 60, 1, 9]],
  [2, [33, 33]],
  [90, []],
  [5, [3]],
];

const wide = (shape: T5Shape): T5Shape => ({ ...shape, d_model: 33, d_ff: 70, d_kv: 9, vocab_size: 300 });

for (const [form, narrow] of Object.entries(FORMS)) {
  const shape = wide(narrow);
  const rows = {
    ...randomRows(
      shape,
      LENGTHS.map(([input, choices]) => [input, choices.length > 0 ? choices : [1]]),
    ),
    labels: new Int32Array(LENGTHS.length),
  };
  rows.choices = rows.choices.map((choices, i) => (LENGTHS[i][1].length > 0 ? choices : []));
  const all = LENGTHS.map((_, i) => i);

  test(`${form}: NLLs of a ragged batch have the bits of those of single rows and single choices`, async (t) => {
    const model = await openT5(shape, [randomWeights(shape, 31)]);
    await model.load(0);
    const together = await model.job((engine) => engine.score(packRows(rows, all)));
    const byRow: number[] = [];
    const byChoice: number[] = [];
    for (const row of all) {
      byRow.push(...(await model.job((engine) => engine.score(packRows(rows, [row])))));
      for (const choice of rows.choices[row])
        byChoice.push(
          ...(await model.job((engine) =>
            engine.score(packRows({ ...rows, choices: all.map(() => [choice]) }, [row])),
          )),
        );
    }
    t.is(together.length, byRow.length);
    t.deepEqual(byRow, [...together]);
    t.deepEqual(byChoice, [...together]);
    model.close();
  });

  test(`${form}: encoder outputs and logits of a ragged batch have the bits of those of single rows`, async (t) => {
    const model = await openT5(shape, [randomWeights(shape, 31)]);
    await model.load(0);
    for (const part of ['encode', 'logits'] as const) {
      const together = await model.job((engine) => engine[part](packRows(rows, all)));
      const apart: Float32Array[] = [];
      for (const row of all) apart.push(await model.job((engine) => engine[part](packRows(rows, [row]))));
      t.true(Buffer.concat(apart.map(bitsOf)).equals(bitsOf(together)), part);
    }
    model.close();
  });

  test(`${form}: NLL is the sum over label tokens of log Σ exp(logits) − logit`, async (t) => {
    const model = await openT5(shape, [randomWeights(shape, 31)]);
    await model.load(0);
    const batch = packRows(rows, all);
    const [nll, logits] = [
      await model.job((engine) => engine.score(batch)),
      await model.job((engine) => engine.logits(batch)),
    ];
    const perToken = Float64Array.from(batch.labelIds, (id, at) => {
      const row = logits.subarray(at * shape.vocab_size, (at + 1) * shape.vocab_size);
      return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[id];
    });
    nll.forEach((value, s) => {
      const expected = perToken.subarray(batch.labelOffsets[s], batch.labelOffsets[s + 1]).reduce((a, b) => a + b);
      t.true(Math.abs(value - expected) < 2e-7 * expected, `choice ${s}: ${value}, expected ${expected}`);
    });
    model.close();
  });

  test(`${form}: an evaluation in many small batches is that in one`, async (t) => {
    const labelled = all.filter((row) => rows.choices[row].length > 0);
    const answers = [];
    for (const batchMemory of [undefined, 1, 60_000]) {
      const model = await openT5(shape, [randomWeights(shape, 31)], { batchMemory });
      await model.load(0);
      answers.push((await score(model, { rows, indices: labelled })).results);
      model.close();
    }
    t.deepEqual(answers[1], answers[0]);
    t.deepEqual(answers[2], answers[0]);
  });
}

test('a batch without inputs scores nothing', async (t) => {
  const shape = FORMS['v1.0'];
  const model = await openT5(shape, [randomWeights(shape, 31)]);
  await model.load(0);
  const empty = packRows(randomRows(shape, []), []);
  t.is((await model.job((engine) => engine.score(empty))).length, 0);
  await model.job((engine) => engine.beginFisher());
  t.is((await model.job((engine) => engine.addFisher(empty, { mode: 'exact' }))).length, 0);
  t.is((await model.job((engine) => engine.encode(empty))).length, 0);
  model.close();
});

test('a position bias covers any distance: inputs far beyond the last bucket score, and the longest decides nothing for the rest', async (t) => {
  const shape = FORMS['v1.0'];
  const model = await openT5(shape, [randomWeights(shape, 31)]);
  await model.load(0);
  const rows = randomRows(shape, [
    [300, [2]],
    [4, [2]],
  ]);
  const both = await model.job((engine) => engine.score(packRows(rows, [0, 1])));
  const short = await model.job((engine) => engine.score(packRows(rows, [1])));
  t.is(both[1], short[0]);
  model.close();
});
