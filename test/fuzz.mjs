// Fuzzes the native side with libFuzzer: npm run test:fuzz -- [SECONDS | --runs N] [TARGET ...]
// A target, test/native/fuzz_NAME.cc, starts from the inputs in test/native/corpus/NAME and stops at its first finding, which it keeps in
// build-fuzz/. SECONDS are those of all targets together; --runs counts executions of each. It needs clang with libFuzzer.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inPairs, root, run } from './sanitizer.mjs';

const home = join(root, 'build-fuzz');
const words = process.argv.slice(2);
const at = words.indexOf('--runs');
const runs = at < 0 ? undefined : Number(words.splice(at, 2)[1]);
const seconds = /^\d+$/.test(words[0] ?? '') ? Number(words.shift()) : 30;
if (runs !== undefined && !(Number.isInteger(runs) && runs > 0)) {
  console.log('--runs: expected a whole number of at least 1');
  process.exit(2);
}

const compiler = process.env.FUZZ_CXX ?? 'clang++';
const probe = spawnSync(compiler, ['-x', 'c++', '-fsanitize=fuzzer', '-', '-o', '/dev/null'], {
  input: 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }',
});
if (probe.status !== 0) {
  console.log(
    `fuzzing: skipped: no clang with libFuzzer here (Debian: clang and libclang-rt-dev; FUZZ_CXX names another)`,
  );
  process.exit(0);
}

const targets = readdirSync(join(root, 'test', 'native'))
  .flatMap((name) => /^fuzz_(\w+)\.cc$/.exec(name)?.[1] ?? [])
  .filter((name) => words.length === 0 || words.includes(name));
mkdirSync(home, { recursive: true });
for (const [title, args] of [
  ['configuring', ['-S', root, '-B', home, `-DCMAKE_CXX_COMPILER=${compiler}`, '-DDFMERGE_SANITIZE=fuzzer']],
  ['building with libFuzzer', ['--build', home, '--target', ...targets.map((name) => `fuzz_${name}`)]],
]) {
  const { ok } = run(title, 'cmake', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (!ok) process.exit(1);
}

const failed = [];
let executions = 0;
const limit =
  runs === undefined ? `-max_total_time=${Math.max(1, Math.floor(seconds / targets.length))}` : `-runs=${runs}`;
const started = targets.map((target) => {
  const [found, kept] = [join(home, 'corpus', target), join(root, 'test', 'native', 'corpus', target)];
  for (const folder of [found, kept]) mkdirSync(folder, { recursive: true });
  const artifacts = `-artifact_prefix=${join(home, `${target}-`)}`;
  const seed = process.env.CI ? ['-seed=1'] : [];
  return {
    title: target,
    args: [
      join(home, `fuzz_${target}`),
      limit,
      ...seed,
      '-max_len=600',
      '-timeout=60',
      '-rss_limit_mb=3000',
      '-print_final_stats=1',
      artifacts,
      found,
      kept,
    ],
  };
});
for (const { title, ok, how, stderr } of await inPairs('env', started, { quiet: true })) {
  const count = Number(/number_of_executed_units: (\d+)/.exec(stderr)?.[1] ?? 0);
  executions += count;
  console.log(`${title}: ${count} executions${ok ? '' : `, a finding (${how})`}`);
  if (!ok) {
    failed.push(title);
    const told = stderr.split('\n').filter((line) => !/^#\d|NEW_FUNC|# Uses/.test(line));
    console.log(told.slice(-60).join('\n'));
  }
}
console.log(
  `\nfuzzing: ${executions} executions of ${targets.length} targets, ${failed.length === 0 ? 'no findings' : `findings in ${failed.join(', ')}`}`,
);
process.exit(failed.length === 0 ? 0 : 1);
