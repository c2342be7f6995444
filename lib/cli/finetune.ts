import { checkFinetune, finetune, FINETUNE_DEFAULTS, type FinetuneEvaluation } from '../commands/finetune.js';
import { TRAINING_KINDS } from '../engine/train.js';
import { oneOf, PATH } from '../core/kinds.js';
import { OUTPUT_DTYPES } from '../checkpoint/write.js';
import { percent } from '../report/format.js';
import { dryRunOfTask } from './check.js';
import { command } from './command.js';
import { DATA, dataOptions, DRY_RUN, FOLDER, print } from './common.js';
import { option, required } from './options.js';

const { steps, batchSize, learningRate, warmup, weightDecay, seed } = TRAINING_KINDS;
const { dtype, evaluateEvery, ...training } = FINETUNE_DEFAULTS;

export const finetuneCommand = command({
  name: 'finetune',
  describe: 'Fine-tune a model on a task (AdamW); the state of lowest validation loss is kept',
  options: {
    model: required(PATH, 'model folder to start from', { value: 'DIR' }),
    data: required(PATH, 'task folder with train.jsonl and validation.jsonl', { value: 'DIR' }),
    ...FOLDER,
    ...DRY_RUN,
    steps: option(steps, 'optimiser steps', { fallback: training.steps }),
    batch: option(batchSize, 'rows of one step', { fallback: training.batchSize }),
    'learning-rate': option(learningRate, 'constant after the warm-up', { fallback: training.learningRate }),
    warmup: option(warmup, 'steps over which the learning rate rises', { fallback: training.warmup }),
    'weight-decay': option(weightDecay, 'decoupled', { fallback: training.weightDecay }),
    'evaluate-every': option(steps, 'steps between evaluations', { fallback: evaluateEvery }),
    seed: option(seed, 'of the order of rows', { value: 'S', fallback: training.seed }),
    dtype: option(oneOf(OUTPUT_DTYPES), 'of the weights written', { value: 'DTYPE', fallback: dtype }),
    ...DATA,
  },
  examples: [
    [
      'dfmerge finetune --model models/base --data data/sst2 --out models/sst2',
      "the paper's settings: 2500 steps of 64 rows at 1e-4",
    ],
  ],
  run: async (args, { run, progress }) => {
    const { model, data, out, overwrite, steps, warmup, seed, dtype } = args;
    const onEvaluation = ({ step, trainLoss, validationLoss, accuracy }: FinetuneEvaluation) =>
      progress.line(
        `step ${step}/${steps}  training loss ${trainLoss.toFixed(4)}  validation loss ${validationLoss.toFixed(4)}  accuracy ${percent(accuracy, { digits: 2 })}`,
      );
    const options = {
      ...dataOptions(args),
      ...run,
      model,
      data,
      out,
      overwrite,
      steps,
      batchSize: args.batch,
      learningRate: args['learning-rate'],
      warmup,
      weightDecay: args['weight-decay'],
      evaluateEvery: args['evaluate-every'],
      seed,
      dtype,
      onEvaluation,
    };
    if (args['dry-run']) return dryRunOfTask(checkFinetune(options));
    const result = await finetune(options);
    const { step, validationLoss, accuracy } = result.best;
    return {
      result,
      out,
      show: () =>
        print(
          `Written: ${out}, the state after step ${step}: validation loss ${validationLoss.toFixed(4)}, accuracy ${percent(accuracy, { digits: 2 })}`,
        ),
    };
  },
});
