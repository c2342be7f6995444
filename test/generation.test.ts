// Sequences are generated with keys and values kept from step to step, all of a batch together. They are compared with the whole model in
// float64 at every step, and with themselves on other threads, in other batches and alone.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { COMPUTE_DTYPES, packageRoot, useAddon } from '../bindings/index.js';
import { testing } from '../bindings/testing/index.js';
import { architectureOf, readGenerationTokens, type GenerationTokens } from '../lib/architectures/index.js';
import { packRows, type TokenizedRows } from '../lib/engine/batch.js';
import { createModel } from '../lib/engine/create.js';
import { generateRows, type GeneratedSequence, type GenerationOptions } from '../lib/engine/generate.js';
import { Session } from '../lib/engine/session.js';
import './support/bag/index.js';
import { BIG } from './support/big_engine.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { bitsOf } from './support/machines.js';
import { plainGenerate } from './support/plain_generation.js';
import { PlainT5 } from './support/plain_t5.js';
import {
  FORMS,
  openT5,
  randomWeights,
  V1_0,
  V1_1,
  writeT5,
  type T5Shape,
  type Weights,
  widened,
} from './support/random_t5.js';
import { RandomValues } from './support/random_values.js';
import { temporaryFolder, writeTinyT5 } from './support/tiny_t5.js';

useAddon(testing());

const END: GenerationTokens = { endTokens: [1] };

/** Inputs of random ids, of lengths that differ a lot. */
function randomInputs(shape: T5Shape, lengths: readonly number[], seed = 3): Int32Array[] {
  const random = new RandomValues(seed);
  return lengths.map((length) => random.ids(length, shape.vocab_size));
}

/** Everything that is generated, to the bit. */
const bits = (sequences: readonly GeneratedSequence[]): string =>
  JSON.stringify(sequences.map(({ ids, score }) => [[...ids], bitsOf(Float64Array.of(score)).toString('hex')]));

const plainOf = (shape: T5Shape, weights: Weights): PlainT5 =>
  new PlainT5(shape, new Map([...weights].map(([name, values]) => [name, Float64Array.from(values)])));

/** Random weights of a model that does not only repeat its last token, as one does whose embedding is as large as all else. */
function restlessWeights(shape: T5Shape, seed: number): Weights {
  const weights = randomWeights(shape, seed);
  return weights.set(
    'shared.weight',
    weights.get('shared.weight')!.map((value) => 0.1 * value),
  );
}

const SEEDS: Record<string, number> = { 'v1.0': 27, 'v1.1': 24 };

const SEARCHES: (GenerationOptions & { tokens: GenerationTokens })[] = [
  { maxNewTokens: 12, tokens: END },
  { maxNewTokens: 1, tokens: END },
  { maxNewTokens: 30, tokens: { endTokens: [] } },
  { maxNewTokens: 12, tokens: { endTokens: [3, 8], startToken: 5 } },
  { maxNewTokens: 12, numBeams: 4, tokens: END },
  { maxNewTokens: 12, numBeams: 4, lengthPenalty: 0.6, earlyStopping: true, tokens: END },
  { maxNewTokens: 1, numBeams: 4, tokens: END },
  { maxNewTokens: 5, numBeams: 2, lengthPenalty: 0, tokens: END },
  { maxNewTokens: 12, numBeams: 3, lengthPenalty: 2, tokens: { endTokens: [1, 6, 9, 6] } },
  {
    maxNewTokens: 12,
    numBeams: 3,
    lengthPenalty: -1,
    earlyStopping: true,
    tokens: { endTokens: [2, 4], startToken: 7 },
  },
  { maxNewTokens: 10, numBeams: 8, tokens: { endTokens: [] } },
];

