import { report } from '../commands/report.js';
import { PATH } from '../core/kinds.js';
import { command } from './command.js';
import { JSON_OPTION, OVERWRITE_FILE, print } from './common.js';
import { option } from './options.js';
import { printNumbers } from './numbers_table.js';
import { usage } from './arguments.js';

export const reportCommand = command({
  name: 'report',
  describe: 'Render the report.html of a search or merge again, or show a search so far',
  positional: { name: 'run', value: 'DIR', describe: 'folder of the merged model', required: true },
  options: {
    out: option(PATH, 'the page [default: report.html in DIR]', { value: 'FILE' }),
    ...OVERWRITE_FILE,
    ...JSON_OPTION,
  },
  examples: [
    ['dfmerge report merged', 'make merged/report.html anew'],
    ['dfmerge report merged --out page.html', 'also of a search that has not finished yet'],
    ['dfmerge report merged --json', 'accuracies, intervals, paired tests and importances as JSON'],
  ],
  check: ({ out, overwrite }) => {
    if (overwrite && out === undefined)
      throw usage('report: --overwrite is for --out FILE; DIR has its page replaced anyway');
  },
  run: async (args, { run: { signal, onWarning } }) => {
    const { run, out, overwrite } = args;
    const { report: page, finished, record, numbers } = await report({ run, out, overwrite, signal, onWarning });
    const { method, seed, best, coefficients, timing } = record;
    return {
      result: {
        run,
        finished,
        method,
        seed,
        ...(best ? { best } : {}),
        coefficients,
        seconds: timing.totalSeconds,
        ...numbers,
      },
      out: page,
      show: () => {
        printNumbers(record, numbers);
        print(`\nWritten: ${page}${finished ? '' : ' (the search has not finished)'}`);
      },
    };
  },
});
