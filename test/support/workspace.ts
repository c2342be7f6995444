import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createModel } from '../../lib/engine/create.js';
import { RandomStream } from '../../lib/core/random_stream.js';
import { temporaryFolder } from './tiny_t5.js';

const WORDS = [
  'red',
  'green',
  'blue',
  'cat',
  'dog',
  'bird',
  'runs',
  'sleeps',
  'sings',
  'is',
  'the',
  'a',
  'colour',
  'animal',
  'what',
  '?',
];
const VOCABULARY = ['<pad>', '</s>', '<unk>', ...WORDS];

/** The tokenizer.json of a word-level tokenizer over VOCABULARY. */
function tokenizerJson(): string {
  const special = ['<pad>', '</s>', '<unk>'].map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special,
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
    },
    decoder: null,
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
      unk_token: '<unk>',
    },
  });
}

const CONFIG = {
  architectures: ['T5ForConditionalGeneration'],
  model_type: 't5',
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_layers: 2,
  num_decoder_layers: 2,
  num_heads: 3,
  vocab_size: VOCABULARY.length,
  relative_attention_num_buckets: 8,
  relative_attention_max_distance: 16,
  feed_forward_proj: 'relu',
  layer_norm_epsilon: 1e-6,
  pad_token_id: 0,
  eos_token_id: 1,
  decoder_start_token_id: 0,
  tie_word_embeddings: true,
  torch_dtype: 'float32',
};

/** A folder with a random base, two random children, two tasks and a recipe, on which each command runs as a whole in a second. */
export interface Workspace {
  dir: string;
  recipe: string;
  path: (...parts: string[]) => string;
  /** Writes a copy of the recipe with another method or other settings, and returns its path. */
  variant: (name: string, change: (text: string) => string) => Promise<string>;
}

export async function makeWorkspace(): Promise<Workspace> {
  const dir = await temporaryFolder();
  const path = (...parts: string[]) => join(dir, ...parts);
  const files = {
    'tokenizer.json': tokenizerJson(),
    'tokenizer_config.json': JSON.stringify({
      tokenizer_class: 'T5TokenizerFast',
      eos_token: '</s>',
      pad_token: '<pad>',
      unk_token: '<unk>',
    }),
  };
  await mkdir(path('models'));
  for (const [i, name] of ['base', 'a', 'b'].entries())
    await createModel({ out: path('models', name), config: CONFIG, seed: 10 + i, files, threads: 1 });
  for (const name of ['a', 'b']) await writeTask(path('data', name), name);
  const recipe = path('recipe.yaml');
  await writeFile(recipe, RECIPE);
  const variant = async (name: string, change: (text: string) => string) => {
    await writeFile(path(name), change(RECIPE));
    return path(name);
  };
  return { dir, recipe, path, variant };
}

const RECIPE = `merge_method: df_merge
base_model: models/base
models:
  - model: models/a
    task: a
  - model: models/b
    task: b
tasks:
  a: { data: data/a }
  b: { data: data/b }
fisher: { mode: exact, samples: 5 }
search: { init: 3, iterations: 5, validation_ratio: 0.5, seed: 4 }
dtype: float32
`;

async function writeTask(dir: string, name: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [split, rows] of [
    ['train', 40],
    ['validation', 40],
    ['test', 24],
  ] as const) {
    const stream = new RandomStream(1, name, split);
    const word = () => WORDS[stream.below(WORDS.length)];
    const lines = Array.from({ length: rows }, () => {
      const choices = [...new Set([word(), `${word()} ${word()}`, word()])];
      return JSON.stringify({
        input: Array.from({ length: 2 + stream.below(6) }, word).join(' '),
        choices,
        label: stream.below(choices.length),
      });
    });
    await writeFile(join(dir, `${split}.jsonl`), `${lines.join('\n')}\n`);
  }
}

/** The record dfmerge.json of a folder, without its wall times. */
export async function recordWithoutTiming(out: string): Promise<unknown> {
  const record = JSON.parse(await readFile(join(out, 'dfmerge.json'), 'utf8')) as Record<string, unknown> & {
    files?: Record<string, unknown>;
  };
  delete record.timing;
  for (const timed of ['report.html', 'journal.jsonl']) delete record.files?.[timed];
  return record;
}
