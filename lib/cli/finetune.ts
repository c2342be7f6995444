import type { Argv, CommandModule } from 'yargs';
import { seedOption } from '../core/arguments.js';
import { finetune, type FinetuneEvaluation } from '../commands/finetune.js';
import { OUTPUT_DTYPES, type OutputDtype } from '../recipe/recipe.js';
import { dataOptions, interruptible, print, printJson, wholeNumber, withData, type DataArguments } from './common.js';
import { percent } from '../report/format.js';
import { ProgressDisplay } from './progress.js';

interface FinetuneArguments extends DataArguments {
  model: string;
  data: string;
  out: string;
  overwrite: boolean;
  steps: number;
  batch: number;
  learningRate: number;
  warmup: number;
  weightDecay: number;
  evaluateEvery: number;
  seed: number;
  dtype: OutputDtype;
}

export const finetuneCommand: CommandModule<object, FinetuneArguments> = {
  command: 'finetune',
  describe: 'Fine-tune a model on a task (AdamW); the state of lowest validation loss is kept',
  builder: (yargs) =>
    withData(
      yargs
        .option('model', { type: 'string', demandOption: true, describe: 'model folder to start from' })
        .option('data', {
          type: 'string',
          demandOption: true,
          describe: 'task folder with train.jsonl and validation.jsonl',
        })
        .option('out', { type: 'string', demandOption: true, describe: 'model folder to write' })
        .option('overwrite', { type: 'boolean', default: false, describe: 'replace the model folder' })
        .option('steps', { type: 'number', default: 2500, describe: 'optimiser steps' })
        .option('batch', { type: 'number', default: 64, describe: 'rows of one step' })
        .option('learning-rate', { type: 'number', default: 1e-4, describe: 'constant after the warm-up' })
        .option('warmup', { type: 'number', default: 0, describe: 'steps over which the learning rate rises' })
        .option('weight-decay', { type: 'number', default: 0, describe: 'decoupled' })
        .option('evaluate-every', { type: 'number', default: 100, describe: 'steps between evaluations' })
        .option('seed', { type: 'number', default: 1, describe: 'of the order of rows' })
        .option('dtype', { choices: OUTPUT_DTYPES, default: 'float32' as const, describe: 'of the weights written' })
        .example(
          '$0 finetune --model models/base --data data/sst2 --out models/sst2',
          "the paper's settings: 2500 steps of 64 rows at 1e-4",
        ),
    ) as unknown as Argv<FinetuneArguments>,
  handler: async (args) => {
    const progress = new ProgressDisplay(args);
    const onEvaluation = ({ step, trainLoss, validationLoss, accuracy }: FinetuneEvaluation) =>
      progress.line(
        `step ${step}/${args.steps}  training loss ${trainLoss.toFixed(4)}  validation loss ${validationLoss.toFixed(4)}  accuracy ${percent(accuracy, { digits: 2 })}`,
      );
    await interruptible(async (signal) => {
      try {
        const { model, data, out, overwrite, learningRate, weightDecay, dtype } = args;
        const result = await finetune({
          ...dataOptions(args),
          model,
          data,
          out,
          overwrite,
          learningRate,
          weightDecay,
          outputDtype: dtype,
          steps: wholeNumber('steps', args.steps, 1),
          batchSize: wholeNumber('batch', args.batch, 1),
          warmup: wholeNumber('warmup', args.warmup, 0),
          evaluateEvery: wholeNumber('evaluate-every', args.evaluateEvery, 1),
          seed: seedOption(args.seed, '--seed'),
          signal,
          onProgress: progress.update,
          onWarning: progress.warning,
          onEvaluation,
        });
        progress.stop();
        if (args.json) return printJson(result);
        const { step, validationLoss, accuracy } = result.best;
        print(
          `Written: ${out}, the state after step ${step}: validation loss ${validationLoss.toFixed(4)}, accuracy ${percent(accuracy, { digits: 2 })}`,
        );
      } finally {
        progress.stop();
      }
    });
  },
};
