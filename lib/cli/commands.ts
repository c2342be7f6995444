import type { Command } from './command.js';
import { checkCommand } from './check.js';
import { compareCommand } from './compare.js';
import { demoCommand } from './demo.js';
import { evaluateCommand } from './evaluate.js';
import { finetuneCommand } from './finetune.js';
import { fisherCommand } from './fisher.js';
import { infoCommand } from './info.js';
import { mergeCommand } from './merge.js';
import { predictCommand } from './predict.js';
import { reportCommand } from './report.js';
import { searchCommand } from './search.js';

/** The commands in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  searchCommand,
  mergeCommand,
  checkCommand,
  fisherCommand,
  evaluateCommand,
  finetuneCommand,
  predictCommand,
  reportCommand,
  compareCommand,
  infoCommand,
  demoCommand,
];
