// The numbers that a tiny T5 gives under every value of config.json that is honoured, beside what transformers gives. test/peers/t5_variants.py made
// them, of the same weights.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { architectureOf, type Parameter } from '../lib/architectures/index.js';
import { packRows } from '../lib/engine/batch.js';
import { makeEngine, Session } from '../lib/engine/session.js';
import { safetensorsBytes } from './support/random_t5.js';
import { temporaryFolder } from './support/tiny_t5.js';

interface Case {
  name: string;
  config: Record<string, unknown>;
  /** Whether the checkpoint has an output head beside the embedding table. */
  head?: boolean;
}

const read = (name: string) =>
  JSON.parse(readFileSync(join(packageRoot(), 'test', 'peers', name), 'utf8')) as Record<string, unknown>;
const { config, rows, cases } = read('t5_variants.cases.json') as unknown as {
  config: Record<string, unknown>;
  rows: { input: number[]; label: number[] }[];
  cases: Case[];
};
const expected = read('t5_variants.json').nll as Record<string, number[]>;

function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A tensor's values, which are made of its name as in t5_variants.py. */
function valuesOf({ name, shape }: Parameter): Float32Array {
  let seed = 0;
  for (const c of name) seed = (Math.imul(seed, 31) + c.charCodeAt(0)) | 0;
  const unit = (_: unknown, i: number) => mix((seed + Math.imul(i, 0x9e3779b9)) | 0) / 2 ** 32;
  const elements = { length: shape.reduce((a, b) => a * b, 1) };
  if (name.includes('layer_norm')) return Float32Array.from(elements, (_, i) => 0.5 + unit(_, i));
  const scale = /shared|lm_head|bias/.test(name) ? 1 : 0.75;
  return Float32Array.from(elements, (_, i) => (2 * unit(_, i) - 1) * scale);
}

async function writeCase({ config: over, head = false }: Case): Promise<string> {
  const all = Object.entries({ ...config, ...over }).filter(([, value]) => value !== 'absent');
  const own = Object.fromEntries(all);
  const engine = makeEngine(
    { ...architectureOf(own, 'config.json').engineConfig(own, 'config.json'), tied: !head },
    {},
  );
  const parameters = engine.parameters();
  engine.close();
  const dir = join(await temporaryFolder(), 'model');
  await mkdir(dir);
  await writeFile(join(dir, 'config.json'), JSON.stringify(own));
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  const tensors = new Map(parameters.map((parameter) => [parameter.name, valuesOf(parameter)]));
  await writeFile(join(dir, 'model.safetensors'), safetensorsBytes(tensors, { shapes }));
  return dir;
}

for (const variant of cases) {
  test(`as in transformers: ${variant.name}`, async (t) => {
    const session = await Session.open(await writeCase(variant), [], { threads: 1 });
    try {
      await session.load(0);
      const inputIds = rows.map(({ input }) => Int32Array.from(input));
      const choices = rows.map(({ label }) => [Int32Array.from(label)]);
      const batch = packRows({ inputIds, choices, labels: new Int32Array(rows.length) }, [0, 1]);
      const nll = await session.job((engine) => engine.score(batch));
      expected[variant.name].forEach((value, i) => {
        t.true(Math.abs(nll[i] - value) <= 5e-6 * value, `row ${i}: ${nll[i]}, transformers ${value}`);
      });
    } finally {
      session.close();
    }
  });
}

test('the numbers tell the variants apart', (t) => {
  // What a key changes is far more than the tolerance: these names stand for one each.
  const distinct = [
    'plain',
    'gated',
    'unscaled by tie_word_embeddings',
    'a head of its own, scaled',
    'mt5',
    'other depths',
  ];
  const more = ['buckets 4', 'buckets 16, distance 9', 'layer_norm_epsilon 0.1', 'decoder_start_token_id 5'];
  const values = [...distinct, ...more].map((name) => expected[name][0]).sort((a, b) => a - b);
  for (let i = 1; i < values.length; i++) t.true(values[i] - values[i - 1] > 2e-4 * values[i]);
  t.deepEqual(
    Object.keys(expected),
    cases.map(({ name }) => name),
  );
});
