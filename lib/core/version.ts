import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../bindings/index.js';

/** The version of this package. */
export const VERSION = (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
  .version;
