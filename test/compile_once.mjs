// Stands before the compiler (CMAKE_CXX_COMPILER_LAUNCHER) while CI compiles the same sources again and again, in the checkout and in every
// folder into which the package is installed: an object whose preprocessed source, flags and compiler are those of an earlier one is copied
// from the folder DFMERGE_OBJECTS. Without that variable, and for objects with debug information, which name their folder, it only compiles.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, renameSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const [compiler, ...flags] = process.argv.slice(2);
const kept = process.env.DFMERGE_OBJECTS;
const output = flags[flags.indexOf('-o') + 1];

/** The file of a program: another version of the compiler is another file. */
function program(name) {
  const files = name.includes('/') ? [name] : process.env.PATH.split(delimiter).map((folder) => join(folder, name));
  for (const file of files) {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found) return `${file} ${found.size} ${found.mtimeMs}`;
  }
  return name;
}

/** The file that keeps the object of this call; undefined where it cannot be known, or the source does not even go through the preprocessor. */
function place() {
  if (!kept || !flags.includes('-c') || !flags.includes('-o') || flags.some((flag) => flag.startsWith('-g')))
    return undefined;
  const without = flags.filter((flag, i) => flag !== '-c' && flag !== '-o' && flags[i - 1] !== '-o');
  // It also writes the file of dependencies that make or ninja asks for.
  const { status, stdout } = spawnSync(compiler, [...without, '-E', '-P'], { maxBuffer: 2 ** 28 });
  if (status !== 0) return undefined;
  const hash = createHash('sha256').update(program(compiler));
  for (const flag of flags) if (/^-([fmOW]|std=)/.test(flag)) hash.update(` ${flag}`);
  return join(kept, `${hash.update('\n').update(stdout).digest('hex')}.o`);
}

const file = place();
if (file && statSync(file, { throwIfNoEntry: false })) copyFileSync(file, output);
else {
  const { status, error } = spawnSync(compiler, flags, { stdio: 'inherit' });
  if (error) console.error(error.message);
  if (status === 0 && file) {
    copyFileSync(output, `${file}-${process.pid}`);
    renameSync(`${file}-${process.pid}`, file);
  }
  process.exitCode = status ?? 1;
}
