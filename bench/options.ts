import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import yargs from 'yargs';
import type { BenchCase } from './catalog.js';
import { LENGTHS_FILE } from './lengths.js';
import { SHAPE_NAMES, SHORT } from './shapes.js';

const USAGE = `npm run bench -- [options]     times the engine beside the machine's limits
npm run bench -- regret [SEEDS] [default|bayes_opt] [ITERATIONS]     regret of the Bayesian optimiser`;

/** Parses and checks the command line. */
export function parseOptions(args: readonly string[]) {
  const options = yargs(args)
    .scriptName('bench')
    .usage(USAGE)
    .option('only', { type: 'string', array: true, describe: 'cases whose name contains one of these' })
    .option('quick', { type: 'boolean', default: false, describe: 'a small part, in a minute or two' })
    .option('full', {
      type: 'boolean',
      default: false,
      describe: 'the long and the large cases too: whole iterations, T5-large',
    })
    .option('shape', { choices: SHAPE_NAMES, describe: 'cases of one shape' })
    .option('dtype', { choices: Object.values(SHORT), describe: 'cases of one dtype' })
    .option('threads', { type: 'number', default: availableParallelism(), describe: 'of the engine and of the peers' })
    .option('repeats', { type: 'number', default: 5, describe: 'timed runs of every program' })
    .option('peers', {
      type: 'boolean',
      default: false,
      describe: 'alternate with PyTorch, CTranslate2 and bayes_opt, as far as Python has them',
    })
    .option('python', { type: 'string', describe: 'Python of the peers [default: $DFMERGE_BENCH_PYTHON or python3]' })
    .option('workloads', {
      type: 'string',
      default: LENGTHS_FILE,
      defaultDescription: 'the table in bench',
      coerce: (file: string) => resolve(file),
      describe: 'JSON file of token lengths: {TASK: {count, rows: [{input, choices}]}}',
    })
    .option('json', { type: 'string', describe: 'keep everything in this file' })
    .option('resume', {
      type: 'boolean',
      default: false,
      describe: 'go on with the cases that the file of --json does not hold yet',
    })
    .option('write-results', {
      type: 'boolean',
      default: false,
      describe: 'write RESULTS.md beside the programs; needs all cases: --full and no selection',
    })
    .option('from', { type: 'string', describe: 'print, or write, the record of an earlier --json instead of running' })
    .option('list', { type: 'boolean', default: false, describe: 'name the cases and end' })
    .strict()
    .version(false)
    .alias('help', 'h')
    .wrap(Math.min(120, process.stdout.columns ?? 120))
    .check(({ threads, repeats, quick, full, resume, json }) => {
      if (!(Number.isInteger(threads) && threads >= 1 && threads <= 256))
        throw new Error('--threads: expected 1 to 256');
      if (!(Number.isInteger(repeats) && repeats >= 1)) throw new Error('--repeats: expected 1 or more');
      if (resume && !json) throw new Error('--resume needs --json: the file of the run that was cut off');
      if (quick && full) throw new Error('--quick and --full: choose one');
      return true;
    })
    .parseSync();
  if (options.writeResults && !options.from && !isWhole(options))
    throw new Error('--write-results needs a whole run: --full, without --only, --shape, --dtype');
  return options;
}

export type BenchOptions = ReturnType<typeof parseOptions>;

/** Whether a run leaves no case out. */
export function isWhole({
  only,
  shape,
  dtype,
  full,
}: Pick<BenchOptions, 'only' | 'shape' | 'dtype' | 'full'>): boolean {
  return full && !only && !shape && !dtype;
}

/** The cases that the options ask for. To name one chooses it even where it is long. Throws where a name fits no case. */
export function selectCases(all: readonly BenchCase[], { only, quick, full, shape, dtype }: BenchOptions): BenchCase[] {
  const unknown = only?.filter((part) => !all.some(({ name }) => name.includes(part))) ?? [];
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(' ')}: no case of that name; --list names them`);
  return all
    .filter(({ name }) => !only || only.some((part) => name.includes(part)))
    .filter((entry) => !quick || entry.quick)
    .filter((entry) => full || !entry.full || only?.includes(entry.name))
    .filter((entry) => !shape || entry.shape === shape)
    .filter((entry) => !dtype || SHORT[entry.dtype] === dtype);
}
