// Scores and gradients of whole small T5s are compared with a plain float64 T5 and its finite differences, in every entry of every parameter.
import test from 'ava';
import { packRows } from '../lib/engine/batch.js';
import { differenceGradient } from './support/plain_ops.js';
import { PlainT5 } from './support/plain_t5.js';
import { FORMS, openT5, randomRows, randomWeights } from './support/random_t5.js';
import { relativeError } from './support/tensors.js';

// The engine computes in float32, whose ε is 6e-8; the bound is that times the square root of some hundred operations per value.
const NLL = 2e-6;
const GRADIENT = 1e-5;

for (const [form, shape] of Object.entries(FORMS)) {
  const weights = randomWeights(shape, 11);
  const plain = new PlainT5(shape, new Map([...weights].map(([name, values]) => [name, Float64Array.from(values)])));
  // There is an input longer than the last bucket's distance, one of a single token, and tokens occur on both sides.
  const rows = randomRows(shape, [
    [9, [3, 1, 5]],
    [1, [1]],
    [23, [2, 20]],
  ]);

  test(`${form}: the NLL of every choice is that of the plain model`, async (t) => {
    const model = await openT5(shape, [weights]);
    await model.load(0);
    const nll = await model.job((engine) => engine.score(packRows(rows, [0, 1, 2])));
    const expected = rows.choices.flatMap((choices, i) => choices.map((label) => plain.nll(rows.inputIds[i], label)));
    nll.forEach((value, i) =>
      t.true(Math.abs(value - expected[i]) < NLL * expected[i], `choice ${i}: ${value}, expected ${expected[i]}`),
    );
    model.close();
  });

  test(`${form}: the gradient of summed NLLs is that of finite differences, for every entry of every parameter`, async (t) => {
    const model = await openT5(shape, [weights]);
    await model.load(0);
    await model.job((engine) => engine.beginTraining());
    await model.job((engine) => engine.addGradient(packRows(rows, [0, 1]), 0.5));
    const loss = () =>
      0.5 *
      (rows.choices[0].reduce((sum, label) => sum + plain.nll(rows.inputIds[0], label), 0) +
        plain.nll(rows.inputIds[1], rows.choices[1][0]));
    for (const { name } of model.parameters) {
      const expected = differenceGradient(plain.weights.get(name)!, loss);
      const error = relativeError(model.engine.parameter('fisher', name), expected);
      t.true(error < GRADIENT, `${name} is off by ${error}`);
    }
    model.close();
  });

  test(`${form}: gradients of several batches add up`, async (t) => {
    const model = await openT5(shape, [weights]);
    await model.load(0);
    const gradient = async (batches: number[][]) => {
      await model.job((engine) => engine.beginTraining());
      for (const batch of batches) await model.job((engine) => engine.addGradient(packRows(rows, batch), 1));
      return new Map(model.parameters.map(({ name }) => [name, model.engine.parameter('fisher', name)]));
    };
    const [together, apart] = [await gradient([[0, 1, 2]]), await gradient([[2], [0], [1]])];
    for (const [name, values] of together) t.true(relativeError(apart.get(name)!, values) < GRADIENT, name);
    model.close();
  });
}
