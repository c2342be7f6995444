import type { CommandModule } from 'yargs';
import { evaluate } from '../commands/evaluate.js';
import { percent, roughDuration } from '../report/format.js';
import { SPLITS, type SplitName } from '../tasks/rows.js';
import { dataOptions, interruptible, print, printJson, withData, type DataArguments } from './common.js';
import { ProgressDisplay } from './progress.js';

interface EvaluateArguments extends DataArguments {
  model: string;
  data: string;
  split: SplitName;
  details?: string;
}

export const evaluateCommand: CommandModule<object, EvaluateArguments> = {
  command: 'evaluate',
  describe: 'Measure the accuracy of a model on a task',
  builder: (yargs) =>
    withData(
      yargs
        .option('model', { type: 'string', demandOption: true, describe: 'model folder' })
        .option('data', {
          type: 'string',
          demandOption: true,
          describe: 'task folder with train.jsonl, validation.jsonl, test.jsonl',
        })
        .option('split', { choices: SPLITS, default: 'validation' as const, describe: 'split to score' })
        .option('details', {
          type: 'string',
          describe: 'file that gets a JSON line per example: nll and tokens per choice, prediction, label',
        })
        .example('$0 evaluate --model merged --data data/sst2 --split test', 'accuracy on the test split')
        .example(
          '$0 evaluate --model merged --data data/sst2 --details out.jsonl --json',
          'with the scores of every choice',
        ),
    ),
  handler: async (args) => {
    const progress = new ProgressDisplay(args);
    const start = performance.now();
    await interruptible(async (signal) => {
      try {
        const { model, data, split, details } = args;
        const { accuracy, examples, results } = await evaluate({
          ...dataOptions(args),
          model,
          data,
          split,
          details,
          signal,
          onProgress: progress.update,
          onWarning: progress.warning,
        });
        progress.stop();
        const seconds = (performance.now() - start) / 1000;
        if (args.json)
          return printJson({
            accuracy: examples > 0 ? accuracy : null,
            examples,
            rows: results.length,
            model,
            data,
            split,
            seconds,
          });
        if (examples > 0)
          print(
            `accuracy ${percent(accuracy, { digits: 2 })} on ${examples} examples of ${data} (${split}), ${roughDuration(seconds)}`,
          );
        else print(`scored ${results.length} examples of ${data} (${split}); they have no labels`);
      } finally {
        progress.stop();
      }
    });
  },
};
