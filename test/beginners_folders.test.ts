// What people give in place of a model's folder, and what they are told.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../lib/checkpoint/folder.js';
import { DfMergeError, type ErrorCode } from '../lib/core/errors.js';
import { Session } from '../lib/engine/session.js';
import { loadSplit } from '../lib/tasks/rows.js';
import { runCommand } from './support/command.js';
import { temporaryFolder, tinyParameters, writeTinyT5 } from './support/tiny_t5.js';

const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 990345061\n';

async function folder(files: Record<string, string>): Promise<string> {
  const dir = join(await temporaryFolder(), 'model');
  await mkdir(dir);
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return dir;
}

const CONFIG = JSON.stringify({ model_type: 't5' });
const ADAPTER = JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: 'google/flan-t5-base', r: 8 });

const folders: [what: string, files: Record<string, string>, code: ErrorCode, message: RegExp][] = [
  [
    'a pointer for weights',
    { 'config.json': CONFIG, 'model.safetensors': POINTER },
    'NOT_FOUND',
    /model\.safetensors: holds a git-lfs pointer .*git lfs pull/,
  ],
  [
    'a pointer for config.json',
    { 'config.json': POINTER, 'model.safetensors': POINTER },
    'NOT_FOUND',
    /config\.json: holds a git-lfs pointer/,
  ],
  [
    'a pointer for a shard',
    {
      'config.json': CONFIG,
      'model-1.safetensors': POINTER,
      'model.safetensors.index.json': '{"weight_map":{"shared.weight":"model-1.safetensors"}}',
    },
    'NOT_FOUND',
    /model-1\.safetensors: holds a git-lfs pointer/,
  ],
  [
    'pickled weights',
    { 'config.json': CONFIG, 'pytorch_model.bin': '' },
    'UNSUPPORTED',
    /holds pytorch_model\.bin but no model\.safetensors; convert it to safetensors first .*python -c "from transformers/,
  ],
  [
    'pickled shards',
    { 'config.json': CONFIG, 'pytorch_model-00001-of-00002.bin': '', 'pytorch_model.bin.index.json': '{}' },
    'UNSUPPORTED',
    /holds pytorch_model-00001-of-00002\.bin/,
  ],
  ["a trainer's checkpoint", { 'config.json': CONFIG, 'model.ckpt': '' }, 'UNSUPPORTED', /holds model\.ckpt/],
  [
    'weights by another name',
    { 'config.json': CONFIG, 'flan.safetensors': '' },
    'NOT_FOUND',
    /no model\.safetensors and no .*flan\.safetensors is not a name/,
  ],
  [
    'an adapter',
    { 'adapter_config.json': ADAPTER, 'adapter_model.safetensors': '' },
    'UNSUPPORTED',
    /holds an adapter \(LORA\) of google\/flan-t5-base and no whole model .*merge the adapter into its base first .*merge_and_unload/,
  ],
  [
    'an adapter beside a config',
    { 'config.json': CONFIG, 'adapter_model.bin': '' },
    'UNSUPPORTED',
    /holds an adapter and no whole model/,
  ],
];

for (const [what, files, code, message] of folders) {
  test(`a folder with ${what}`, async (t) => {
    const dir = await folder(files);
    const error = await t.throwsAsync(openCheckpoint(dir), { instanceOf: DfMergeError, code, message });
    t.true(error.message.includes(dir));
  });
}

test('an adapter saved as a model', async (t) => {
  const name = 'base_model.model.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight';
  const dir = await writeTinyT5({ tensors: [...tinyParameters(), { name, shape: [2, 4] }] });
  await t.throwsAsync(Session.open(dir, []), {
    instanceOf: DfMergeError,
    code: 'UNSUPPORTED',
    message: /lora_A\.weight" is a tensor of an adapter .*merge the adapter into its base first/,
  });
});

test('an adapter beside a whole model is warned of', async (t) => {
  const warnings: string[] = [];
  const dir = await writeTinyT5({ files: { 'adapter_config.json': ADAPTER } });
  await openCheckpoint(dir, { onWarning: (message) => warnings.push(message) });
  t.regex(
    warnings.join('\n'),
    /holds an adapter \(adapter_config\.json\) beside a whole model; only the model is read/,
  );
  t.is(warnings.length, 1);
});

const HUB = /download it first with "hf download google\/flan-t5-small --local-dir flan-t5-small"/;

