// Runs the tests of the native engine, or the files that are named, with the address and undefined-behaviour sanitizers:
// npm run test:asan -- [dist/test/file.test.js ...]
// The sanitized addon goes to build-asan/; node-gyp-build takes it from there because DFMERGE_PREBUILD says so.
// Left out are tests whose time goes into JavaScript, while the native code they call runs in others of the same file; DFMERGE_WHOLE_SUITE=1
// takes them along.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { build, inPairs, root, run } from './sanitizer.mjs';

const require = createRequire(import.meta.url);
const home = join(root, 'build-asan');
const NATIVE_TESTS = /^(architecture|ops|engine|golden_merge|golden_t5|merge_|determinism)/;

const LEFT_OUT = '*the gradient of summed NLLs is that of finite differences*';
const match = process.env.DFMERGE_WHOLE_SUITE === '1' ? [] : [`--match=!${LEFT_OUT}`];

/**
 * The path of a compiler runtime, which LD_PRELOAD loads because node itself is not sanitized. libstdc++ comes along so that throws are
 * intercepted.
 */
const runtime = (name) =>
  execFileSync(process.env.CXX ?? 'c++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();

function tests() {
  if (process.argv.length > 2) return process.argv.slice(2);
  return readdirSync(join(root, 'dist', 'test'))
    .filter((name) => NATIVE_TESTS.test(name) && name.endsWith('.test.js'))
    .map((name) => join('dist', 'test', name));
}

build('address', home);

const logs = mkdtempSync(join(tmpdir(), 'dfmerge-asan-'));
const environment = {
  ...process.env,
  DFMERGE_PREBUILD: home,
  LD_PRELOAD: `${runtime('libasan.so')}:${runtime('libstdc++.so.6')}`,
  // V8 never frees all it holds at exit; the first finding ends its process, and goes to a file because ava hides some of stderr.
  ASAN_OPTIONS: `detect_leaks=0:log_path=${join(logs, 'address')}:detect_stack_use_after_return=1`,
  UBSAN_OPTIONS: `print_stacktrace=1:halt_on_error=1:log_path=${join(logs, 'undefined')}`,
};
const loaded = run(
  'loading the sanitized addon',
  process.execPath,
  [
    '--input-type=module',
    '-e',
    `
  import { native } from ${JSON.stringify(join(root, 'dist', 'bindings', 'index.js'))};
  import { readFileSync } from 'node:fs';
  native();
  if (!readFileSync('/proc/self/maps', 'utf8').includes('build-asan')) throw new Error('the tests would load another addon than build-asan');
`,
  ],
  { env: environment },
);

const failed = [];
if (!loaded.ok) failed.push(`loading: ${loaded.how}`);
else {
  const ava = join(dirname(require.resolve('ava')), 'cli.mjs');
  const runs = tests().map((test) => ({ title: test, args: [ava, '--serial', '--timeout=20m', ...match, test] }));
  for (const { title, ok, how } of await inPairs(process.execPath, runs, { env: environment }))
    if (!ok) failed.push(`${title}: ${how}`);
}

const findings = readdirSync(logs);
for (const file of findings) console.log(`\n== finding: ${readFileSync(join(logs, file), 'utf8')}`);
rmSync(logs, { recursive: true, force: true });
const clean = failed.length + findings.length === 0;
console.log(
  clean
    ? '\nsanitizers: no findings'
    : `\nsanitizers: reports above (undefined behaviour: beside its test). Failed: ${failed.join('; ') || 'no test'}`,
);
process.exit(clean ? 0 : 1);
