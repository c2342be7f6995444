// What rows add to the activations of their batch, and how batches are cut by it. The numbers were computed by hand from the shapes:
// a change of them changes how batches are cut, and with that the bits of every result.
import test from 'ava';
import type { NativeEngine, RowShapes } from '../bindings/index.js';
import { makeBatches } from '../lib/engine/batch.js';
import { makeEngine } from '../lib/engine/session.js';

interface Sizes {
  dModel: number;
  dKv: number;
  dFf: number;
  numLayers: number;
  numDecoderLayers: number;
  numHeads: number;
  vocabSize: number;
  gated: boolean;
}

interface Expected extends Sizes {
  /** The bytes of ROWS in a scoring pass. */
  score: number[];
  /** The bytes of ROWS in a pass with gradients. */
  gradients: number[];
  /** The indices of LENGTHS in each batch, at the given budget. */
  scoreCuts: { maxBytes: number; groups: number[][] };
  gradientCuts: { maxBytes: number; groups: number[][] };
}

/** The numbers of input tokens, tokens of all choices, choices and gradients of each row. */
const ROWS = [
  [512, 9, 3, 3],
  [37, 20, 7, 21],
  [1, 1, 1, 1],
  [100, 0, 0, 1],
];

/** The number of input tokens of each row, and that of every choice. */
const LENGTHS: [number, number[]][] = [
  [60, [3, 1, 20]],
  [33, [2]],
  [100, [5, 5]],
  [7, [1, 2, 3, 4]],
  [1, [16, 2]],
  [90, [7]],
  [90, [8]],
  [12, [2, 2, 2]],
];

const MODELS: Record<string, Expected> = {
  'a small relu model': {
    ...{
      dModel: 128,
      dKv: 32,
      dFf: 512,
      numLayers: 3,
      numDecoderLayers: 3,
      numHeads: 4,
      vocabSize: 8192,
      gated: false,
    },
    score: [3209216, 350800, 12304, 616000],
    gradients: [20227584, 6656512, 90112, 2713600],
    scoreCuts: { maxBytes: 735780, groups: [[2], [6], [5], [0, 1], [7, 3, 4]] },
    gradientCuts: { maxBytes: 5838506, groups: [[2], [6, 5], [0, 1, 7], [3, 4]] },
  },
  'a gated model with fewer decoder blocks': {
    ...{
      dModel: 512,
      dKv: 64,
      dFf: 1024,
      numLayers: 8,
      numDecoderLayers: 4,
      numHeads: 6,
      vocabSize: 32128,
      gated: true,
    },
    score: [12816384, 1401720, 49176, 2460000],
    gradients: [165178880, 39321600, 550400, 25600000],
    scoreCuts: { maxBytes: 2939190, groups: [[2], [6], [5], [0, 1], [7, 3, 4]] },
    gradientCuts: { maxBytes: 44601173, groups: [[2], [6], [5], [0, 1, 7], [3, 4]] },
  },
  'a model whose heads are wider than its feed-forward layer': {
    ...{ dModel: 40, dKv: 20, dFf: 24, numLayers: 2, numDecoderLayers: 1, numHeads: 3, vocabSize: 100, gated: false },
    score: [964784, 105324, 3692, 185200],
    gradients: [5716528, 2209984, 11568, 627200],
    scoreCuts: { maxBytes: 221059, groups: [[2], [6], [5], [0, 1], [7, 3, 4]] },
    gradientCuts: { maxBytes: 1184485, groups: [[2], [6], [5], [0, 1, 7], [3, 4]] },
  },
};

function engineOf({ dModel, dKv, dFf, numLayers, numDecoderLayers, numHeads, vocabSize, gated }: Sizes): NativeEngine {
  const sizes = { dModel, dKv, dFf, numLayers, numDecoderLayers, numHeads, vocabSize, gated };
  const rest = { relativeBuckets: 32, relativeMaxDistance: 128, decoderStartTokenId: 0, epsilon: 1e-6 };
  return makeEngine({ architecture: 't5', ...sizes, ...rest, tied: true, scaleLogits: true }, { threads: 1 });
}

const column = (at: number): Int32Array => Int32Array.from(ROWS, (row) => row[at]);
const SHAPES: RowShapes = { inputTokens: column(0), choiceTokens: column(1), choices: column(2) };
const ROWS_OF_TOKENS = {
  inputIds: LENGTHS.map(([input]) => new Int32Array(input)),
  choices: LENGTHS.map(([, choices]) => choices.map((length) => new Int32Array(length))),
  labels: new Int32Array(LENGTHS.length),
};
const ALL = LENGTHS.map((_, i) => i);

for (const [title, expected] of Object.entries(MODELS)) {
  test(`${title}: bytes of rows, and batches cut by them`, (t) => {
    const engine = engineOf(expected);
    const gradients = Float64Array.from(ROWS, (row) => row[3]);
    t.deepEqual([...engine.activationBytes(SHAPES)], expected.score);
    t.deepEqual([...engine.activationBytes({ ...SHAPES, gradients })], expected.gradients);
    const cuts = (maxBytes: number, cost: (rows: RowShapes) => Float64Array) =>
      makeBatches(ROWS_OF_TOKENS, ALL, { maxBytes, cost }).map(({ indices }) => indices);
    const { scoreCuts, gradientCuts } = expected;
    t.deepEqual(
      cuts(scoreCuts.maxBytes, (rows) => engine.activationBytes(rows)),
      scoreCuts.groups,
    );
    const withGradients = (rows: RowShapes) => ({ ...rows, gradients: Float64Array.from(rows.choices) });
    t.deepEqual(
      cuts(gradientCuts.maxBytes, (rows) => engine.activationBytes(withGradients(rows))),
      gradientCuts.groups,
    );
    engine.close();
  });
}

test('rows whose arrays differ in length, or are of another type, are refused', (t) => {
  const engine = engineOf(MODELS['a small relu model']);
  const refuses = (change: object) =>
    t.throws(() => engine.activationBytes({ ...SHAPES, ...change }), { code: 'INVALID_ARGUMENT' });
  refuses({ choices: new Int32Array(3) });
  refuses({ gradients: new Float64Array(5) });
  refuses({ inputTokens: [1, 2, 3, 4] });
  engine.close();
});
