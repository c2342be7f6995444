import { createHash } from 'node:crypto';
import { lstat, mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { writeFileAtomic } from '../lib/core/atomic_write.js';
import { writeManifest, type ManifestFiles } from '../lib/core/manifest.js';
import { openCheckpoint } from '../lib/checkpoint/folder.js';
import { openModelSet } from '../lib/architectures/index.js';
import { readHeader, type TensorEntry } from '../lib/checkpoint/safetensors.js';
import { writeSafetensorsFile } from '../lib/checkpoint/safetensors_file.js';
import { assertWritable, writeModelFolder, type ModelFolder } from '../lib/checkpoint/write.js';
import { DfMergeError } from '../lib/core/errors.js';
import { byteWriter, temporaryFolder, tinyParameters, writeTinyT5, type TinyOptions } from './support/tiny_t5.js';

const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

async function prepare(options: TinyOptions = {}, over: Partial<ModelFolder> = {}): Promise<ModelFolder> {
  const base = await openCheckpoint(await writeTinyT5(options));
  const out = join(await temporaryFolder(), 'merged');
  return { out, base, dtype: 'float32', aliasOf: (name) => name, writeTensors: byteWriter('merged'), ...over };
}

async function bytesOf({ file, begin, end }: TensorEntry): Promise<Buffer> {
  return (await readFile(file)).subarray(begin, end);
}

const json = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;

test('a written folder opens again, with the names, shapes and values asked for', async (t) => {
  const files = {
    'tokenizer.json': '{"a":1}',
    'spiece.model': 'pieces',
    'generation_config.json': '{}',
    'unrelated.txt': 'no',
  };
  const folder = await prepare(
    { files },
    {
      dtype: 'bfloat16',
      metadata: { made: 'here' },
      extraFiles: { 'README.md': '# Merged', 'trace.bin': Uint8Array.of(1, 2) },
    },
  );
  await writeModelFolder(folder);
  t.deepEqual((await readdir(folder.out)).sort(), [
    'README.md',
    'config.json',
    'dfmerge.json',
    'generation_config.json',
    'model.safetensors',
    'spiece.model',
    'tokenizer.json',
    'trace.bin',
  ]);
  const written = await openCheckpoint(folder.out);
  t.deepEqual([...written.tensors.keys()], [...folder.base.tensors.keys()]);
  for (const entry of written.tensors.values()) {
    t.is(entry.dtype, 'BF16');
    t.deepEqual(entry.shape, folder.base.tensors.get(entry.name)!.shape);
    t.deepEqual(await bytesOf(entry), Buffer.alloc(2 * entry.elements, `merged:${entry.name}:`));
  }
  t.deepEqual(written.config, { ...folder.base.config, dtype: 'bfloat16' });
  t.deepEqual((await readHeader(join(folder.out, 'model.safetensors'))).metadata, { format: 'pt', made: 'here' });
  t.is(await readFile(join(folder.out, 'spiece.model'), 'utf8'), 'pieces');
  t.deepEqual(await readdir(dirname(folder.out)), ['merged']);
});

test('every file of the tokenizer goes along, and nothing else of its folder', async (t) => {
  const tokenizer = [
    'added_tokens.json',
    'chat_template.jinja',
    'chat_template.json',
    'merges.txt',
    'preprocessor_config.json',
    'source.spm',
    'special_tokens_map.json',
    'spiece.model',
    'tokenizer.json',
    'tokenizer.model',
    'tokenizer_config.json',
    'vocab.json',
    'vocab.txt',
  ];
  const others = ['README.md', 'notes.txt', 'optimizer.pt', 'trainer_state.json', 'training_args.bin', '.env'];
  const files = Object.fromEntries([...tokenizer, ...others].map((name) => [name, `${name} of the tokenizer`]));
  const from = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(from, name), text);
  await writeFile(join(from, 'generation_config.json'), 'of the tokenizer');
  const templates = 'additional_chat_templates';
  await mkdir(join(from, templates));
  await writeFile(join(from, templates, 'rag.jinja'), 'rag');
  await writeFile(join(from, templates, 'notes.txt'), 'notes');
  const folder = await prepare(
    { files: { 'vocab.json': 'of the base', 'generation_config.json': 'of the base' } },
    { tokenizerDir: from },
  );
  await writeModelFolder(folder);
  const written = [
    'config.json',
    'dfmerge.json',
    'generation_config.json',
    'model.safetensors',
    templates,
    ...tokenizer,
  ];
  t.deepEqual((await readdir(folder.out)).sort(), written.sort());
  for (const name of tokenizer) t.is(await readFile(join(folder.out, name), 'utf8'), files[name]);
  t.is(await readFile(join(folder.out, 'generation_config.json'), 'utf8'), 'of the base');
  t.deepEqual(await readdir(join(folder.out, templates)), ['rag.jinja']);
});

