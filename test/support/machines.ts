import type { ExecutionContext } from 'ava';
import { COMPUTE_DTYPES, native, type ComputeDtype, type EngineOptions } from '../../bindings/index.js';
import { type KernelOptions } from '../../bindings/testing/index.js';
import type { Numbers } from './plain_ops.js';

/** Every device that the tests of ops run on. */
export const DEVICES: readonly EngineOptions['device'][] = ['cpu'];

/** Every instruction set of the CPU that this machine can run, best first. */
export const INSTRUCTION_SETS: readonly string[] = native().info().available;

/** Where an op is tested: a device, on the CPU with one of its instruction sets, and the dtype of products' operands. */
export interface Machine {
  device: EngineOptions['device'];
  isa: string;
  dtype: ComputeDtype;
  /** What the title of a test calls it. */
  title: string;
}

/** Every machine of the given dtypes. */
export function machines(...dtypes: ComputeDtype[]): Machine[] {
  return DEVICES.flatMap((device) =>
    INSTRUCTION_SETS.flatMap((isa) =>
      (dtypes.length > 0 ? dtypes : COMPUTE_DTYPES).map((dtype) => ({
        device,
        isa,
        dtype,
        title: `${device} ${isa}, ${dtype}`,
      })),
    ),
  );
}

/** One machine with so many threads. */
export function on({ device, isa, dtype }: Machine, threads = 1): KernelOptions {
  return { device, isa, dtype, threads };
}

/** One machine with one, two and three threads. */
export function onThreads(machine: Machine): KernelOptions[] {
  return [1, 2, 3].map((threads) => on(machine, threads));
}

/** The bytes of an array. To compare them tells -0 from 0 and one NaN from another. */
export function bitsOf(values: Float32Array | Float64Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

// The two assertions below take (actual, expected, …) as AVA's own do, after the test's context.
/* eslint-disable max-params */

/** Fails at the first element where two arrays differ in a bit. */
export function sameBits(
  t: ExecutionContext,
  actual: Float32Array | Float64Array,
  expected: Float32Array | Float64Array,
  what: string,
): void {
  if (bitsOf(actual).equals(bitsOf(expected))) return void t.pass();
  const at = actual.length === expected.length ? actual.findIndex((value, i) => !Object.is(value, expected[i])) : -1;
  t.fail(
    `${what}: ${at < 0 ? `${actual.length} elements, expected ${expected.length}` : `element ${at} is ${actual[at]}, expected ${expected[at]}`}`,
  );
}

/** Fails at the first element that is not a number or is further from `expected` than `bound` says. */
export function withinBound(
  t: ExecutionContext,
  actual: Numbers,
  expected: Numbers,
  options: { bound: (i: number) => number; what: string },
): void {
  if (actual.length !== expected.length)
    return void t.fail(`${options.what}: ${actual.length} elements, expected ${expected.length}`);
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i] - expected[i]) <= options.bound(i)))
      return void t.fail(
        `${options.what}: element ${i} is ${actual[i]}, expected ${expected[i]} ± ${options.bound(i)}`,
      );
  }
  t.pass();
}
