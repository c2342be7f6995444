import type { CommandModule } from 'yargs';
import { seedOption } from '../core/arguments.js';
import { demo, demoTable } from '../demo/demo.js';
import { computeOptions, interruptible, print, printJson, withCommon, type CommonArguments } from './common.js';
import { roughDuration } from '../report/format.js';
import { ProgressDisplay } from './progress.js';

interface DemoArguments extends CommonArguments {
  out: string;
  overwrite: boolean;
  seed: number;
}

export const demoCommand: CommandModule<object, DemoArguments> = {
  command: 'demo',
  describe: 'Make small tasks, train models on them, merge them, and show what came out',
  builder: (yargs) =>
    withCommon(
      yargs
        .option('out', { type: 'string', default: 'demo-out', describe: 'folder for everything that is made' })
        .option('overwrite', { type: 'boolean', default: true, describe: 'replace the folder of an earlier demo' })
        .option('seed', { type: 'number', default: 1, describe: 'of everything' })
        .example('$0 demo', 'about a minute on two cores; nothing is downloaded'),
    ),
  handler: async (args) => {
    const progress = new ProgressDisplay(args);
    await interruptible(async (signal) => {
      try {
        const result = await demo({
          ...computeOptions(args),
          out: args.out,
          overwrite: args.overwrite,
          seed: seedOption(args.seed, '--seed'),
          log: progress.line,
          signal,
          onProgress: progress.update,
          onWarning: progress.warning,
        });
        progress.stop();
        if (args.json) return printJson(result);
        print(`\n${demoTable(result)}`);
        print(
          `\nDone in ${roughDuration(result.seconds)}. Merged model: ${result.out}/merged. Open ${result.report} in a browser.`,
        );
      } finally {
        progress.stop();
      }
    });
  },
};
