#!/usr/bin/env node
import { architectures } from '../architectures/index.js';
import { VERSION } from '../core/version.js';
import { readArguments, wantsJson } from './arguments.js';
import { COMMANDS } from './commands.js';
import { print } from './common.js';
import { reportFailure } from './failure.js';
import { helpOf, helpOfAll, widthOf } from './help.js';
import { runCommand } from './run.js';
import { guardStreams } from './streams.js';

const NOTES = `Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (Ctrl-C), 143 terminated.
DFMERGE_ISA forces an instruction set (scalar, generic, avx2, avx512, avx512bf16, amx), DFMERGE_MATMUL what multiplies matrices (builtin, onednn);
DFMERGE_NO_MMAP=1 reads files without mapping them;
DFMERGE_CACHE is the folder of token ids kept between runs (off: none).`;

function about(): string {
  const titles = architectures()
    .map(({ title }) => title)
    .join(', ');
  return `Merge fine-tuned ${titles} models into one multi-task model by Dynamic Fisher-weighted Merging.`;
}

const words = process.argv.slice(2);
guardStreams(wantsJson(words));
try {
  const request = readArguments(words, COMMANDS);
  if (request.ask === 'version') print(VERSION);
  else if (request.ask === 'run') await runCommand(request.command, request.args);
  else if (request.command) print(helpOf(request.command, widthOf(process.stdout)));
  else print(helpOfAll(COMMANDS, { about: about(), notes: NOTES, width: widthOf(process.stdout) }));
} catch (error) {
  process.exitCode = reportFailure(error, wantsJson(words));
}
