import { checkEvaluate, evaluate } from '../commands/evaluate.js';
import { oneOf, PATH } from '../core/kinds.js';
import { percent, roughDuration } from '../report/format.js';
import { SPLITS } from '../tasks/rows.js';
import { dryRunOfTask } from './check.js';
import { command } from './command.js';
import { DATA, dataOptions, DRY_RUN, OVERWRITE_FILE, print } from './common.js';
import { option, required } from './options.js';

export const evaluateCommand = command({
  name: 'evaluate',
  describe: 'Measure the accuracy of a model on a task',
  options: {
    model: required(PATH, 'model folder', { value: 'DIR' }),
    data: required(PATH, 'task folder with train.jsonl, validation.jsonl, test.jsonl', { value: 'DIR' }),
    split: option(oneOf(SPLITS), 'split to score', { value: 'SPLIT', fallback: 'validation' }),
    details: option(PATH, 'file that gets a JSON line per example: nll and tokens per choice, prediction, label', {
      value: 'FILE',
    }),
    ...OVERWRITE_FILE,
    ...DRY_RUN,
    ...DATA,
  },
  examples: [
    ['dfmerge evaluate --model merged --data data/sst2 --split test', 'accuracy on the test split'],
    ['dfmerge evaluate --model merged --data data/sst2 --details out.jsonl --json', 'with the scores of every choice'],
  ],
  run: async (args, { run }) => {
    const start = performance.now();
    const { model, data, split, details, overwrite } = args;
    const options = { ...dataOptions(args), ...run, model, data, split, details, overwrite };
    if (args['dry-run']) return dryRunOfTask(checkEvaluate(options));
    const { accuracy, examples, results } = await evaluate(options);
    const seconds = (performance.now() - start) / 1000;
    return {
      result: {
        accuracy: examples > 0 ? accuracy : null,
        examples,
        rows: results.length,
        model,
        data,
        split,
        ...(details === undefined ? {} : { details }),
        seconds,
      },
      show: () =>
        print(
          examples > 0
            ? `accuracy ${percent(accuracy, { digits: 2 })} on ${examples} examples of ${data} (${split}), ${roughDuration(seconds)}`
            : `scored ${results.length} examples of ${data} (${split}); they have no labels`,
        ),
    };
  },
});
