// npm runs this between raising package.json's version and committing it: writes the version where TypeScript has it compiled in. CMake takes
// the addon's from package.json itself.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = join(root, 'lib', 'core', 'version.ts');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const before = readFileSync(file, 'utf8');
const after = before.replace(/VERSION = '[^']*'/, `VERSION = '${version}'`);
if (!after.includes(`VERSION = '${version}'`)) throw new Error(`${file} has no VERSION to write`);
writeFileSync(file, after);
execFileSync('git', ['add', file], { cwd: root, stdio: 'inherit' });
