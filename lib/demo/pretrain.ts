import { architectures } from '../architectures/index.js';
import { madeCard } from '../card/training_card.js';
import { temporaryBeside } from '../core/temporary.js';
import { createModel } from '../engine/create.js';
import { tokenizeRows, tokenizerOf } from '../tasks/tokenize.js';
import { Pace } from '../core/pace.js';
import { fileError } from '../core/files.js';
import { RandomStream } from '../core/random_stream.js';
import { VERSION } from '../core/version.js';
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

/** Makes a model with random parameters, trains it on plain text and writes it to `out`. */
export async function pretrain(
  { out, data, plan, seed }: PretrainOptions,
  run: RunOptions & ComputeOptions,
): Promise<PretrainResult> {
  const [architecture] = architectures();
  const random = await temporaryBeside(out).catch((error: unknown) => {
    throw fileError(error, `cannot write ${out}`);
  });
  let session: Session | undefined;
  try {
    await createModel({
      ...run,
      out: random.path,
      seed,
      config: architecture.newConfig({ ...plan.model, vocabSize: data.tokenizer.size }),
      files: { 'tokenizer.json': data.tokenizer.json, 'tokenizer_config.json': TOKENIZER_CONFIG },
    });
    session = await Session.open(random.path, [], run);
    const stream = new RandomStream(seed, 'pretraining rows');
    const pace = new Pace(run.signal);
    const texts = await pace.map(data.stories, (story) => pretrainingRow(stream, story));
    const rows = await tokenizeRows(await tokenizerOf(session), texts, { pace });
    await session.load(0, run.signal);
    const losses: number[] = [];
    const total = sum(plan.pretraining.map(({ steps }) => steps));
    for (const stretch of plan.pretraining) {
      const before = losses.length;
      const onProgress = (event: ProgressEvent) => run.onProgress?.({ ...event, done: before + event.done, total });
      const afterStep = async ({ loss }: { loss: number }) => void losses.push(loss);
      await train(session, rows, {
        ...stretch,
        seed: seed + before,
        signal: run.signal,
        onProgress,
        subject: 'base',
        afterStep,
      });
    }
    await session.write(out, { dtype: 'float32', card: () => cardOf(plan) }, run.signal);
    return {
      parameters: countParameters(session),
      firstLoss: mean(losses.slice(0, AVERAGED)),
      lastLoss: mean(losses.slice(-AVERAGED)),
    };
  } finally {
    session?.close();
    await random.remove();
  }
}

function cardOf({ stories, pretraining }: Plan): string {
  const steps = sum(pretraining.map((stretch) => stretch.steps));
  const description = `The base model of \`dfmerge demo\`: trained in ${steps} steps on ${stories} texts that the demo makes up, and of use to the demo alone.`;
  return madeCard({ dfmerge: VERSION, architecture: architectures()[0], description });
}

/** The tokenizer_config.json without which transformers takes a T5's tokenizer for a SentencePiece one. */
const TOKENIZER_CONFIG = `${JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', pad_token: '<pad>', eos_token: '</s>', unk_token: '<unk>' }, null, 2)}\n`;

function countParameters(session: Session): number {
  return sum(session.parameters.map(({ shape }) => elementCount(shape)));
}