for (const [form, shape] of Object.entries(FORMS)) {
  test(`${form}: sequences and scores are those of the whole model at every step, greedily and by beams`, async (t) => {
    const weights = restlessWeights(shape, SEEDS[form]);
    const model = await openT5(shape, [weights]);
    await model.load(0);
    const plain = plainOf(shape, weights);
    const inputs = randomInputs(shape, [3, 1, 40, 2, 17, 5, 9, 1, 28, 6]);
    const lengths = new Set<number>();
    for (const search of SEARCHES) {
      const sequences = await generateRows(model, inputs, search);
      inputs.forEach((input, i) => {
        const { maxNewTokens, numBeams = 1, lengthPenalty = 1, earlyStopping = false, tokens } = search;
        const { endTokens, startToken = 0 } = tokens;
        const options = { maxNewTokens, numBeams, lengthPenalty, earlyStopping, endTokens, startToken };
        const expected = plainGenerate(plain, input, options);
        const title = `${JSON.stringify(search)}, input ${i + 1}`;
        t.deepEqual([...sequences[i].ids], expected.ids, title);
        t.true(Math.abs(sequences[i].score - expected.score) <= 1e-5 * Math.abs(expected.score), title);
        if (maxNewTokens === 12) lengths.add(expected.ids.length);
      });
    }
    t.true(
      lengths.has(12) && lengths.size > 4,
      'some sequences end by themselves, at various lengths, and some do not',
    );
    model.close();
  });
}

/** Every twentieth token ends a sequence, so that some end soon and others late. */
const MANY_ENDS: GenerationTokens = { endTokens: Array.from({ length: 35 }, (_, i) => 20 * i + 1) };

for (const [form, narrow] of Object.entries(FORMS)) {
  for (const computeDtype of COMPUTE_DTYPES) {
    test(`${form}, ${computeDtype}: the bits are the same on any number of threads, in any batches and alone`, async (t) => {
      const shape = widened(narrow);
      const dir = await writeT5(shape, restlessWeights(shape, 23));
      const inputs = randomInputs(shape, [60, 33, 100, 7, 64, 1, 33, 12, 2, 90, 5, 1]);
      for (const search of [
        { maxNewTokens: 20, tokens: MANY_ENDS },
        { maxNewTokens: 20, numBeams: 4, tokens: MANY_ENDS },
      ]) {
        let expected = '';
        for (const threads of [1, 2, 3, 5]) {
          const model = await Session.open(dir, [], { threads, computeDtype });
          await model.load(0);
          const sequences = await generateRows(model, inputs, search);
          if (threads === 1) expected = bits(sequences);
          t.is(bits(sequences), expected, `${threads} threads`);
          if (threads === 1) t.true(new Set(sequences.map(({ ids }) => ids.length)).size > 2);
          model.close();
        }
        const apart = await Session.open(dir, [], { threads: 2, computeDtype, batchMemory: 1 });
        await apart.load(0);
        const done: number[] = [];
        const onProgress = ({ done: at, total }: { done: number; total: number }) => void done.push(at, total);
        t.is(bits(await generateRows(apart, inputs, { ...search, onProgress })), expected, 'every input alone');
        t.deepEqual(done.slice(-2), [12, 12]);
        apart.close();
      }
    });
  }
}

interface PeersGeneration {
  /** The lengths of the inputs; element i of input j is 2 + (31 i i + 17 i + 7 j j + 13 j) % 158. */
  lengths: number[];
  cases: {
    options: GenerationOptions;
    endTokens: number[];
    /** What is generated of every input, per model. */
    ids: Record<string, number[][]>;
  }[];
}

sharedTest(test)('the golden models generate what transformers generates', async (t) => {
  const file = join(packageRoot(), 'test/peers/t5_generation.json');
  const { lengths, cases } = JSON.parse(await readFile(file, 'utf8')) as PeersGeneration;
  const inputs = lengths.map((length, j) =>
    Int32Array.from({ length }, (_, i) => 2 + ((31 * i * i + 17 * i + 7 * j * j + 13 * j) % 158)),
  );
  for (const name of ['t5-v1.0', 't5-v1.1']) {
    const model = await Session.open(sharedPath('golden', name, 'models', 'base'), [], { threads: 2 });
    await model.load(0);
    for (const { options, endTokens, ids } of cases) {
      const sequences = await generateRows(model, inputs, { ...options, tokens: { endTokens } });
      const generated = sequences.map((sequence) => [...sequence.ids]);
      t.deepEqual(generated, ids[name], `${name}, ${JSON.stringify(options)}`);
    }
    model.close();
  }
});

