import type { CommandModule } from 'yargs';
import { seedOption } from '../core/arguments.js';
import { FISHER_MODES } from '../../bindings/index.js';
import { fisher } from '../commands/fisher.js';
import { SPLITS, type SplitName } from '../tasks/rows.js';
import { DfMergeError } from '../core/errors.js';
import { checkMinWeight, DEFAULT_EPSILON, type FisherMode, type SkippedChoices } from '../engine/fisher.js';
import { bound } from '../report/format.js';
import { dataOptions, interruptible, print, printJson, wholeNumber, withData, type DataArguments } from './common.js';
import { ProgressDisplay } from './progress.js';

interface FisherArguments extends DataArguments {
  model: string;
  base?: string;
  coefficient?: number;
  data: string;
  split: SplitName;
  samples: string;
  mode: FisherMode;
  epsilon: number;
  'min-weight': number;
  seed: number;
  out: string;
}

export const fisherCommand: CommandModule<object, FisherArguments> = {
  command: 'fisher',
  describe: "Measure a model's diagonal Fisher on a task's inputs",
  builder: (yargs) =>
    withData(
      yargs
        .option('model', { type: 'string', demandOption: true, describe: 'model folder' })
        .option('base', { type: 'string', describe: 'measure at base + coefficient · (model − base)' })
        .option('coefficient', { type: 'number', describe: 'λ [default: 1]', implies: 'base' })
        .option('data', { type: 'string', demandOption: true, describe: 'task folder' })
        .option('split', {
          choices: SPLITS,
          default: 'validation' as const,
          describe: 'split whose inputs are used; labels never are',
        })
        .option('samples', { type: 'string', default: '30', describe: 'inputs to draw, or all' })
        .option('mode', {
          choices: FISHER_MODES,
          default: 'exact' as const,
          describe:
            'exact, sampled: over the choices; sequence: not divided by length; choices: of the distribution over choices',
        })
        .option('epsilon', { type: 'number', default: DEFAULT_EPSILON, describe: 'added to every entry' })
        .option('min-weight', {
          type: 'number',
          default: 0,
          describe: 'skip choices whose p̃ is below it; what is lost at most is reported',
        })
        .option('seed', { type: 'number', default: 1, describe: 'of the inputs drawn' })
        .option('out', { type: 'string', demandOption: true, describe: 'safetensors file to write' })
        .example(
          '$0 fisher --model models/sst2 --data data/sst2 --out fisher.safetensors',
          '30 inputs of the validation split',
        )
        .example(
          '$0 fisher --model models/qasc --data data/qasc --min-weight 0.01 --out fisher.safetensors',
          'without the unlikely choices',
        )
        .example(
          '$0 fisher --model models/sst2 --base models/base --coefficient 0.6 --data data/sst2 --samples all --out f.safetensors',
          'at base + 0.6 τ, all inputs',
        ),
    ),
  handler: async (args) => {
    const samples = args.samples === 'all' ? 'all' : wholeNumber('samples', Number(args.samples), 1);
    if (!(args.epsilon >= 0))
      throw new DfMergeError('INVALID_ARGUMENT', `--epsilon ${args.epsilon}: expected a number of at least 0`);
    if (args.coefficient !== undefined && !Number.isFinite(args.coefficient))
      throw new DfMergeError('INVALID_ARGUMENT', '--coefficient: expected a number');
    checkMinWeight(args.mode, args['min-weight']);
    const progress = new ProgressDisplay(args);
    await interruptible(async (signal) => {
      try {
        const { model, base, coefficient, data, split, mode, epsilon, 'min-weight': minWeight, out } = args;
        const seed = seedOption(args.seed, '--seed');
        const result = await fisher({
          ...dataOptions(args),
          model,
          base,
          coefficient,
          data,
          split,
          samples,
          mode,
          epsilon,
          minWeight,
          seed,
          out,
          signal,
          onProgress: progress.update,
          onWarning: progress.warning,
        });
        progress.stop();
        if (args.json) return printJson(result);
        print(`Written: ${result.out} (${result.mode} Fisher of ${result.samples} inputs)`);
        if (result.skipped) print(skippedLine(result.skipped, result.mode));
      } finally {
        progress.stop();
      }
    });
  },
};

function skippedLine({ skipped, choices, meanMass, maxMass }: SkippedChoices, mode: FisherMode): string {
  const square =
    mode === 'choices'
      ? 'squared deviation of a skipped gradient from the mean of the kept'
      : 'squared gradient of a skipped choice';
  const mass = `p̃ ${bound(meanMass)} per input, ${bound(maxMass)} at most`;
  return `Skipped: ${skipped} of ${choices} choices (${mass}); every element is low by at most ${bound(meanMass)} × the largest ${square} there`;
}
