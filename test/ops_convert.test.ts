// float16 and bfloat16 against their definitions: every bit pattern, and every point halfway between two of them.
import test from 'ava';
import { testing } from '../bindings/testing/index.js';
import { INSTRUCTION_SETS, sameBits } from './support/machines.js';
import { decodeHalf, type HalfType } from './support/half.js';

const FIRST_INFINITY: Record<HalfType, number> = { F16: 0x7c00, BF16: 0x7f80 };
const SIGN = 0x8000;

for (const isa of INSTRUCTION_SETS) {
  const convert = (dtype: HalfType, values: Float32Array) =>
    testing().kernels.convert({ isa, threads: 1 }, dtype, values);

  for (const dtype of ['F16', 'BF16'] as const) {
    test(`${isa}: all 65,536 patterns of ${dtype} survive the way through float32 and back`, (t) => {
      const values = Float32Array.from({ length: 65_536 }, (_, pattern) => decodeHalf(dtype, pattern));
      const back = convert(dtype, values);
      const wrong = values.findIndex((value, i) => !Object.is(back[i], value)); // A NaN comes back as NaN, and -0 as -0.
      t.is(wrong, -1);
    });

    test(`${isa}: float32 values between two neighbours of ${dtype} go to the nearer, ties to the even one, subnormals too`, (t) => {
      const values: number[] = [];
      const expected: number[] = [];
      for (let pattern = 0; pattern < FIRST_INFINITY[dtype] - 1; pattern++) {
        const [low, high] = [decodeHalf(dtype, pattern), decodeHalf(dtype, pattern + 1)];
        const middle = (low + high) / 2;
        for (const [value, nearest] of [
          [nextBelow(middle), low],
          [middle, pattern % 2 === 0 ? low : high],
          [nextAbove(middle), high],
        ]) {
          values.push(value, -value);
          expected.push(nearest, -nearest);
        }
      }
      sameBits(t, convert(dtype, Float32Array.from(values)), Float32Array.from(expected), dtype);
    });

    test(`${isa}: values beyond ${dtype} become infinite from half a step above the largest on`, (t) => {
      const largest = decodeHalf(dtype, FIRST_INFINITY[dtype] - 1);
      const step = largest - decodeHalf(dtype, FIRST_INFINITY[dtype] - 2);
      const edge = largest + step / 2;
      const values = [largest, nextBelow(edge), edge, nextAbove(edge), 3.4028234663852886e38, Infinity];
      const expected = [largest, largest, Infinity, Infinity, Infinity, Infinity];
      sameBits(
        t,
        convert(dtype, Float32Array.from([...values, ...values.map((v) => -v)])),
        Float32Array.from([...expected, ...expected.map((v) => -v)]),
        dtype,
      );
    });

    test(`${isa}: float32's subnormals and a NaN whose payload is all in the bits that ${dtype} drops`, (t) => {
      const bits = Uint32Array.of(1, 0x80000001, 0x7f800001, 0xff800001, 0x7fc00000);
      const back = convert(dtype, new Float32Array(bits.buffer));
      sameBits(t, back.subarray(0, 2), Float32Array.of(0, -0), dtype);
      t.true(back.subarray(2).every(Number.isNaN));
    });
  }
}

test('half precision is read by the sign, exponent and fraction of the standard', (t) => {
  const halves: [number, number][] = [
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65_504],
    [0x0001, 2 ** -24],
    [0x03ff, 2 ** -14 - 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [SIGN, -0],
  ];
  for (const [pattern, value] of halves) t.is(decodeHalf('F16', pattern), value);
  t.is(decodeHalf('BF16', 0x3f80), 1);
  t.is(decodeHalf('BF16', 0xc049), -3.140625);
});

/** The float32 next to a positive one. */
function nextAbove(value: number): number {
  return shifted(value, 1);
}
function nextBelow(value: number): number {
  return shifted(value, -1);
}
function shifted(value: number, by: number): number {
  const values = Float32Array.of(value);
  new Uint32Array(values.buffer)[0] += by;
  return values[0];
}
