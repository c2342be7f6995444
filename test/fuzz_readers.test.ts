// Whatever bytes a file holds, reading it gives a value or a DfMergeError that names the file: never another exception. DFMERGE_FUZZ_RUNS sets
// how many inputs each reader gets; with DFMERGE_FUZZ_SEED they are other ones.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { parseT5Config } from '../lib/architectures/t5/config.js';
import { openCheckpoint } from '../lib/checkpoint/folder.js';
import { readHeader } from '../lib/checkpoint/safetensors.js';
import { DfMergeError } from '../lib/core/errors.js';
import { readConfigFile } from '../lib/core/files.js';
import { parseHolder } from '../lib/core/lock.js';
import { readFisherMetadata } from '../lib/engine/fisher_file.js';
import { recipeForMerge, recipeForSearch } from '../lib/recipe/read.js';
import { recipeFromRecord } from '../lib/recipe/recorded.js';
import { openJournal } from '../lib/search/journal.js';
import { decodeRows, encodeRows } from '../lib/tasks/row_file.js';
import { parseSplit } from '../lib/tasks/rows.js';
import { loadTokenizer } from '../lib/tasks/text/tokenizer.js';
import { temporaryFolder, TINY_CONFIG, writeTinyT5 } from './support/tiny_t5.js';
import { makeWorkspace } from './support/workspace.js';

const RUNS = Number(process.env.DFMERGE_FUZZ_RUNS ?? 150);
const SEED = Number(process.env.DFMERGE_FUZZ_SEED ?? 20_261);

/** JSON values that readers seldom meet. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, '', '__proto__', -1, 0, 1.5, 1e308, 2 ** 31, 2 ** 53, [], {}, [[]], { a: {} }),
  fc.jsonValue({ maxDepth: 2 }),
);

interface Edit {
  where: number;
  how: 'replace' | 'remove' | 'add' | 'copy';
  value: unknown;
}

/** Changes a value of JSON at places that are counted off. */
function edited(value: unknown, edits: readonly Edit[]): unknown {
  const whole = { root: structuredClone(value) };
  for (const { where, how, value: written } of edits) {
    const other = structuredClone(written); // A later edit may change it, and the generator hands the same object out again.
    const places: [Record<string, unknown>, string][] = [];
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const key of Object.keys(node)) {
        places.push([node as Record<string, unknown>, key]);
        visit((node as Record<string, unknown>)[key]);
      }
    };
    visit(whole);
    const [node, key] = places[where % places.length];
    if (how === 'replace') node[key] = other;
    else if (how === 'remove' && node !== whole) delete node[key];
    else if (how === 'add') node[`${key}x`] = other;
    else node[key] = structuredClone(places[(where * 7 + 3) % places.length][0]);
  }
  return whole.root;
}

const edits = fc.array(
  fc.record({ where: fc.nat(5000), how: fc.constantFrom('replace', 'remove', 'add', 'copy'), value: odd }),
  { minLength: 1, maxLength: 3 },
) as fc.Arbitrary<Edit[]>;

interface Splice {
  at: number;
  remove: number;
  insert: Uint8Array;
}
const splices = fc.array(
  fc.record({
    at: fc.nat(20_000),
    remove: fc.oneof(fc.nat(4), fc.nat(400)),
    insert: fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.string({ maxLength: 6, unit: 'binary' }).map((text) => Buffer.from(text)),
      fc.constantFrom(
        ...['{', '}', '[', '"', ',', ':', '\n', '\\ud800', '&a *a', '<<: *a', '!!js', '\u0000'].map((text) =>
          Buffer.from(text),
        ),
      ),
    ),
  }),
  { minLength: 1, maxLength: 3 },
) as fc.Arbitrary<Splice[]>;

function spliced(bytes: Buffer, changes: readonly Splice[]): Buffer {
  return changes.reduce((all, { at, remove, insert }) => {
    const start = at % (all.length + 1);
    return Buffer.concat([all.subarray(0, start), insert, all.subarray(start + remove)]);
  }, bytes);
}

/** Bytes near valid ones, or far from them. `json` says how a value of JSON becomes bytes, where the format is made of one. */
function bytesLike(valid: Buffer, json?: { value: unknown; bytes: (value: unknown) => Buffer }): fc.Arbitrary<Buffer> {
  const near = splices.map((changes) => spliced(valid, changes));
  const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  if (!json) return fc.oneof({ weight: 4, arbitrary: near }, { weight: 1, arbitrary: any });
  const structured = edits.map((changes) => json.bytes(edited(json.value, changes)));
  return fc.oneof(
    { weight: 5, arbitrary: structured },
    { weight: 3, arbitrary: near },
    { weight: 1, arbitrary: any },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => json.bytes(value)) },
  );
}

const jsonBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? 'undefined');

/** Reads inputs from a file and looks at each outcome. */
async function readsOrRefuses(
  t: ExecutionContext,
  inputs: fc.Arbitrary<Buffer>,
  { file, read }: { file: string; read: (bytes: Buffer) => unknown },
): Promise<void> {
  let accepted = 0;
  const property = fc.asyncProperty(inputs, async (bytes) => {
    writeFileSync(file, bytes);
    try {
      await read(bytes);
      accepted++;
    } catch (error) {
      if (!(error instanceof DfMergeError)) throw error;
      if (!error.message.includes(basename(file)) && !error.message.includes(dirname(file)))
        throw new Error(`the message does not name the file: ${error.message}`, { cause: error });
    }
  });
  await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: RUNS > 10_000 });
  t.log(`${RUNS} inputs, ${accepted} of them read`);
  t.pass();
}

test('recipes', async (t) => {
  const { recipe } = await makeWorkspace();
  const valid = readFileSync(recipe);
  const value = {
    merge_method: 'df_merge',
    base_model: 'models/base',
    models: [
      { model: 'models/a', task: 'a' },
      { model: 'models/b', task: 'b' },
    ],
    tasks: { a: { data: 'data/a' }, b: { data: 'data/b' } },
    fisher: { mode: 'exact', samples: 5, min_weight: 0, epsilon: 1e-9, split: 'validation' },
    search: { init: 3, iterations: 5, validation_ratio: 0.5, seed: 4, bounds: [0, 1], early_stopping: true },
    dtype: 'float32',
    compute_dtype: 'bfloat16',
  };
  await readsOrRefuses(t, bytesLike(valid, { value, bytes: jsonBytes }), {
    file: recipe,
    read: () => {
      try {
        recipeForMerge(recipe);
      } catch (error) {
        if (!(error instanceof DfMergeError)) throw error;
      }
      recipeForSearch(recipe);
    },
  });
});

test('rows of data', async (t) => {
  const file = join(await temporaryFolder(), 'train.jsonl');
  const value = { input: 'the cat ?', choices: ['yes', 'no', 'a é'], label: 1 };
  const bytes = (row: unknown) => Buffer.from(`${JSON.stringify(value)}\n${JSON.stringify(row)}\n`);
  await readsOrRefuses(t, bytesLike(bytes(value), { value, bytes }), {
    file,
    read: async (input) => {
      for (const { input: text, choices, label } of await parseSplit({ file, bytes: input })) {
        if (typeof text !== 'string' || choices.length === 0 || choices.some((choice) => typeof choice !== 'string'))
          throw new Error('a row that is none was read');
        if (label !== undefined && !(Number.isInteger(label) && label >= 0 && label < choices.length))
          throw new Error('a label that is none was read');
      }
    },
  });
});

/** A safetensors file of a header and some bytes behind it. */
function safetensors(header: unknown, bytes = 64): Buffer {
  const text = jsonBytes(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(bytes, 1)]);
}

const HEADER = {
  __metadata__: { format: 'pt', kind: 'dfmerge diagonal fisher', mode: 'exact', samples: '5' },
  a: { dtype: 'F32', shape: [2, 4], data_offsets: [0, 32] },
  b: { dtype: 'BF16', shape: [16], data_offsets: [32, 64] },
};

test('headers of safetensors files, and the metadata of Fishers in them', async (t) => {
  const file = join(await temporaryFolder(), 'model.safetensors');
  const bytes = (header: unknown) => safetensors(header);
  await readsOrRefuses(t, bytesLike(bytes(HEADER), { value: HEADER, bytes }), {
    file,
    read: async (input) => {
      const { tensors } = await readHeader(file);
      for (const [name, { begin, end, shape }] of tensors)
        if (!(begin >= 8 && end >= begin && end <= input.length && shape.every((size) => size >= 0)))
          throw new Error(`${name} lies outside the file`);
      await readFisherMetadata(file);
    },
  });
});

test('indexes of shards', async (t) => {
  const dir = await writeTinyT5({ shards: ['one.safetensors', 'two.safetensors'] });
  const file = join(dir, 'model.safetensors.index.json');
  const valid = readFileSync(file);
  await readsOrRefuses(t, bytesLike(valid, { value: JSON.parse(valid.toString()), bytes: jsonBytes }), {
    file,
    read: () => openCheckpoint(dir),
  });
});

