// The merge agrees with ../shared/golden/merge bit for bit on every instruction set.
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { testing } from '../bindings/testing/index.js';
import { INSTRUCTION_SETS, sameBits } from './support/machines.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { readTensors, type Tensors } from './support/tensors.js';

const withShared = sharedTest(test);

interface Golden {
  base: Tensors;
  models: Tensors[];
  fishers: Tensors[];
  expected: Tensors;
  lambdas: Float64Array;
}

async function open(): Promise<Golden> {
  const read = (name: string) => readTensors(sharedPath('golden', 'merge', `${name}.safetensors`));
  const { lambdas } = JSON.parse(await readFile(sharedPath('golden', 'merge', 'cases.json'), 'utf8')) as {
    lambdas: number[];
  };
  const numbered = (name: string) => Promise.all(lambdas.map((_, i) => read(`${name}_${i}`)));
  return {
    base: await read('base'),
    models: await numbered('task'),
    fishers: await numbered('fisher'),
    expected: await read('expected'),
    lambdas: Float64Array.from(lambdas),
  };
}

for (const isa of INSTRUCTION_SETS) {
  const options = { isa, threads: 1 };

  withShared(`${isa}: the Fisher merge`, async (t) => {
    const { base, models, fishers, expected, lambdas } = await open();
    for (const name of base.names()) {
      const operands = {
        base: base.get(name),
        models: models.map((m) => m.get(name)),
        fishers: fishers.map((f) => f.get(name)),
        coefficients: lambdas,
      };
      sameBits(t, testing().kernels.merge(options, operands), expected.get(`fisher/${name}`), name);
    }
  });

  withShared(`${isa}: general task arithmetic`, async (t) => {
    const { base, models, expected, lambdas } = await open();
    for (const name of base.names()) {
      const operands = {
        base: base.get(name),
        models: models.map((m) => m.get(name)),
        fishers: [],
        coefficients: lambdas,
      };
      sameBits(t, testing().kernels.merge(options, operands), expected.get(`gta/${name}`), name);
    }
  });

  withShared(`${isa}: interpolation between base and child`, async (t) => {
    const { base, models, expected, lambdas } = await open();
    for (const name of base.names()) {
      const operands = { base: base.get(name), model: models[1].get(name), coefficient: lambdas[1] };
      sameBits(t, testing().kernels.interpolate(options, operands), expected.get(`lerp/${name}`), name);
    }
  });
}
