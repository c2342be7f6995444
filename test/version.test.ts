// The version is compiled in, so that importing the package reads no package.json; what is compiled in stays the package's version.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { native, packageRoot } from '../bindings/index.js';
import { VERSION } from '../lib/core/version.js';
import { temporaryFolder } from './support/tiny_t5.js';

const root = packageRoot();
const addon = join(root, 'build', 'Release', 'dfmerge.node');

test('TypeScript, the addon and package.json have one version', (t) => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  t.is(VERSION, version);
  t.is(native().version, version);
});

test('npm version writes it and commits it', async (t) => {
  const folder = await temporaryFolder();
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { version: string } };
  const description = { name: 'copy', version: '1.0.0', scripts: { version: scripts.version } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(description));
  for (const file of ['test/version.mjs', 'lib/core/version.ts']) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    copyFileSync(join(root, file), join(folder, file));
  }
  const run = (command: string, ...words: string[]) =>
    execFileSync(command, words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  run('git', 'init', '-q');
  run('git', 'config', 'user.name', 'a');
  run('git', 'config', 'user.email', 'a@b');
  run('git', 'add', '.');
  run('git', 'commit', '-qm', 'first');
  run('npm', 'version', 'minor');
  t.regex(run('git', 'show', 'HEAD:lib/core/version.ts'), /VERSION = '1\.1\.0'/);
});

/** What a program prints that imports a copy of the compiled boundary from a folder, of another version where one is given. */
async function load(options: { version?: string; addon?: string; flags?: string[] }): Promise<string> {
  const folder = await temporaryFolder();
  for (const part of ['bindings', 'lib/core'])
    cpSync(join(root, 'dist', part), join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"name": "another", "type": "module"}');
  const file = join(folder, 'lib', 'core', 'version.js');
  if (options.version) writeFileSync(file, readFileSync(file, 'utf8').replace(VERSION, options.version));
  const program = `import { native } from ${JSON.stringify(pathToFileURL(join(folder, 'bindings', 'index.js')))};
    try { console.log('loaded', native().version); } catch ({ code, message }) { console.log(code, message); }`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...(options.flags ?? []), '--input-type=module', '-e', program],
    { env: { ...process.env, DFMERGE_ADDON: options.addon ?? '' }, encoding: 'utf8', timeout: 60_000 },
  );
  return stdout || stderr;
}

test('an addon of another version is refused, and the message names it and both versions', async (t) => {
  t.is(await load({ addon }), `loaded ${VERSION}\n`);
  const told = await load({ addon, version: '99.1.2' });
  t.true(
    told.startsWith(`NATIVE_LOAD the native engine ${addon} is of version ${VERSION}, and this is dfmerge 99.1.2.`),
  );
});

test('DFMERGE_ADDON that names no addon is said to', async (t) => {
  t.regex(
    await load({ addon: '/nowhere/dfmerge.node' }),
    /^NATIVE_LOAD .*\/nowhere\/dfmerge\.node.*DFMERGE_ADDON has to name/,
  );
  t.regex(await load({ addon: join(root, 'package.json') }), /^NATIVE_LOAD .*DFMERGE_ADDON has to name/);
});

test('under --no-addons the message says what to leave out', async (t) => {
  t.regex(await load({ addon, flags: ['--no-addons'] }), /^NATIVE_LOAD .*start it without --no-addons/);
});

test('code that lies below no package of ours loads at once, and says where the addon is missing', async (t) => {
  t.regex(await load({}), /^NATIVE_LOAD .*there is no dfmerge\.node in .*beside the bundle.*DFMERGE_ADDON/);
});
