import { DEFAULT_SEED, PATH, SEED } from '../core/kinds.js';
import { demo, demoTable } from '../demo/demo.js';
import { roughDuration } from '../report/format.js';
import { command } from './command.js';
import { COMPUTE, computeOptions, print } from './common.js';
import { flag, option } from './options.js';

export const demoCommand = command({
  name: 'demo',
  describe: 'Make small tasks, train models on them, merge them, and show what came out',
  options: {
    out: option(PATH, 'folder for everything that is made', { value: 'DIR', fallback: 'demo-out' }),
    overwrite: flag('do not replace the folder of an earlier demo', { fallback: true }),
    seed: option(SEED, 'of everything', { value: 'S', fallback: DEFAULT_SEED }),
    ...COMPUTE,
  },
  examples: [['dfmerge demo', 'about a minute on two cores; nothing is downloaded']],
  run: async (args, { run, progress }) => {
    const { out, overwrite, seed } = args;
    const result = await demo({ ...computeOptions(args), ...run, out, overwrite, seed, log: progress.line });
    return {
      result,
      out,
      show: () => {
        print(`\n${demoTable(result)}`);
        print(
          `\nDone in ${roughDuration(result.seconds)}. Merged model: ${result.out}/merged. Open ${result.report} in a browser.`,
        );
      },
    };
  },
});
