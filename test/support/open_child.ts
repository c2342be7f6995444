// Opens a model and loads it, or says what `dfmerge info` says, and prints what came of it with the peak of the process's memory.
import { totalmem } from 'node:os';
import { info } from '../../lib/commands/info.js';
import { DfMergeError } from '../../lib/core/errors.js';
import { readFisherMetadata } from '../../lib/engine/fisher_file.js';
import { Session } from '../../lib/engine/session.js';

/** What the process prints. */
export interface Opened {
  /** The error's code, `none`, or `foreign` for an error that dfmerge did not throw on purpose. */
  code: string;
  message: string;
  /** The process's peak of resident memory, in bytes. */
  peak: number;
}

async function attempt(): Promise<Omit<Opened, 'peak'>> {
  const [what, path] = process.argv.slice(2);
  try {
    if (what === 'info') info();
    else if (what === 'fisher') await readFisherMetadata(path);
    else {
      const session = await Session.open(path, [], { threads: 1 });
      await session.load(0);
    }
    return { code: 'none', message: String(totalmem()) };
  } catch (error) {
    const { message } = error as Error;
    return { code: error instanceof DfMergeError ? error.code : 'foreign', message };
  }
}

console.log(JSON.stringify({ ...(await attempt()), peak: process.resourceUsage().maxRSS * 1024 } satisfies Opened));