test('config.json keeps the spelling of its dtype key', async (t) => {
  const old = await prepare({ config: { dtype: undefined, torch_dtype: 'float16' } });
  await writeModelFolder(old);
  t.is((await json(join(old.out, 'config.json'))).torch_dtype, 'float32');
  t.false('dtype' in (await json(join(old.out, 'config.json'))));
  const none = await prepare({ config: { dtype: undefined } });
  await writeModelFolder(none);
  t.is((await json(join(none.out, 'config.json'))).torch_dtype, 'float32');
});

test('config.json keeps its text but for what changes: 1.0 stays 1.0', async (t) => {
  const folder = await prepare({}, { dtype: 'bfloat16' });
  const file = join(folder.base.dir, 'config.json');
  const text =
    '{\n  "model_type": "t5",\n  "initializer_factor": 1.0,\n  "dtype": "float32",\n  "dropout_rate": 1e-1\n}\n';
  await writeFile(file, text);
  await writeModelFolder({ ...folder, base: { ...folder.base, config: JSON.parse(text) as Record<string, unknown> } });
  t.is(await readFile(join(folder.out, 'config.json'), 'utf8'), text.replace('float32', 'bfloat16'));
});

test('shards stay the same and the index gives the new size', async (t) => {
  const folder = await prepare({ shards: SHARDS }, { dtype: 'float16' });
  await writeModelFolder(folder);
  const written = await openCheckpoint(folder.out);
  t.deepEqual(written.shards, SHARDS);
  const elements = [...folder.base.tensors.values()].reduce((sum, entry) => sum + entry.elements, 0);
  t.deepEqual(written.index?.metadata, { total_size: 2 * elements });
  t.deepEqual(written.index?.weight_map, folder.base.index?.weight_map);
});

test('a set that only a child unties is written with a head of its own', async (t) => {
  const set = await openModelSet(await writeTinyT5(), [
    await writeTinyT5({ tensors: tinyParameters(true), salt: 'child' }),
  ]);
  const { parameterOf: aliasOf, addedTensors, configChanges } = set;
  const folder = await prepare({}, { base: set.base.checkpoint, aliasOf, addedTensors, configChanges });
  await writeModelFolder(folder);
  const again = await openModelSet(folder.out, []);
  t.false(again.engineConfig.tied);
  t.true(again.engineConfig.scaleLogits);
  t.is(again.base.sources(tinyParameters(true)).length, tinyParameters(true).length);
});

test('aliases get the bytes of their parameter; tensors without one are left out', async (t) => {
  const alias = { name: 'encoder.embed_tokens.weight', shape: [8, 4], like: 'shared.weight' };
  const leftOver = { name: 'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight', shape: [8, 2] };
  const set = await openModelSet(await writeTinyT5({ tensors: [...tinyParameters(), alias, leftOver] }), []);
  const folder = await prepare({}, { base: set.base.checkpoint, aliasOf: set.parameterOf });
  await writeModelFolder(folder);
  const { tensors } = await openCheckpoint(folder.out);
  t.deepEqual(await bytesOf(tensors.get(alias.name)!), await bytesOf(tensors.get('shared.weight')!));
  t.false(tensors.has(leftOver.name));
});

