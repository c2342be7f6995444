import { rm } from 'node:fs/promises';
import { temporaryBeside } from '../checkpoint/atomic.js';
import { createModel } from '../create.js';
import { tokenizeRows } from '../data/batch.js';
import { RandomStream } from '../data/random.js';
import { T5Model, type ComputeOptions } from '../model.js';
import type { RunOptions } from '../progress.js';
import { train } from '../train.js';
import { corruptSpans } from './corrupt.js';
import type { Plan } from './plan.js';

/** config.json of a T5 1.0 (relu, tied embeddings) of the plan's size. */
export function t5Config(plan: Plan, vocabSize: number): Record<string, unknown> {
  return {
    architectures: ['T5ForConditionalGeneration'],
    model_type: 't5',
    vocab_size: vocabSize,
    d_model: plan.width,
    d_kv: plan.width / plan.heads,
    d_ff: plan.feedForward,
    num_layers: plan.layers,
    num_decoder_layers: plan.layers,
    num_heads: plan.heads,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    dropout_rate: 0,
    layer_norm_epsilon: 1e-6,
    feed_forward_proj: 'relu',
    initializer_factor: 1,
    is_encoder_decoder: true,
    tie_word_embeddings: true,
    use_cache: true,
    pad_token_id: 0,
    eos_token_id: 1,
    decoder_start_token_id: 0,
  };
}

/** What to pre-train on, and where to put the model. */
export interface Pretraining extends RunOptions, ComputeOptions {
  out: string;
  texts: readonly string[];
  vocabulary: { json: string; size: number };
  seed: number;
  plan: Plan;
}

/** Of the first and the last steps, and the model's size. */
export interface PretrainingResult {
  parameters: number;
  firstLoss: number;
  lastLoss: number;
}

const AVERAGED_STEPS = 20;

/** Makes a T5 with random parameters and trains it on corrupted spans of plain text. */
export async function pretrain(options: Pretraining): Promise<PretrainingResult> {
  const { out, texts, vocabulary, seed, plan, signal } = options;
  const config = t5Config(plan, vocabulary.size);
  const random = temporaryBeside(out);
  await createModel({ ...options, out: random, config, files: { 'tokenizer.json': vocabulary.json } });
  const model = await T5Model.open(random, [], options);
  try {
    const stream = new RandomStream(seed, 'spans');
    const rows = tokenizeRows(model.requireTokenizer(), texts.map((text) => corruptSpans(stream, text)));
    await model.load(0, signal);
    const losses: number[] = [];
    await train(model, rows, { ...plan.pretraining, seed, signal, onProgress: options.onProgress, subject: 'base', afterStep: async ({ loss }) => void losses.push(loss) });
    await model.write(out, { dtype: 'float32' }, signal);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    return {
      parameters: model.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      firstLoss: mean(losses.slice(0, AVERAGED_STEPS)),
      lastLoss: mean(losses.slice(-AVERAGED_STEPS)),
    };
  } finally {
    model.close();
    await rm(random, { recursive: true, force: true });
  }
}
