import { FISHER_MODES } from '../../bindings/index.js';
import { checkFisher, fisher } from '../commands/fisher.js';
import { DEFAULT_SEED, either, float32, number, oneOf, PATH, SEED, wholeNumber } from '../core/kinds.js';
import { DEFAULT_EPSILON, type FisherMode, type SkippedChoices } from '../engine/fisher.js';
import { bound } from '../report/format.js';
import { SPLITS } from '../tasks/rows.js';
import { usage } from './arguments.js';
import { dryRunOfTask } from './check.js';
import { command } from './command.js';
import { DATA, dataOptions, DRY_RUN, OVERWRITE_FILE, print } from './common.js';
import { option, required } from './options.js';

export const fisherCommand = command({
  name: 'fisher',
  describe: "Measure a model's diagonal Fisher on a task's inputs",
  options: {
    model: required(PATH, 'model folder', { value: 'DIR' }),
    base: option(PATH, 'measure at base + coefficient · (model − base)', { value: 'DIR' }),
    coefficient: option(float32(), 'λ [default: 1]', { value: 'X' }),
    data: required(PATH, 'task folder', { value: 'DIR' }),
    split: option(oneOf(SPLITS), 'split whose inputs are used; labels never are', {
      value: 'SPLIT',
      fallback: 'validation',
    }),
    samples: option(either(wholeNumber(1), oneOf(['all'])), 'inputs to draw, or all', { value: 'N', fallback: 30 }),
    mode: option(
      oneOf(FISHER_MODES),
      'exact, sampled: over the choices; sequence: not divided by length; choices: of the distribution over choices',
      { value: 'MODE', fallback: 'exact' },
    ),
    epsilon: option(float32({ least: 0 }), 'added to every entry', { value: 'X', fallback: DEFAULT_EPSILON }),
    'min-weight': option(
      number({ least: 0, most: 1 }),
      'skip choices whose p̃ is below it; what is lost at most is reported',
      { value: 'P', fallback: 0 },
    ),
    seed: option(SEED, 'of the inputs drawn', { value: 'S', fallback: DEFAULT_SEED }),
    out: required(PATH, 'safetensors file to write', { value: 'FILE' }),
    ...OVERWRITE_FILE,
    ...DRY_RUN,
    ...DATA,
  },
  examples: [
    [
      'dfmerge fisher --model models/sst2 --data data/sst2 --out fisher.safetensors',
      '30 inputs of the validation split',
    ],
    [
      'dfmerge fisher --model models/qasc --data data/qasc --min-weight 0.01 --out fisher.safetensors',
      'without the unlikely choices',
    ],
    [
      'dfmerge fisher --model models/sst2 --base models/base --coefficient 0.6 --data data/sst2 --samples all --out f.safetensors',
      'at base + 0.6 τ, all inputs',
    ],
  ],
  check: ({ mode, base, coefficient, 'min-weight': minWeight }) => {
    if (coefficient !== undefined && base === undefined) throw usage('--coefficient needs --base');
    if (mode === 'sampled' && minWeight > 0)
      throw usage(
        `--min-weight ${minWeight} with --mode sampled, which draws from all choices and skips none: expected 0, or another mode`,
      );
  },
  run: async (args, { run }) => {
    const { model, base, coefficient, data, split, samples, mode, epsilon, 'min-weight': minWeight, seed, out } = args;
    const what = { model, base, coefficient, data, split, samples, mode, epsilon, minWeight, seed, out };
    const { overwrite } = args;
    const options = { ...dataOptions(args), ...run, ...what, overwrite };
    if (args['dry-run']) return dryRunOfTask(checkFisher(options));
    const result = await fisher(options);
    return {
      result,
      out,
      show: () => {
        print(`Written: ${result.out} (${result.mode} Fisher of ${result.samples} inputs)`);
        if (result.skipped) print(skippedLine(result.skipped, result.mode));
      },
    };
  },
});

function skippedLine({ skipped, choices, meanMass, maxMass }: SkippedChoices, mode: FisherMode): string {
  const square =
    mode === 'choices'
      ? 'squared deviation of a skipped gradient from the mean of the kept'
      : 'squared gradient of a skipped choice';
  const mass = `p̃ ${bound(meanMass)} per input, ${bound(maxMass)} at most`;
  return `Skipped: ${skipped} of ${choices} choices (${mass}); every element is low by at most ${bound(meanMass)} × the largest ${square} there`;
}