test('generation leaves the parameters, a Fisher that is being measured and a merge as they are', async (t) => {
  const model = await openT5(V1_0, [randomWeights(V1_0, 1), randomWeights(V1_0, 2)]);
  const inputs = randomInputs(V1_0, [4, 9]);
  const rows: TokenizedRows = {
    inputIds: inputs,
    choices: inputs.map(() => [Int32Array.of(3, 1)]),
    labels: Int32Array.of(0, 0),
  };
  const batch = packRows(rows, [0, 1]);
  const measured = async (generate: boolean) => {
    await model.load(1);
    await model.engine.beginMerge();
    await model.engine.beginFisher();
    await model.engine.addFisher(batch, { mode: 'exact' });
    if (generate) await generateRows(model, inputs, { maxNewTokens: 6, numBeams: 3, tokens: END });
    await model.engine.addFisher(batch, { mode: 'exact' });
    await model.engine.finishFisher({ epsilon: 1e-9, fold: { model: 1, coefficient: 0.5 } });
    if (generate) await generateRows(model, inputs, { maxNewTokens: 6, tokens: END });
    await model.engine.finishMerge();
    return model.parameters.map(({ name }) => bitsOf(model.engine.parameter('parameters', name)).toString('hex'));
  };
  t.deepEqual(await measured(true), await measured(false));
  model.close();
});

test('in the steady state nothing is allocated, and what a batch takes is near its estimate', async (t) => {
  const model = await openT5(BIG, [randomWeights(BIG, 3)]);
  await model.load(0);
  const inputs = randomInputs(BIG, new Array<number>(24).fill(50));
  const generate = () => generateRows(model, inputs, { maxNewTokens: 40, numBeams: 4, tokens: { endTokens: [] } });
  await model.engine.score(
    packRows({ inputIds: inputs, choices: inputs.map(() => []), labels: new Int32Array(24) }, [0]),
  );
  const before = model.engine.bytes();
  await generate();
  const first = model.engine.bytes() - before;
  await generate();
  const steady = model.engine.bytes();
  await generate();
  t.is(model.engine.bytes(), steady);
  const costs = model.generationBudget({ sequences: 4, newTokens: 40 }).cost!({
    inputTokens: Int32Array.from(inputs, ({ length }) => length),
    choiceTokens: new Int32Array(24),
    choices: new Int32Array(24),
  });
  const estimate = costs.reduce((a, b) => a + b);
  t.true(first > 0.5 * estimate && first < 2 * estimate, `${first} bytes for an estimate of ${estimate}`);
  model.close();
});

test('an abort ends a generation between its steps, with the reason, and the next one is whole', async (t) => {
  const model = await openT5(BIG, [randomWeights(BIG, 3)], { threads: 2 });
  await model.load(0);
  const inputs = randomInputs(BIG, [40, 10, 30]);
  const search = { maxNewTokens: 6, numBeams: 3, tokens: { endTokens: [] } };
  const expected = bits(await generateRows(model, inputs, search));
  const controller = new AbortController();
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 50);
  const endless = { ...search, maxNewTokens: 65_536, signal: controller.signal };
  t.is(await t.throwsAsync(generateRows(model, inputs, endless)), reason);
  t.is(await t.throwsAsync(generateRows(model, inputs, endless)), reason, 'a signal that has fired already');
  t.is(bits(await generateRows(model, inputs, search)), expected);
  model.close();
});

