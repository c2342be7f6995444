// After tsc: removes compiled files whose source is gone, so that a deleted test does not run again. What is current stays in place,
// so that programs running from dist/ go on. The command's file may be run, which `npx dfmerge` does in a clone, and which tsc does not see to.
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const compiled = join(entry.parentPath, entry.name);
  const source = join(root, relative(dist, compiled).replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts'));
  if (!existsSync(source)) rmSync(compiled, { force: true });
}

chmodSync(join(dist, 'lib', 'cli', 'main.js'), 0o755);