test('an existing folder is refused before any work, unless overwriting', async (t) => {
  const folder = await prepare();
  await writeModelFolder({ ...folder, dtype: 'bfloat16' });
  await writeFile(join(folder.out, 'notes.txt'), 'mine');
  let called = false;
  const writeTensors = async () => void (called = true);
  await t.throwsAsync(writeModelFolder({ ...folder, writeTensors }), {
    instanceOf: DfMergeError,
    code: 'EXISTS',
    message: /merged exists already/,
  });
  await t.throwsAsync(assertWritable(folder.out), { instanceOf: DfMergeError, code: 'EXISTS' });
  t.false(called);
  await assertWritable(folder.out, { overwrite: true });
  await writeModelFolder({ ...folder, overwrite: true });
  const { tensors } = await openCheckpoint(folder.out);
  t.is(tensors.size, tinyParameters().length);
  t.true([...tensors.values()].every(({ dtype }) => dtype === 'F32'));
  t.is(await readFile(join(folder.out, 'notes.txt'), 'utf8'), 'mine');
  t.deepEqual(await readdir(dirname(folder.out)), ['merged']);
});

test('dfmerge.json lists every other file with its size and SHA-256', async (t) => {
  const folder = await prepare({ shards: SHARDS, files: { 'tokenizer.json': '{}' } }, { record: { made: 'here' } });
  await writeModelFolder(folder);
  const { made, files } = (await json(join(folder.out, 'dfmerge.json'))) as { made: string; files: ManifestFiles };
  t.is(made, 'here');
  const names = (await readdir(folder.out)).filter((name) => name !== 'dfmerge.json').sort();
  t.deepEqual(Object.keys(files).sort(), names);
  for (const name of names) {
    const bytes = await readFile(join(folder.out, name));
    t.deepEqual(files[name], { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
  }
});

test('a folder of another program, or of a version that listed nothing, is not overwritten', async (t) => {
  const folder = await prepare({}, { overwrite: true });
  await mkdir(folder.out);
  await writeFile(join(folder.out, 'config.json'), '{"name":"a web project"}');
  const refused = { instanceOf: DfMergeError, code: 'INVALID_ARGUMENT' };
  await t.throwsAsync(writeModelFolder(folder), { ...refused, message: /dfmerge did not make it/ });
  await writeFile(join(folder.out, 'dfmerge.json'), '{"dfmerge":"0.0.9","trials":[]}');
  await t.throwsAsync(writeModelFolder(folder), { ...refused, message: /does not list its files; move it away/ });
  t.deepEqual(await readdir(folder.out), ['config.json', 'dfmerge.json']);
  const file = join(dirname(folder.out), 'file');
  await writeFile(file, 'mine');
  await t.throwsAsync(writeModelFolder({ ...folder, out: file }), { ...refused, message: /it is no folder/ });
});

test('a link stays a link, and the folder that it points to is written', async (t) => {
  const folder = await prepare();
  const link = join(dirname(folder.out), 'link');
  await symlink('merged', link);
  await writeModelFolder({ ...folder, out: link });
  await writeModelFolder({ ...folder, out: link, overwrite: true });
  t.true((await lstat(link)).isSymbolicLink());
  t.is((await openCheckpoint(folder.out)).tensors.size, tinyParameters().length);
  t.deepEqual((await readdir(dirname(folder.out))).sort(), ['link', 'merged']);
});

test('overwriting spares what is no model folder, and the inputs', async (t) => {
  const folder = await prepare({}, { overwrite: true });
  await mkdir(folder.out);
  await assertWritable(folder.out, { overwrite: true });
  await writeFile(join(folder.out, 'thesis.txt'), 'precious');
  await t.throwsAsync(writeModelFolder(folder), {
    instanceOf: DfMergeError,
    code: 'INVALID_ARGUMENT',
    message: /dfmerge did not make it/,
  });
  await writeManifest(folder.base.dir);
  await t.throwsAsync(writeModelFolder({ ...folder, out: folder.base.dir }), {
    instanceOf: DfMergeError,
    code: 'INVALID_ARGUMENT',
    message: /the merge reads it/,
  });
  t.is(await readFile(join(folder.out, 'thesis.txt'), 'utf8'), 'precious');
  await t.throwsAsync(assertWritable(join(folder.out, 'no', 'where')), {
    instanceOf: DfMergeError,
    code: 'NOT_FOUND',
    message: /the folder .*no does not exist/,
  });
});

test('a failure leaves nothing behind, and the old folder as it was', async (t) => {
  const folder = await prepare({ shards: SHARDS });
  let shard = 0;
  const failing: ModelFolder = {
    ...folder,
    writeTensors: async (...of) => {
      if (shard++ === 1) throw new DfMergeError('IO', 'stopped');
      await byteWriter('x')(...of);
    },
  };
  await t.throwsAsync(writeModelFolder(failing), { instanceOf: DfMergeError, code: 'IO', message: 'stopped' });
  t.deepEqual(await readdir(dirname(folder.out)), []);
  await writeModelFolder(folder);
  const before = await readFile(join(folder.out, SHARDS[0]));
  shard = 0;
  await t.throwsAsync(writeModelFolder({ ...failing, overwrite: true }), { message: 'stopped' });
  t.deepEqual(await readFile(join(folder.out, SHARDS[0])), before);
  t.deepEqual(await readdir(dirname(folder.out)), ['merged']);
});

test('extra files must not stand in the way of the model', async (t) => {
  for (const name of ['config.json', 'tokenizer.json', 'merges.txt', 'a.model', 'more.safetensors', '../up', '']) {
    const folder = await prepare({}, { extraFiles: { [name]: 'x' } });
    await t.throwsAsync(writeModelFolder(folder), { instanceOf: DfMergeError, code: 'INVALID_ARGUMENT' }, name);
    t.deepEqual(await readdir(dirname(folder.out)), []);
  }
});

test('a writer that changes the length of the file is caught', async (t) => {
  const folder = await prepare({}, { writeTensors: async (file) => writeFile(file, 'x', { flag: 'a' }) });
  await t.throwsAsync(writeModelFolder(folder), {
    instanceOf: DfMergeError,
    code: 'IO',
    message: /bytes after writing, expected/,
  });
});

test('writeSafetensorsFile replaces a file as a whole', async (t) => {
  const dir = await temporaryFolder();
  const path = join(dir, 'fisher.safetensors');
  const tensors = [{ name: 'a', dtype: 'F32' as const, shape: [3] }];
  await writeSafetensorsFile(path, tensors, { metadata: { samples: '30' }, writeTensors: byteWriter('one') });
  const before = await readFile(path);
  const failing = writeSafetensorsFile(path, tensors, { writeTensors: () => Promise.reject(new Error('no')) });
  await t.throwsAsync(failing, { message: 'no' });
  t.deepEqual(await readFile(path), before);
  t.deepEqual(await readdir(dir), ['fisher.safetensors']);
  const { metadata, tensors: read } = await readHeader(path);
  t.deepEqual(metadata, { samples: '30' });
  t.deepEqual(await bytesOf(read.get('a')!), Buffer.alloc(12, 'one:a:'));
});

test('writeFileAtomic replaces a file and leaves no temporary one', async (t) => {
  const dir = await temporaryFolder();
  const path = join(dir, 'state.json');
  await writeFileAtomic(path, 'one');
  await writeFileAtomic(path, Buffer.from('two'));
  t.is(await readFile(path, 'utf8'), 'two');
  t.deepEqual(await readdir(dir), ['state.json']);
  await t.throwsAsync(writeFileAtomic(join(dir, 'no', 'x'), ''), {
    instanceOf: DfMergeError,
    message: /cannot write .*x/,
  });
});

test('names that a training wrapper left and tensors that no T5 has do not reach the output', async (t) => {
  const wrapped = tinyParameters().map(({ name, shape }) => ({ name: `_orig_mod.${name}`, shape, like: name }));
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  for (const parts of [undefined, shards]) {
    const tensors = [...wrapped, { name: 'classification_head.weight', shape: [2, 4] }];
    const set = await openModelSet(await writeTinyT5({ tensors, shards: parts }), []);
    const out = join(await temporaryFolder(), 'out');
    const { checkpoint } = set.base;
    await writeModelFolder({
      out,
      base: checkpoint,
      dtype: 'float32',
      aliasOf: set.parameterOf,
      writeTensors: byteWriter('base'),
    });
    const names = tinyParameters().map(({ name }) => name);
    t.deepEqual([...(await openCheckpoint(out)).tensors.keys()].sort(), names.sort());
    const warnings: string[] = [];
    const again = await openModelSet(out, [], { onWarning: (message) => warnings.push(message) });
    t.is(again.base.sources(tinyParameters()).length, names.length);
    t.deepEqual(warnings, []);
  }
});
