// npm's install step uses a prebuilt addon where one fits this platform, and compiles one elsewhere.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');

/** Returns why an addon has to be compiled, or undefined where one that loads is there already. */
function reasonToCompile() {
  if (['true', 'dfmerge'].includes(process.env.npm_config_build_from_source))
    return 'npm_config_build_from_source asks for it';
  if (existsSync(path.join(root, '.git'))) return 'this is a checkout of the sources';
  try {
    require('node-gyp-build')(root);
    return undefined;
  } catch (error) {
    const first = error.message.split('\n')[0];
    return existsSync(path.join(root, 'prebuilds'))
      ? `no prebuilt addon in this package works here (${first})`
      : 'this package has no prebuilt addon';
  }
}

function found(command) {
  const result = spawnSync(command, ['--version'], { stdio: 'ignore', shell: command.includes(' ') });
  return !result.error && result.status === 0;
}

function missingTools() {
  const missing = [];
  if (!found('cmake')) missing.push('CMake 3.16 or newer');
  if (!found('make') && !found('ninja')) missing.push('make or ninja');
  const compilers = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  if (!compilers.some(found)) missing.push('a C++17 compiler');
  return missing;
}

function giveUp(complaint, reason) {
  console.error(`
dfmerge: ${complaint}
The native addon has to be compiled for ${process.platform}-${process.arch}: ${reason}.
Install what is needed and run npm install again:
  Debian, Ubuntu:  sudo apt-get install cmake make g++
  Fedora:          sudo dnf install cmake make gcc-c++
  Alpine:          apk add cmake make g++
  macOS:           xcode-select --install && brew install cmake
`);
  process.exit(1);
}

const reason = reasonToCompile();
if (reason) {
  const missing = missingTools();
  if (missing.length > 0) giveUp(`cannot compile: ${missing.join(', ')} not found.`, reason);
  const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
  const parallel = String(availableParallelism());
  const result = spawnSync(process.execPath, [cmakeJs, 'compile', '--parallel', parallel], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) giveUp('compiling failed; the messages are above.', reason);
}
