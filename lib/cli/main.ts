#!/usr/bin/env node
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { architectures } from '../architectures/index.js';
import { VERSION } from '../core/version.js';
import { demoCommand } from './demo.js';
import { evaluateCommand } from './evaluate.js';
import { reportFailure, UsageError } from './failure.js';
import { finetuneCommand } from './finetune.js';
import { fisherCommand } from './fisher.js';
import { infoCommand } from './info.js';
import { mergeCommand } from './merge.js';
import { searchCommand } from './search.js';

const titles = architectures()
  .map(({ title }) => title)
  .join(', ');

const parser = yargs(hideBin(process.argv))
  .scriptName('dfmerge')
  .usage(
    `$0 <command> [options]\n\nMerge fine-tuned ${titles} models into one multi-task model by Dynamic Fisher-weighted Merging.`,
  )
  .command(searchCommand)
  .command(mergeCommand)
  .command(fisherCommand)
  .command(evaluateCommand)
  .command(finetuneCommand)
  .command(infoCommand)
  .command(demoCommand)
  .demandCommand(1, 'Which command? dfmerge --help lists them.')
  .strict()
  .version(VERSION)
  .alias('help', 'h')
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .epilogue(
    'Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\nDFMERGE_ISA forces an instruction set (scalar, generic, avx2, avx512, avx512bf16, amx), DFMERGE_MATMUL what multiplies matrices (builtin, onednn);\nDFMERGE_NO_MMAP=1 reads files without mapping them;\nDFMERGE_CACHE is the folder of token ids kept between runs (off: none).',
  )
  .exitProcess(false)
  .fail((message, error) => {
    throw error ?? new UsageError(message);
  });

// A reader that has seen enough (| head) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await parser.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, process.argv.includes('--json'));
}