test('config.json', async (t) => {
  const file = join(await temporaryFolder(), 'config.json');
  await readsOrRefuses(t, bytesLike(jsonBytes(TINY_CONFIG), { value: TINY_CONFIG, bytes: jsonBytes }), {
    file,
    read: async () => {
      const config = parseT5Config(await readConfigFile(file), file);
      for (const [key, value] of Object.entries(config))
        if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${key} is ${value}`);
    },
  });
});

test('journals', async (t) => {
  const file = join(await temporaryFolder(), 'out.journal.jsonl');
  const header = { version: '1', seed: 1, models: ['a', 'b'] };
  const lines = [
    { event: 'header', ...header },
    { event: 'asked', trial: 1, coefficients: [0.5, 0.5] },
    { event: 'told', trial: 1, objective: 0.5 },
    { event: 'comparisons', names: ['base'] },
  ];
  const bytes = (value: unknown) =>
    Buffer.from((Array.isArray(value) ? value : [value]).map((line) => `${JSON.stringify(line)}\n`).join(''));
  await readsOrRefuses(t, bytesLike(bytes(lines), { value: lines, bytes }), {
    file,
    read: () => openJournal(file, header, { resume: true }).close(),
  });
});

test('tokenizer.json', async (t) => {
  const dir = join(await temporaryFolder(), 'model');
  mkdirSync(dir);
  const { path } = await makeWorkspace();
  const valid = readFileSync(path('models', 'base', 'tokenizer.json'));
  const file = join(dir, 'tokenizer.json');
  await readsOrRefuses(t, bytesLike(valid, { value: JSON.parse(valid.toString()), bytes: jsonBytes }), {
    file,
    read: async () => {
      const tokenizer = await loadTokenizer(dir);
      try {
        const ids = tokenizer.encode('the red cat sings é \u0000 ?');
        if (!ids.every((id) => Number.isInteger(id) && id >= 0)) throw new Error(`ids ${ids.join()}`);
      } catch (error) {
        if (!(error instanceof DfMergeError && error.code === 'INVALID_DATA')) throw error; // It has no unknown token.
      }
    },
  });
});

test('records of merged folders', async (t) => {
  const { path } = await makeWorkspace();
  const file = path('dfmerge.json');
  const value = {
    dfmerge: '0.1.0',
    method: 'df_merge',
    recipe: {
      merge_method: 'df_merge',
      base_model: 'models/base',
      models: [
        { model: 'models/a', task: 'a' },
        { model: 'models/b', task: 'b' },
      ],
      tasks: { a: { data: 'data/a' }, b: { data: 'data/b' } },
    },
    recipeFolder: '.',
    seed: 1,
    models: [{ model: 'models/a' }, { model: 'models/b' }],
    coefficients: [0.5, 0.25],
    trials: [{ trial: 1, coefficients: [0.5, 0.25], objective: 0.5 }],
    best: { trial: 1, objective: 0.5 },
    tasks: [],
    comparisons: [],
    timing: {},
  };
  await readsOrRefuses(t, bytesLike(jsonBytes(value), { value, bytes: jsonBytes }), {
    file,
    read: () => recipeFromRecord(file, { trial: 1 }),
  });
});

test('kept token ids', async (t) => {
  const rows = {
    inputIds: [Int32Array.of(1, 2)],
    choices: [[Int32Array.of(3), Int32Array.of(4, 5)]],
    labels: Int32Array.of(1),
  };
  const key = '5a'.repeat(32);
  const valid = await encodeRows(rows, key);
  const file = join(await temporaryFolder(), 'x.rows');
  await readsOrRefuses(t, bytesLike(valid), {
    file,
    read: async (bytes) => {
      const found = await decodeRows(bytes, key);
      if (found) t.deepEqual(found, rows);
    },
  });
});

test('records in lock files', async (t) => {
  const value = { id: 'x', host: 'h', boot: 'b', pidNamespace: 'n', started: 's', since: 't', heartbeat: 'u', pid: 4 };
  const file = join(await temporaryFolder(), 'lock');
  await readsOrRefuses(t, bytesLike(jsonBytes(value), { value, bytes: jsonBytes }), {
    file,
    read: (bytes) => {
      const holder = parseHolder(bytes.toString());
      if (holder && !(Number.isSafeInteger(holder.pid) && holder.pid > 0)) throw new Error('a process that is none');
    },
  });
});
