import { temporaryBeside } from '../core/temporary.js';
import { createModel } from '../engine/create.js';
import { tokenizeRows, tokenizerOf } from '../tasks/tokenize.js';
import { RandomStream } from '../core/random_stream.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import type { ProgressEvent, RunOptions } from '../core/progress.js';
import { mean, sum } from '../core/statistics.js';
import { elementCount } from '../checkpoint/layout.js';
import { train } from '../engine/train.js';
import type { MadeData } from './data.js';
import type { Plan } from './plan.js';
import { pretrainingRow } from './pretraining_rows.js';

/** What to pre-train on, and where to put the model. */
export interface PretrainOptions {
  out: string;
  data: MadeData;
  plan: Plan;
  seed: number;
}

export interface PretrainResult {
  /** How many parameters the model has. */
  parameters: number;
  /** NLL per token, averaged over the first steps. */
  firstLoss: number;
  /** NLL per token, averaged over the last steps. */
  lastLoss: number;
}

/** How many steps a loss is averaged over. */
const AVERAGED = 20;

/** Makes a T5 with random parameters, trains it on plain text and writes it to `out`. */
export async function pretrain(
  { out, data, plan, seed }: PretrainOptions,
  run: RunOptions & ComputeOptions,
): Promise<PretrainResult> {
  const random = await temporaryBeside(out);
  let model: Session | undefined;
  try {
    await createModel({
      ...run,
      out: random.path,
      seed,
      config: t5Config(plan.model, data.tokenizer.size),
      files: { 'tokenizer.json': data.tokenizer.json, 'tokenizer_config.json': TOKENIZER_CONFIG },
    });
    model = await Session.open(random.path, [], run);
    const stream = new RandomStream(seed, 'pretraining rows');
    const rows = tokenizeRows(
      await tokenizerOf(model),
      data.stories.map((story) => pretrainingRow(stream, story)),
    );
    await model.load(0, run.signal);
    const losses: number[] = [];
    const total = sum(plan.pretraining.map(({ steps }) => steps));
    for (const stretch of plan.pretraining) {
      const before = losses.length;
      const onProgress = (event: ProgressEvent) => run.onProgress?.({ ...event, done: before + event.done, total });
      const afterStep = async ({ loss }: { loss: number }) => void losses.push(loss);
      await train(model, rows, {
        ...stretch,
        seed: seed + before,
        signal: run.signal,
        onProgress,
        subject: 'base',
        afterStep,
      });
    }
    await model.write(out, { dtype: 'float32' }, run.signal);
    return {
      parameters: countParameters(model),
      firstLoss: mean(losses.slice(0, AVERAGED)),
      lastLoss: mean(losses.slice(-AVERAGED)),
    };
  } finally {
    model?.close();
    await random.remove();
  }
}

/** The tokenizer_config.json without which transformers takes a T5's tokenizer for a SentencePiece one. */
const TOKENIZER_CONFIG = `${JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', pad_token: '<pad>', eos_token: '</s>', unk_token: '<unk>' }, null, 2)}\n`;

/**
 * The config.json of a T5 1.0, which has relu and tied embeddings. Keys that transformers wants as fractions but whose value is whole, such
 * as initializer_factor 1.0, are left to its defaults: JSON written here has no 1.0, and transformers refuses 1.
 */
function t5Config({ width, feedForward, layers, heads }: Plan['model'], vocabSize: number): Record<string, unknown> {
  return {
    architectures: ['T5ForConditionalGeneration'],
    model_type: 't5',
    vocab_size: vocabSize,
    d_model: width,
    d_kv: width / heads,
    d_ff: feedForward,
    num_layers: layers,
    num_decoder_layers: layers,
    num_heads: heads,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    layer_norm_epsilon: 1e-6,
    feed_forward_proj: 'relu',
    is_encoder_decoder: true,
    tie_word_embeddings: true,
    use_cache: true,
    pad_token_id: 0,
    eos_token_id: 1,
    decoder_start_token_id: 0,
  };
}

function countParameters(model: Session): number {
  return sum(model.parameters.map(({ shape }) => elementCount(shape)));
}
