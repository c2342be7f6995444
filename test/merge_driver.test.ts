// The driver that walks tensors of files: a kernel that reduces before it is applied, against a plain loop.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { type StoredDType, type TensorPlace } from '../bindings/index.js';
import { testing } from '../bindings/testing/index.js';
import { decodeHalf } from './support/half.js';
import { sameBits, withinBound } from './support/machines.js';
import { safetensorsBytes } from './support/random_t5.js';
import { RandomValues } from './support/random_values.js';
import { temporaryFolder } from './support/tiny_t5.js';

/** Sizes around a chunk of 2,048 elements and around an item of 16 chunks, and one of several items. */
const SIZES = [1, 2047, 2048, 2049, 3, 32_767, 32_769, 100_003];
const TENSORS = SIZES.map((elements, i) => ({ name: `tensor ${i}`, elements }));
const NORM = 0.25;

interface StoredModel {
  places: TensorPlace[];
  /** The values of each tensor as the file holds them. */
  values: Float64Array[];
}

/** A safetensors file of random values whose tensors begin at addresses that are odd where `shift` is. */
async function storedModel(dtype: StoredDType, shift: number, seed: number): Promise<StoredModel> {
  const random = new RandomValues(seed);
  const tensors = new Map(
    TENSORS.map(({ name, elements }) => [
      name,
      dtype === 'F32'
        ? random.normal(elements)
        : // Patterns below 0x3c00 are finite numbers of moderate size in both types; the highest bit is the sign.
          Uint16Array.from({ length: elements }, () => random.between(0, 0x3bff) + 0x8000 * random.between(0, 1)),
    ]),
  );
  const file = join(await temporaryFolder(), 'model.safetensors');
  const shapes = new Map(TENSORS.map(({ name, elements }) => [name, [elements]]));
  const bytes = safetensorsBytes(tensors, { shapes, dtype, shift });
  await writeFile(file, bytes);
  let offset = 8 + Number(bytes.readBigUInt64LE(0));
  const places = [...tensors].map(([name, { byteLength }]) => {
    offset += byteLength;
    return { name, file, offset: offset - byteLength, dtype };
  });
  const values = [...tensors.values()].map((stored) =>
    Float64Array.from(stored, (value) => (dtype === 'F32' ? value : decodeHalf(dtype, value))),
  );
  return { places, values };
}

/** θ = base + Σ_i (norm / ‖τ_i‖) τ_i in float64. */
function plainRescale(models: readonly StoredModel[], whole: boolean): Float64Array[] {
  const [base, ...others] = models.map(({ values }) => values);
  const theta = base.map((values) => values.slice());
  for (const other of others) {
    const vectors = other.map((values, t) => values.map((value, i) => value - base[t][i]));
    const squares = vectors.map((vector) => vector.reduce((sum, value) => sum + value * value, 0));
    const total = squares.reduce((sum, square) => sum + square, 0);
    for (const [t, vector] of vectors.entries()) {
      const scale = NORM / Math.sqrt(whole ? total : squares[t]);
      for (let i = 0; i < vector.length; i++) theta[t][i] += scale * vector[i];
    }
  }
  return theta;
}

/** What the call makes of files that are read instead of mapped. */
function unmapped<T>(call: () => T): T {
  process.env.DFMERGE_NO_MMAP = '1';
  try {
    return call();
  } finally {
    delete process.env.DFMERGE_NO_MMAP;
  }
}

const FORMS: [title: string, stored: [StoredDType, number][]][] = [
  [
    'a float32 base and a float16 model',
    [
      ['F32', 0],
      ['F16', 0],
    ],
  ],
  [
    'files at odd addresses',
    [
      ['F32', 1],
      ['BF16', 3],
      ['F16', 1],
    ],
  ],
  [
    'a bfloat16 base and four models',
    [
      ['BF16', 0],
      ['F32', 2],
      ['F16', 0],
      ['BF16', 1],
      ['F32', 3],
    ],
  ],
];

for (const whole of [false, true]) {
  for (const [title, stored] of FORMS) {
    test(`task vectors rescaled to a norm over ${whole ? 'the whole model' : 'each tensor'}: ${title}`, async (t) => {
      const models = await Promise.all(stored.map(([dtype, shift], i) => storedModel(dtype, shift, 60 + i)));
      const operands = { tensors: TENSORS, models: models.map(({ places }) => places), norm: NORM, whole };
      const expected = plainRescale(models, whole).flatMap((values) => [...values]);
      const first = testing().merge.rescale({ isa: '', threads: 1 }, operands);
      // No term of a sum is larger than the norm, but for the base.
      const bound = (i: number): number => 2 ** -44 * (Math.abs(expected[i]) + stored.length * NORM);
      withinBound(t, first, expected, { bound, what: title });
      for (const options of [1, 2, 3].map((threads) => ({ isa: '', threads }))) {
        const what = `${options.threads} threads`;
        sameBits(t, testing().merge.rescale(options, operands), first, what);
        const read = unmapped(() => testing().merge.rescale(options, operands));
        sameBits(t, read, first, `${what}, unmapped`);
      }
    });
  }
}

test('a range that ends behind its file is INVALID_CHECKPOINT and names the tensor', async (t) => {
  const [base, model] = await Promise.all([storedModel('F32', 0, 70), storedModel('F16', 1, 71)]);
  const places = model.places.map((place, i) => (i === 7 ? { ...place, offset: place.offset + 1 } : place));
  const operands = { tensors: TENSORS, models: [base.places, places], norm: NORM, whole: false };
  t.throws(() => testing().merge.rescale({ isa: '', threads: 1 }, operands), {
    code: 'INVALID_CHECKPOINT',
    message: /tensor 7 needs bytes/,
  });
});