test('options and inputs that cannot be are refused, each with its reason', async (t) => {
  const model = await openT5(V1_0, [randomWeights(V1_0, 1)]);
  const inputs = randomInputs(V1_0, [4, 9]);
  const refused = (options: object, message: RegExp, given = inputs) =>
    t.throwsAsync(generateRows(model, given, { maxNewTokens: 3, tokens: END, ...options }), {
      code: 'INVALID_ARGUMENT',
      message,
    });
  await t.throwsAsync(generateRows(model, inputs, { maxNewTokens: 3, tokens: END }), { code: 'INVALID_STATE' });
  await model.load(0);
  await refused({ maxNewTokens: undefined }, /generate: option maxNewTokens is missing/);
  await refused({ maxNewTokens: 0 }, /maxNewTokens is 0; expected a whole number from 1 to 65536/);
  await refused({ numBeams: 0 }, /numBeams is 0/);
  await refused({ numBeams: 1.5 }, /numBeams is 1.5/);
  await refused({ numBeams: 9 }, /numBeams is 9: a vocabulary of 17 has too few tokens/);
  await refused({ lengthPenalty: NaN }, /lengthPenalty is NaN/);
  await refused({ lengthPenalty: 500 }, /lengthPenalty is 500/);
  await refused({ earlyStopping: 'never' }, /earlyStopping is "never"; expected true or false/);
  await refused({ tokens: { endTokens: [17] } }, /endTokens: token id 17 is not in the vocabulary of 17/);
  await refused({ tokens: { endTokens: [1], startToken: 99 } }, /startToken: token id 99/);
  await refused({}, /generate: input 2 is empty/, [inputs[0], new Int32Array(0)]);
  await refused({}, /token id 17 at position 1 is not in the vocabulary/, [Int32Array.of(3, 17)]);
  t.deepEqual(await generateRows(model, [], { maxNewTokens: 3, tokens: END }), []);
  model.close();
});

test('logits that are not finite are an error that names the input', async (t) => {
  const weights = randomWeights(V1_1, 1);
  weights.set(
    'lm_head.weight',
    weights.get('lm_head.weight')!.map((value) => value * 2e38),
  );
  const model = await openT5(V1_1, [weights]);
  await model.load(0);
  for (const numBeams of [1, 3])
    await t.throwsAsync(generateRows(model, randomInputs(V1_1, [4]), { maxNewTokens: 3, numBeams, tokens: END }), {
      code: 'NUMERIC',
      message: /next token of input 1 are not finite/,
    });
  model.close();
});

test('an architecture that does not generate says so', async (t) => {
  const dir = join(await temporaryFolder(), 'bag');
  const config = architectureOf({ model_type: 'bag' }, 'config.json').newConfig({
    ...{ width: 7, feedForward: 0, layers: 0, heads: 1 },
    vocabSize: 19,
  });
  await createModel({ out: dir, config, seed: 1, threads: 1 });
  const model = await Session.open(dir, [], { threads: 1 });
  await model.load(0);
  await t.throwsAsync(generateRows(model, [Int32Array.of(3)], { maxNewTokens: 3, tokens: END }), {
    code: 'UNSUPPORTED',
    message: /does not generate/,
  });
  model.close();
});

test('the tokens that begin and end a sequence are those of generation_config.json, or else of config.json', async (t) => {
  const read = async (config: object, generation?: string) => {
    const dir = await writeTinyT5({ config: { ...config } });
    if (generation !== undefined) await writeFile(join(dir, 'generation_config.json'), generation);
    const model = await Session.open(dir, [], { threads: 1 });
    model.close();
    return readGenerationTokens(model.set.base.checkpoint);
  };
  t.deepEqual(await read({}), { endTokens: [1], startToken: 0 });
  t.deepEqual(await read({ eos_token_id: [1, 5], decoder_start_token_id: 3 }), { endTokens: [1, 5], startToken: 3 });
  t.deepEqual(await read({}, '{"eos_token_id": [2, 3], "decoder_start_token_id": 4}'), {
    endTokens: [2, 3],
    startToken: 4,
  });
  t.deepEqual(await read({}, '{"eos_token_id": null}'), { endTokens: [] });
  for (const [text, message] of [
    ['{"eos_token_id": "</s>"}', /generation_config.json: eos_token_id is "<\/s>"; expected token ids/],
    ['{"eos_token_id": [1, -1]}', /eos_token_id is \[1,-1\]/],
    ['{"decoder_start_token_id": [0, 1]}', /decoder_start_token_id is a list; expected one token id/],
    ['[]', /generation_config.json: expected a JSON object/],
  ] as const)
    await t.throwsAsync(read({}, text), { code: 'INVALID_CONFIG', message });
});
