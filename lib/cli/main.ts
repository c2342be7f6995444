#!/usr/bin/env node
import { readArguments, wantsJson } from './arguments.js';
import { COMMANDS } from './commands.js';
import { print } from './common.js';
import { reportFailure } from './failure.js';
import { widthOf } from './parser.js';
import { runCommand } from './run.js';
import { guardStreams } from './streams.js';

const words = process.argv.slice(2);
guardStreams(wantsJson(words));
try {
  const request = readArguments(words, COMMANDS, widthOf(process.stdout));
  if (request.ask === 'run') await runCommand(request.command, request.args);
  else print(request.text);
} catch (error) {
  process.exitCode = reportFailure(error, wantsJson(words));
}
