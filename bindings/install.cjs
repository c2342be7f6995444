// npm's install step: use a prebuilt addon where one fits this platform, else compile one here.
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..');

function prebuilt() {
  if (process.env.npm_config_build_from_source === 'true') return false;
  try {
    require('node-gyp-build')(root);
    return true;
  } catch {
    return false;
  }
}

function found(command) {
  return !spawnSync(command, ['--version'], { stdio: 'ignore' }).error;
}

function missingTools() {
  const missing = [];
  if (!found('cmake')) missing.push('CMake 3.16 or newer');
  if (!found('make') && !found('ninja')) missing.push('make or ninja');
  const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  if (!compilers.some(found)) missing.push('a C++17 compiler');
  return missing;
}

function explain(reason) {
  console.error(`
dfmerge: ${reason}
There is no prebuilt addon for ${process.platform}-${process.arch} in this package, so it has to be compiled.
Install what is needed and run npm install again:
  Debian, Ubuntu:  sudo apt-get install cmake make g++
  Fedora:          sudo dnf install cmake make gcc-c++
  macOS:           xcode-select --install && brew install cmake
`);
  process.exit(1);
}

if (!prebuilt()) {
  const missing = missingTools();
  if (missing.length > 0) explain(`cannot compile the native addon: ${missing.join(', ')} not found.`);
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
  const result = spawnSync(process.execPath, [cmakeJs, 'compile', '--parallel', '2'], { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) explain('compiling the native addon failed; the messages are above.');
}
