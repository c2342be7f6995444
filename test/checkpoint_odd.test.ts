// Odd checkpoints of a tiny T5: what opens, beside what transformers loads (test/peers/t5_checkpoints.py).
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { ELEMENT_BYTES, type DType } from '../lib/checkpoint/safetensors.js';
import { DfMergeError } from '../lib/core/errors.js';
import { Session } from '../lib/engine/session.js';
import { temporaryFolder, TINY_CONFIG, tinyParameters } from './support/tiny_t5.js';

interface OddTensor {
  name: string;
  shape: number[];
  dtype: DType;
  /** The tensor whose values it has; by default it has its own. */
  like?: string;
}

/** How a checkpoint differs from a plain one. */
interface Odd {
  name: string;
  add?: OddTensor[];
  drop?: string[];
  dropPrefix?: string;
  rename?: Record<string, string>;
  reshape?: Record<string, number[]>;
  /** Stands before every name. */
  prefix?: string;
  dtype?: DType;
  metadata?: unknown;
  /** Makes it a shard, number 0, with an index that lists more names or fewer. */
  index?: { extra?: Record<string, number>; drop?: string[] };
  /** Whether it opens here, where that is not what transformers does. */
  opens?: boolean;
}

const peer = (name: string): unknown => JSON.parse(readFileSync(join(packageRoot(), 'test', 'peers', name), 'utf8'));
const cases = peer('t5_checkpoints.cases.json') as Odd[];
const { loads } = peer('t5_checkpoints.json') as { loads: Record<string, boolean> };

function tensorsOf({ add = [], drop = [], dropPrefix, rename = {}, reshape = {}, prefix = '', dtype = 'F32' }: Odd) {
  const plain = tinyParameters().map(({ name, shape }): OddTensor => ({ name, shape: reshape[name] ?? shape, dtype }));
  return [...plain, ...add]
    .filter(({ name }) => !drop.includes(name) && !(dropPrefix && name.startsWith(dropPrefix)))
    .map((tensor) => ({ like: tensor.name, ...tensor, name: prefix + (rename[tensor.name] ?? tensor.name) }));
}

/** Bytes of small values that depend on the name; zeros where they are no floating-point numbers. */
function bytesOf({ like, name, shape, dtype }: OddTensor): Buffer {
  const elements = shape.reduce((a, b) => a * b, 1);
  if (dtype !== 'F32') return Buffer.alloc(elements * ELEMENT_BYTES[dtype]);
  const seed = [...(like ?? name)].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 997, 0);
  return Buffer.from(Float32Array.from({ length: elements }, (_, i) => ((seed + i * 7) % 13) / 13 - 0.4).buffer);
}

function fileOf(odd: Odd): Buffer {
  let at = 0;
  const { metadata = { format: 'pt' } } = odd;
  const data: Buffer[] = [];
  const header: Record<string, unknown> = 'metadata' in odd && metadata === 'absent' ? {} : { __metadata__: metadata };
  for (const tensor of tensorsOf(odd)) {
    const bytes = bytesOf(tensor);
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [at, (at += bytes.length)] };
    data.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - 8));
  json.copy(padded, 8);
  return Buffer.concat([padded, ...data]);
}

async function writeOdd(odd: Odd, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'config.json'), JSON.stringify(TINY_CONFIG));
  if (!odd.index) return writeFile(join(dir, 'model.safetensors'), fileOf(odd));
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  await writeFile(join(dir, shards[0]), fileOf(odd));
  const held = tensorsOf(odd).filter(({ name }) => !odd.index?.drop?.includes(name));
  const listed = [...held.map(({ name }) => [name, 0] as const), ...Object.entries(odd.index.extra ?? {})];
  const weight_map = Object.fromEntries(listed.map(([name, shard]) => [name, shards[shard]]));
  await writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
}

/** Opens it, loads it, and gives what was warned of and the first weights. */
async function open(dir: string): Promise<{ warnings: string[]; weights: number[][] }> {
  const warnings: string[] = [];
  const session = await Session.open(dir, [], { threads: 1, onWarning: (message) => warnings.push(message) });
  try {
    await session.load(0);
    const names = [
      'shared.weight',
      'encoder.block.0.layer.0.SelfAttention.q.weight',
      'encoder.final_layer_norm.weight',
    ];
    return { warnings, weights: names.map((name) => [...session.engine.parameter('parameters', name)]) };
  } finally {
    session.close();
  }
}

const keep = process.env.DFMERGE_KEEP_ODD;
const UNREMARKABLE = /^(as it is|all second names|.* alone|a bias in cross-attention|.*__metadata__.*|float16|shards)$/;

for (const [number, odd] of cases.entries()) {
  const { opens = loads[odd.name] } = odd;
  test(`${opens ? 'opens' : 'is refused'}: ${odd.name}`, async (t) => {
    const dir = join(keep ?? (await temporaryFolder()), String(number));
    await writeOdd(odd, dir);
    if (!opens) {
      const error = await t.throwsAsync(open(dir), { instanceOf: DfMergeError });
      t.regex(error.code, /^(MISMATCH|NOT_FOUND|INVALID_CHECKPOINT|UNSUPPORTED)$/);
      t.true(error.message.includes(dir));
      return;
    }
    const { warnings, weights } = await open(dir);
    t.is(
      warnings.length,
      UNREMARKABLE.test(odd.name) ? 0 : Object.keys(odd.index?.extra ?? {}).length || (odd.prefix && odd.add ? 2 : 1),
      warnings.join('\n'),
    );
    const values = (name: string, shape: number[]) => [
      ...new Float32Array(Uint8Array.from(bytesOf({ name, shape, dtype: 'F32' })).buffer),
    ];
    if (odd.dtype !== undefined) return;
    t.deepEqual(weights, [
      values('shared.weight', [8, 4]),
      values('encoder.block.0.layer.0.SelfAttention.q.weight', [4, 4]),
      values('encoder.final_layer_norm.weight', [4]),
    ]);
  });
}

test('transformers was asked about every case', (t) => {
  t.deepEqual(
    Object.keys(loads),
    cases.map(({ name }) => name),
  );
  t.true(cases.filter(({ name, opens }) => opens === undefined && loads[name]).length > 15);
});
