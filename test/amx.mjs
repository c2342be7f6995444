// Runs AMX's machine code also where the processor has no AMX, in the way that test/native/amx_checks.cc describes: npm run test:amx
// On a machine that has AMX the instructions themselves run.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root, run } from './sanitizer.mjs';

const cmakeJs = createRequire(import.meta.url).resolve('cmake-js/bin/cmake-js');
const configured = run('configuring', process.execPath, [cmakeJs, 'configure']);
if (
  configured.ok &&
  !/^DFMERGE_HAS_AMX:INTERNAL=1$/m.test(readFileSync(join(root, 'build', 'CMakeCache.txt'), 'utf8'))
) {
  console.log(
    '\nskipped: this build has no AMX kernels (another architecture, or a compiler that does not know the instructions)',
  );
  process.exit(0);
}
const built = configured.ok
  ? run('building', process.execPath, [cmakeJs, 'build', '--target', 'amx_checks'])
  : configured;
const { ok } = built.ok ? run('AMX checks', join(root, 'build', 'amx_checks'), []) : built;
process.exit(ok ? 0 : 1);
