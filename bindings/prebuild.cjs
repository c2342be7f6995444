#!/usr/bin/env node
// prebuildify calls this to build, with node-gyp's arguments, of which cmake-js understands --arch and --debug.
// oneDNN is left out, so that the addon does not depend on what the machine that builds it happens to have.
const { spawnSync } = require('node:child_process');
const { availableParallelism } = require('node:os');
const path = require('node:path');

const kept = process.argv.slice(2).filter((argument) => argument.startsWith('--arch') || argument === '--debug');
const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
const result = spawnSync(process.execPath, [cmakeJs, 'rebuild', '--CDDFMERGE_ONEDNN=OFF', ...kept], {
  cwd: path.join(__dirname, '..'),
  stdio: 'inherit',
  // make compiles one file at a time where nothing is said.
  env: { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env },
});
process.exit(result.status ?? 1);
