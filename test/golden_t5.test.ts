// The engine is compared with PyTorch's float64 numbers on tiny random T5s, in every group of ../shared/golden/t5-*.
import { readFile } from 'node:fs/promises';
import test from 'ava';
import type { FisherMode } from '../bindings/index.js';
import { packRows, type TokenizedRows } from '../lib/engine/batch.js';
import { runMerge } from '../lib/engine/merge.js';
import { Session } from '../lib/engine/session.js';
import { readTensors, relativeError, type Tensors } from './support/tensors.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { measure, measuredPlan, score } from './support/passes.js';

interface Cases {
  examples: { input_ids: number[]; choices: number[][]; label: number }[];
  lambdas: number[][];
  sampled_choices: number[];
}

interface Golden {
  model: Session;
  rows: TokenizedRows;
  all: number[];
  cases: Cases;
  expected: Tensors;
}

const withShared = sharedTest(test);
const CHILDREN = ['task_a', 'task_b', 'task_c'];
// These bounds are the second column of golden/README.md.
const BOUND = { forward: 1e-5, nll: 5e-6, gradient: 3e-5, fisher: 2e-4, merged: 3e-6, mergedNll: 1.5e-5, adamw: 1e-4 };

async function open(kind: string, threads = 2): Promise<Golden> {
  const folder = (name: string) => sharedPath('golden', kind, 'models', name);
  const cases = JSON.parse(await readFile(sharedPath('golden', kind, 'cases.json'), 'utf8')) as Cases;
  const rows: TokenizedRows = {
    inputIds: cases.examples.map((e) => Int32Array.from(e.input_ids)),
    choices: cases.examples.map((e) => e.choices.map((c) => Int32Array.from(c))),
    labels: Int32Array.from(cases.examples, (e) => e.label),
  };
  const model = await Session.open(folder('base'), CHILDREN.map(folder), { threads });
  return {
    model,
    rows,
    all: cases.examples.map((_, i) => i),
    cases,
    expected: await readTensors(sharedPath('golden', kind, 'expected.safetensors')),
  };
}

for (const kind of ['t5-v1.0', 't5-v1.1']) {
  withShared(`${kind}: encoder outputs and logits`, async (t) => {
    const { model, rows, all, expected } = await open(kind);
    await model.load(0);
    for (const i of all) {
      const batch = packRows(rows, [i]);
      const encoder = await model.job((engine) => engine.encode(batch));
      t.true(relativeError(encoder, expected.get(`forward/encoder/${i}`)) < BOUND.forward, `encoder of example ${i}`);
      const logits = await model.job((engine) => engine.logits(batch));
      let at = 0;
      rows.choices[i].forEach((_, c) => {
        const golden = expected.get(`forward/logits/${i}/${c}`);
        t.true(
          relativeError(logits.subarray(at, (at += golden.length)), golden) < BOUND.forward,
          `logits of example ${i}, choice ${c}`,
        );
      });
      t.is(at, logits.length);
    }
    model.close();
  });

  withShared(`${kind}: NLL of every choice of every model, in one ragged batch`, async (t) => {
    const { model, rows, all, expected } = await open(kind);
    for (const [m, name] of ['base', ...CHILDREN].entries()) {
      await model.load(m);
      const { results } = await score(model, { rows, indices: all });
      for (const i of all)
        t.true(
          relativeError(results[i].nll, expected.get(`score/nll/${name}/${i}`)) < BOUND.nll,
          `${name}, example ${i}`,
        );
    }
    model.close();
  });

  withShared(`${kind}: gradient of one NLL`, async (t) => {
    const { model, rows, expected } = await open(kind);
    await model.load(0);
    await model.job((engine) => engine.beginTraining());
    const one: TokenizedRows = { ...rows, choices: rows.choices.map((c) => [c[1] ?? c[0]]) };
    await model.job((engine) => engine.addGradient(packRows(one, [1]), 1));
    for (const { name } of model.parameters)
      t.true(
        relativeError(model.engine.parameter('fisher', name), expected.get(`gradient/1/1/${name}`)) < BOUND.gradient,
        name,
      );
    model.close();
  });

  for (const mode of ['exact', 'sequence', 'choices', 'sampled'] as FisherMode[]) {
    withShared(`${kind}: ${mode} Fisher`, async (t) => {
      const { model, rows, all, cases, expected } = await open(kind);
      await model.load(1);
      await measure(model, { rows, indices: all }, { mode, drawn: Int32Array.from(cases.sampled_choices) });
      for (const { name } of model.parameters)
        t.true(
          relativeError(model.engine.parameter('fisher', name), expected.get(`fisher/${mode}/task_a/${name}`)) <
            BOUND.fisher,
          name,
        );
      model.close();
    });
  }

  withShared(`${kind}: the whole merge`, async (t) => {
    const { model, rows, all, cases, expected } = await open(kind);
    for (const [k, lambdas] of cases.lambdas.entries()) {
      const plan = await measuredPlan(
        model,
        lambdas.map(() => ({ rows, indices: all })),
      );
      await runMerge(model, plan.passes(lambdas), plan);
      for (const { name } of model.parameters)
        t.true(
          relativeError(model.engine.parameter('parameters', name), expected.get(`dfmerge/${k}/${name}`)) <
            BOUND.merged,
          name,
        );
      const { results } = await score(model, { rows, indices: all });
      for (const i of all)
        t.true(relativeError(results[i].nll, expected.get(`dfmerge_nll/${k}/${i}`)) < BOUND.mergedNll, `example ${i}`);
    }
    model.close();
  });

  withShared(`${kind}: four AdamW steps`, async (t) => {
    const { model, rows, expected } = await open(kind);
    await model.load(0);
    await model.job((engine) => engine.beginTraining());
    const right: TokenizedRows = { ...rows, choices: rows.choices.map((choices, i) => [choices[rows.labels[i]]]) };
    const batch = packRows(right, [0, 1, 2, 3, 4, 5]);
    const losses = expected.get('adamw/losses');
    for (let step = 1; step <= 4; step++) {
      const nll = await model.job((engine) => engine.addGradient(batch, 1 / batch.labelIds.length));
      const loss = nll.reduce((a, b) => a + b, 0) / batch.labelIds.length;
      t.true(Math.abs(loss - losses[step - 1]) < BOUND.adamw * losses[step - 1], `loss of step ${step}`);
      await model.job((engine) =>
        engine.adamw({ learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 }),
      );
    }
    for (const { name } of model.parameters)
      t.true(
        relativeError(model.engine.parameter('parameters', name), expected.get(`adamw/${name}`)) < BOUND.adamw,
        name,
      );
    model.close();
  });
}