test('an identifier of the hub', async (t) => {
  const id = 'google/flan-t5-small';
  await t.throwsAsync(openCheckpoint(id), { instanceOf: DfMergeError, code: 'NOT_FOUND', message: HUB });
  await t.throwsAsync(Session.open(await writeTinyT5(), [id]), { instanceOf: DfMergeError, message: HUB });
  for (const path of [
    '/google/flan-t5-small',
    './google/flan-t5-small',
    '../google/x',
    'google/flan-t5-small/',
    'absent',
    'a/b/c',
  ])
    await t.throwsAsync(openCheckpoint(path), { instanceOf: DfMergeError, message: /no such file or folder$/ }, path);
});

test('a name of the hub without its owner', async (t) => {
  for (const name of ['t5-small', 't5-3b', 'flan-t5-base', 't5-v1_1-xxl', 'gpt2', 'bert-base-uncased']) {
    const message = new RegExp(
      `download it first with "hf download ${name} --local-dir ${name}", with OWNER/${name} where`,
    );
    await t.throwsAsync(openCheckpoint(name), { instanceOf: DfMergeError, code: 'NOT_FOUND', message }, name);
  }
  for (const path of [
    't5',
    'small',
    '-small',
    'my-model',
    't5-smal',
    './t5-small',
    'gpt2/',
    'gpt22',
    'base-large-model',
  ])
    await t.throwsAsync(openCheckpoint(path), { instanceOf: DfMergeError, message: /no such file or folder$/ }, path);
});

test('an identifier of the hub on the command line and in a recipe, as base and as model', async (t) => {
  const dir = await temporaryFolder();
  await writeTinyT5({}, join(dir, 'base'));
  const recipes = {
    base: 'merge_method: linear\nbase_model: google/flan-t5-small\nmodels: [{model: base}, {model: base}]\n',
    model: 'merge_method: linear\nbase_model: base\nmodels: [{model: google/flan-t5-small}, {model: base}]\n',
  };
  for (const [name, text] of Object.entries(recipes)) {
    await writeFile(join(dir, `${name}.yaml`), text);
    const { code, stderr } = await runCommand(['merge', join(dir, `${name}.yaml`), '--out', join(dir, 'out')]);
    t.is(code, 1);
    t.regex(stderr, HUB);
  }
  const { stderr } = await runCommand(['evaluate', '--model', 'google/flan-t5-small', '--data', dir], { cwd: dir });
  t.regex(stderr, HUB);
});

test('a path that begins with ~, which no shell has replaced', async (t) => {
  const expected = new RegExp(`"~" is replaced by a shell.*write ${join(homedir(), 'no', 'such')}`);
  await t.throwsAsync(openCheckpoint('~/no/such'), { instanceOf: DfMergeError, code: 'NOT_FOUND', message: expected });
  await t.throwsAsync(loadSplit('~/no/such', 'test'), {
    instanceOf: DfMergeError,
    code: 'NOT_FOUND',
    message: expected,
  });
  const { stderr } = await runCommand(['merge', '~/no/such', '--out', join(await temporaryFolder(), 'out')]);
  t.regex(stderr, expected);
});

test('nothing is written into a folder called ~', async (t) => {
  const dir = await temporaryFolder();
  await writeTinyT5({}, join(dir, 'base'));
  await writeFile(
    join(dir, 'r.yaml'),
    'merge_method: linear\nbase_model: base\nmodels: [{model: base}, {model: base}]\n',
  );
  await writeFile(
    join(dir, 's.yaml'),
    'merge_method: gta\nbase_model: base\nmodels: [{model: child, task: a}]\ntasks: {a: {data: data}}\n',
  );
  const [model, data] = ['--model=base', '--data=.'];
  for (const args of [
    ['merge', 'r.yaml', '--out=~/no/such'],
    ['search', 's.yaml', '--out=~/no/such'],
    ['finetune', model, data, '--out=~/no/such', '--steps=1'],
    ['fisher', model, data, '--out=~/no/such'],
    ['evaluate', model, data, '--details=~/no/such'],
    ['demo', '--out=~/no/such'],
  ]) {
    const { code, stderr } = await runCommand(args, { cwd: dir });
    t.not(code, 0, args.join(' '));
    t.regex(stderr, /~\/no\/such: "~" is replaced by a shell.*or \.\/~\/no\/such/, args.join(' '));
    t.deepEqual((await readdir(dir)).sort(), ['base', 'r.yaml', 's.yaml'], args.join(' '));
  }
});

test('a git-lfs pointer for data', async (t) => {
  const dir = await folder({ 'test.jsonl': POINTER });
  await t.throwsAsync(loadSplit(dir, 'test'), {
    instanceOf: DfMergeError,
    code: 'NOT_FOUND',
    message: /test\.jsonl: holds a git-lfs pointer/,
  });
  await rm(dir, { recursive: true });
});
