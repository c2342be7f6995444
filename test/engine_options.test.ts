// An engine with a shape or options that it cannot have is refused when it is made.
import test from 'ava';
import { COMPUTE_DTYPES, native, type EngineConfig } from '../bindings/index.js';

const CONFIG: EngineConfig = {
  architecture: 't5',
  dModel: 8,
  dKv: 3,
  dFf: 10,
  numLayers: 1,
  numDecoderLayers: 1,
  numHeads: 2,
  relativeBuckets: 8,
  relativeMaxDistance: 16,
  vocabSize: 17,
  decoderStartTokenId: 0,
  gated: false,
  tied: true,
  scaleLogits: true,
  epsilon: 1e-6,
};

const CONFIGS: [string, object, string][] = [
  ...['dModel', 'dKv', 'dFf', 'numLayers', 'numDecoderLayers', 'numHeads', 'vocabSize'].map(
    (key): [string, object, string] => [`${key} 0`, { [key]: 0 }, 'INVALID_CONFIG'],
  ),
  ['a negative size', { dModel: -8 }, 'INVALID_CONFIG'],
  ['a size past all memory', { dModel: 2 ** 24, vocabSize: 2 ** 24 }, 'INVALID_CONFIG'],
  ['heads whose width overflows', { numHeads: 2 ** 24, dKv: 2 ** 24 }, 'INVALID_CONFIG'],
  ['an odd number of buckets', { relativeBuckets: 7 }, 'INVALID_CONFIG'],
  ['too few buckets', { relativeBuckets: 2 }, 'INVALID_CONFIG'],
  ['a maximum distance within the exact buckets', { relativeMaxDistance: 4 }, 'INVALID_CONFIG'],
  ['a start token outside the vocabulary', { decoderStartTokenId: 17 }, 'INVALID_CONFIG'],
  ['a missing key', { gated: undefined }, 'INVALID_ARGUMENT'],
  ['a fraction', { dFf: 10.5 }, 'INVALID_ARGUMENT'],
];

test('impossible shapes are refused before anything is allocated', (t) => {
  const make = (change: object) =>
    new (native().Engine)({ ...CONFIG, ...change }, { threads: 1, dtype: 'float32', device: 'cpu' });
  t.notThrows(() => make({}).close());
  for (const [title, change, code] of CONFIGS) t.throws(() => make(change), { code }, title);
});

test('threads, compute types and devices that this build has not are refused', (t) => {
  const make = (change: object) =>
    new (native().Engine)(CONFIG, { threads: 1, dtype: 'float32', device: 'cpu', ...change });
  for (const threads of [0, -1, 1025])
    t.throws(() => make({ threads }), { code: 'INVALID_ARGUMENT', message: new RegExp(`threads is ${threads}`) });
  t.throws(() => make({ threads: 1.5 }), { code: 'INVALID_ARGUMENT' });
  t.throws(() => make({ dtype: 'float16' }), { code: 'UNSUPPORTED', message: /overflows/ });
  t.throws(() => make({ dtype: 'int8' }), { code: 'UNSUPPORTED', message: /expected float32 or bfloat16/ });
  for (const dtype of COMPUTE_DTYPES) t.notThrows(() => make({ dtype }).close());
  t.throws(() => make({ device: 'cuda' }), { code: 'UNSUPPORTED', message: /use cpu/ });
  t.throws(() => make({ device: 3 }), { code: 'INVALID_ARGUMENT' });
});
