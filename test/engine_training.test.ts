// AdamW is compared with its published formulas (Loshchilov and Hutter 2019, algorithm 2) in float64.
import test from 'ava';
import { packRows } from '../lib/engine/batch.js';
import { withinBound } from './support/machines.js';
import { EPSILON32 } from './support/plain_ops.js';
import { FORMS, openT5, randomRows, randomWeights } from './support/random_t5.js';

const OPTIONS = { learningRate: 3e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };

interface State {
  p: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** Moves the parameters of `state`, and its moments, by one step. */
function plainStep({ p, m, v }: State, gradient: Float32Array, o: typeof OPTIONS & { step: number }): void {
  for (let i = 0; i < p.length; i++) {
    m[i] = o.beta1 * m[i] + (1 - o.beta1) * gradient[i];
    v[i] = o.beta2 * v[i] + (1 - o.beta2) * gradient[i] ** 2;
    const [mean, square] = [m[i] / (1 - o.beta1 ** o.step), v[i] / (1 - o.beta2 ** o.step)];
    p[i] -= o.learningRate * (mean / (Math.sqrt(square) + o.epsilon) + o.weightDecay * p[i]);
  }
}

for (const [form, shape] of Object.entries(FORMS)) {
  for (const [title, options] of [
    ['', OPTIONS],
    [', short memory and no decay', { ...OPTIONS, beta1: 0.5, beta2: 0.9, weightDecay: 0 }],
  ] as const) {
    test(`${form}: five steps of AdamW follow the formulas${title}`, async (t) => {
      const weights = randomWeights(shape, 61);
      const rows = randomRows(shape, [
        [7, [3]],
        [12, [2, 4]],
      ]);
      const model = await openT5(shape, [weights]);
      await model.load(0);
      await model.job((engine) => engine.beginTraining());
      const states = new Map(
        [...weights].map(([name, values]): [string, State] => [
          name,
          { p: Float64Array.from(values), m: new Float64Array(values.length), v: new Float64Array(values.length) },
        ]),
      );
      for (let step = 1; step <= 5; step++) {
        await model.job((engine) => engine.addGradient(packRows(rows, [step % 2]), 0.25));
        for (const [name, state] of states)
          plainStep(state, model.engine.parameter('fisher', name), { ...options, step });
        await model.job((engine) => engine.adamw(options));
        // A step moves a parameter by a few learning rates at most, and each move is known up to some roundings of the moments.
        const bound = (state: State) => (i: number) =>
          step * (3 * EPSILON32 * Math.abs(state.p[i]) + 64 * EPSILON32 * options.learningRate);
        for (const [name, state] of states)
          withinBound(t, model.engine.parameter('parameters', name), state.p, {
            bound: bound(state),
            what: `step ${step}, ${name}`,
          });
      }
      model.close();
    });
  }
}

test('the gradient is zero behind a step, and training lowers the loss it is given', async (t) => {
  const shape = FORMS['v1.0'];
  const model = await openT5(shape, [randomWeights(shape, 62)]);
  const batch = packRows(
    randomRows(shape, [
      [7, [3]],
      [12, [4]],
    ]),
    [0, 1],
  );
  await model.load(0);
  await model.job((engine) => engine.beginTraining());
  const losses: number[] = [];
  for (let step = 1; step <= 20; step++) {
    losses.push(
      (await model.job((engine) => engine.addGradient(batch, 1 / batch.labelIds.length))).reduce((a, b) => a + b),
    );
    await model.job((engine) => engine.adamw({ ...OPTIONS, learningRate: 1e-2 }));
    for (const { name } of model.parameters)
      t.true(model.engine.parameter('fisher', name).every((value) => value === 0));
  }
  t.true(losses[19] < losses[0] / 2, losses.join());
  model.close();
});
