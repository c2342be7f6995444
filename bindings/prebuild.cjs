#!/usr/bin/env node
// prebuildify's build command: it calls node-gyp's arguments, of which cmake-js understands --arch and --debug.
// What the machine that builds happens to have (oneDNN) does not show in the addon.
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const kept = process.argv.slice(2).filter((argument) => argument.startsWith('--arch') || argument === '--debug');
const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
const result = spawnSync(process.execPath, [cmakeJs, 'rebuild', '--CDDFMERGE_ONEDNN=OFF', ...kept], {
  cwd: path.join(__dirname, '..'),
  stdio: 'inherit',
});
process.exit(result.status ?? 1);
