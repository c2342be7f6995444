// Results have the same bits for any number of threads and in every run: threads decide who computes, and never what.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { COMPUTE_DTYPES, type FisherMode, type NativeEngine } from '../bindings/index.js';
import { packRows } from '../lib/engine/batch.js';
import { Session } from '../lib/engine/session.js';
import { runMerge } from '../lib/engine/merge.js';
import { filePlan, mergeByHand } from './support/passes.js';
import { bitsOf } from './support/machines.js';
import {
  nearbyWeights,
  randomRows,
  randomWeights,
  safetensorsBytes,
  shapesOf,
  V1_0,
  V1_1,
  writeT5,
  type T5Shape,
  widened,
} from './support/random_t5.js';
import { RandomValues } from './support/random_values.js';
import { temporaryFolder } from './support/tiny_t5.js';

const THREADS = [1, 2, 3, 5];
const wide = (shape: T5Shape): T5Shape => ({ ...widened(shape), num_layers: 2, num_decoder_layers: 2 });

const LENGTHS: [number, number[]][] = [
  [60, [3, 1, 20]],
  [33, [2]],
  [100, [5, 5]],
  [7, [1, 2, 3, 4]],
  [64, [33]],
  [1, [16, 2]],
];

/** Every tensor of a vector of parameters, one after another. */
function bits(model: Session, vector: 'parameters' | 'fisher'): string {
  return Buffer.concat(model.parameters.map(({ name }) => bitsOf(model.engine.parameter(vector, name)))).toString(
    'base64',
  );
}

interface Setting {
  folders: string[];
  fishers: string;
}

async function prepare(narrow: T5Shape): Promise<Setting> {
  const shape = wide(narrow);
  const base = randomWeights(shape, 81);
  const folders = await Promise.all(
    [base, nearbyWeights(base, 82), nearbyWeights(base, 83)].map((weights) => writeT5(shape, weights)),
  );
  const fishers = join(await temporaryFolder(), 'fisher.safetensors');
  const random = new RandomValues(84);
  await writeFile(
    fishers,
    safetensorsBytes(new Map([...base].map(([name, values]) => [name, random.positive(values.length, -12, 0)])), {
      shapes: shapesOf(shape),
    }),
  );
  return { folders, fishers };
}

for (const [form, narrow] of [
  ['v1.0', V1_0],
  ['v1.1', V1_1],
] as const) {
  const setting = prepare(narrow);
  const rows = randomRows(wide(narrow), LENGTHS);
  const batch = packRows(
    rows,
    LENGTHS.map((_, i) => i),
  );
  const draws = Float64Array.from(LENGTHS, (_, i) => i / LENGTHS.length);

  /** Runs the work twice on each number of threads, and compares the results. */
  const sameOnAnyThreads = (title: string, work: (model: Session, setting: Setting) => Promise<string>) => {
    for (const dtype of COMPUTE_DTYPES) {
      test(`${form}, ${dtype}: ${title} has the same bits on 1, 2, 3 and 5 threads, and again`, async (t) => {
        const ready = await setting;
        const results: string[] = [];
        for (const threads of THREADS) {
          const model = await Session.open(ready.folders[0], ready.folders.slice(1), {
            threads,
            computeDtype: dtype,
          });
          results.push(await work(model, ready), await work(model, ready));
          model.close();
        }
        results.forEach((result, i) => t.true(result === results[0], `${THREADS[i >> 1]} threads, run ${(i % 2) + 1}`));
      });
    }
  };

  const job = <T>(model: Session, run: (engine: NativeEngine) => Promise<T>) => model.job(run);

  sameOnAnyThreads('a score', async (model) => {
    await model.load(1);
    return bitsOf(await job(model, (engine) => engine.score(batch))).toString('base64');
  });

  for (const mode of ['exact', 'sequence', 'choices', 'sampled'] as FisherMode[]) {
    sameOnAnyThreads(`the ${mode} Fisher`, async (model) => {
      await model.interpolate(1, 0.4);
      await job(model, (engine) => engine.beginFisher());
      const p = await job(model, (engine) => engine.addFisher(batch, { mode, draws }));
      await job(model, (engine) => engine.finishFisher({ epsilon: 1e-12 }));
      return bitsOf(p).toString('base64') + bits(model, 'fisher');
    });
  }

  sameOnAnyThreads('a gradient', async (model) => {
    await model.load(0);
    await job(model, (engine) => engine.beginTraining());
    const nll = await job(model, (engine) => engine.addGradient(batch, 0.01));
    return bitsOf(nll).toString('base64') + bits(model, 'fisher');
  });

  sameOnAnyThreads('two steps of AdamW', async (model) => {
    await model.load(0);
    await job(model, (engine) => engine.beginTraining());
    for (let step = 0; step < 2; step++) {
      await job(model, (engine) => engine.addGradient(batch, 0.01));
      await job(model, (engine) =>
        engine.adamw({ learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 }),
      );
    }
    return bits(model, 'parameters');
  });

  sameOnAnyThreads('a merge with Fishers of files', async (model, { fishers }) => {
    const plan = filePlan([fishers, fishers]);
    await runMerge(model, plan.passes([0.3, 0.7]), plan);
    return bits(model, 'parameters');
  });

  sameOnAnyThreads('a whole merge with measured Fishers', async (model) => {
    await mergeByHand(model, [0.3, 0.7], async (i) => {
      await model.interpolate(i, [0.3, 0.7][i - 1]);
      await job(model, (engine) => engine.beginFisher());
      await job(model, (engine) => engine.addFisher(batch, { mode: 'exact' }));
      await job(model, (engine) => engine.finishFisher({ epsilon: 1e-12 }));
    });
    return bits(model, 'parameters');
  });
}
