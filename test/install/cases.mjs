// Installs the package in the ways that users do, each time into a fresh folder, and uses it there: by import, by command, and by its types.
// It prints a line for each case and "N passed, N failed". It needs a compiler and npm's registry. DFMERGE_KEEP=1 keeps the folders.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { consumerTypes, useByName } from './consumer.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const work = mkdtempSync(join(tmpdir(), 'dfmerge install '));
const npmSettings = {
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_prefer_offline: 'true',
  npm_config_update_notifier: 'false',
  npm_config_loglevel: 'error',
};
const environment = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(npm_|DFMERGE_|PREBUILDS_ONLY$)/i.test(name) || /^npm_config_(cache|registry|userconfig)$/.test(name),
    ),
  ),
  ...npmSettings,
  // The same sources are compiled for four cases; objects go from one to the next, and from the checkout's build where CI keeps them.
  CMAKE_CXX_COMPILER_LAUNCHER: `${process.execPath};${join(root, 'test', 'compile_once.mjs')}`,
  DFMERGE_OBJECTS: process.env.DFMERGE_OBJECTS ?? join(work, 'objects'),
};
mkdirSync(environment.DFMERGE_OBJECTS, { recursive: true });

class Wrong extends Error {}

function expect(truth, complaint) {
  if (!truth) throw new Wrong(complaint);
}

/** Runs a program to its end. */
function run(command, parameters, { cwd, env = {} }) {
  const result = spawnSync(command, parameters, {
    cwd,
    env: { ...environment, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
  return {
    status: result.status,
    stdout: result.stdout ?? '',
    stderr: result.stderr ?? '',
    output: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`,
  };
}

function succeed(command, parameters, options) {
  const result = run(command, parameters, options);
  expect(result.status === 0, `${command} ${parameters.join(' ')}: exit ${result.status}\n${result.output}`);
  return result;
}

/** A PATH that has Node.js, npm and a shell, but nothing that compiles. */
function pathWithoutCompiler() {
  const folder = join(work, 'bin');
  mkdirSync(folder);
  for (const name of ['node', 'npm', 'npx', 'sh']) {
    const place = process.env.PATH.split(delimiter)
      .map((part) => join(part, name))
      .find((file) => existsSync(file));
    symlinkSync(name === 'node' ? process.execPath : place, join(folder, name));
  }
  return { PATH: folder, CXX: '', CC: '' };
}

function pack(folder, destination) {
  mkdirSync(destination);
  succeed('npm', ['pack', '--ignore-scripts', '--pack-destination', destination], { cwd: folder });
  return join(destination, readdirSync(destination)[0]);
}

/** Makes the package without prebuilt addons, as a tarball and unpacked. */
function packPlain() {
  const first = pack(root, join(work, 'as it is'));
  const unpacked = join(work, 'unpacked');
  mkdirSync(unpacked);
  succeed('tar', ['xzf', first, '-C', unpacked], { cwd: work });
  const folder = join(unpacked, 'package');
  rmSync(join(folder, 'prebuilds'), { recursive: true, force: true });
  return { folder, tarball: pack(folder, join(work, 'plain')) };
}

/** Makes the package with a prebuilt addon, by `npm run prebuilds`. */
function packPrebuilt(plain) {
  const folder = join(work, 'with prebuild');
  cpSync(plain.folder, folder, { recursive: true });
  cpSync(join(root, 'bindings', 'prebuild.cjs'), join(folder, 'bindings', 'prebuild.cjs'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  succeed('npm', ['run', 'prebuilds'], { cwd: folder });
  const made = readdirSync(join(folder, 'prebuilds'), { recursive: true }).filter((file) => file.endsWith('.node'));
  const libc = process.platform === 'linux' ? /\.(glibc|musl)\.node$/ : /\.node$/;
  expect(made.length === 1 && libc.test(made[0]), `prebuilds holds ${made.join(', ')}`);
  const loaded = succeed(process.execPath, ['-p', 'require("node-gyp-build").path(".")'], {
    cwd: folder,
    env: { PREBUILDS_ONLY: '1' },
  });
  expect(loaded.stdout.includes('prebuilds'), `PREBUILDS_ONLY=1 finds ${loaded.stdout}`);
  rmSync(join(folder, 'bindings', 'prebuild.cjs'));
  return pack(folder, join(work, 'prebuilt'));
}

let consumers = 0;

/** Makes a user's project that has nothing yet. */
function project() {
  const folder = join(work, `project ${++consumers}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  return folder;
}

const installed = (folder) => join(folder, 'node_modules', 'dfmerge');
const compiled = (folder) => existsSync(join(installed(folder), 'build', 'Release', 'dfmerge.node'));

function works(folder, env = {}) {
  writeFileSync(join(folder, 'use.js'), useByName);
  const used = succeed(process.execPath, ['use.js'], { cwd: folder, env });
  expect(used.stdout === 'works\n', used.output);
  const told = JSON.parse(succeed('npx', ['dfmerge', 'info', '--json'], { cwd: folder, env }).stdout);
  expect(
    told.version === require(join(root, 'package.json')).version && told.isa.built.length > 0,
    JSON.stringify(told),
  );
  return told;
}

/** Checks that the command fails with NATIVE_LOAD and with words that help. */
function failsToLoad(folder, words) {
  const result = run('npx', ['dfmerge', 'info', '--json'], { cwd: folder });
  expect(result.status === 1, `exit ${result.status}: ${result.output}`);
  const { error } = JSON.parse(result.stderr);
  expect(
    error.code === 'NATIVE_LOAD' && words.test(error.message) && /npm rebuild dfmerge/.test(error.message),
    result.stderr,
  );
}

/** What an installation may take on the disk, in MiB; a package that brings a browser's worth of files is noticed here. */
const LARGEST_INSTALLATION = 45;

/** Says how large an installation is, and checks that README names about the same numbers. */
function isSmall(folder) {
  const modules = join(folder, 'node_modules');
  const files = readdirSync(modules, { recursive: true }).map((file) => join(modules, file));
  const size = files.reduce((sum, file) => sum + 512 * lstatSync(file).blocks, 0) / 2 ** 20;
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  console.log(`       ${size.toFixed(1)} MiB in ${Object.keys(packages).length} packages`);
  expect(size <= LARGEST_INSTALLATION, `${size.toFixed(1)} MiB are more than ${LARGEST_INSTALLATION}`);
  const told = /takes (\d+) MB in (\d+) packages/.exec(readFileSync(join(root, 'README.md'), 'utf8'));
  const [megabytes, count] = [(size * 2 ** 20) / 1e6, Object.keys(packages).length];
  expect(
    told && Math.abs(told[1] - megabytes) <= 4 && Math.abs(told[2] - count) <= 4,
    `README says "${told?.[0]}", and it is ${megabytes.toFixed(0)} MB in ${count} packages`,
  );
}

let passed = 0;
let failed = 0;

function check(title, body) {
  const start = performance.now();
  let complaint = '';
  try {
    body();
    passed += 1;
  } catch (error) {
    failed += 1;
    complaint = `\n${error instanceof Wrong ? error.message : error.stack}`;
  }
  console.log(
    `${complaint === '' ? 'ok    ' : 'not ok'} ${title} (${((performance.now() - start) / 1000).toFixed(1)} s)${complaint}`,
  );
}

const withoutCompiler = pathWithoutCompiler();
let plain;
let prebuilt;

check('npm pack', () => {
  plain = packPlain();
});
check('npm run prebuilds: one addon, tagged with its C library, loads with PREBUILDS_ONLY=1', () => {
  prebuilt = packPrebuilt(plain);
});
check('with a prebuilt addon: installs without a compiler; types hold for nodenext and bundler', () => {
  const folder = project();
  succeed('npm', ['install', prebuilt], { cwd: folder, env: withoutCompiler });
  expect(!compiled(folder), 'compiled although a prebuilt addon fits');
  const { matmul } = works(folder, withoutCompiler);
  expect(
    /this build has no oneDNN/.test(matmul),
    `a prebuilt addon is the same wherever it was made, but says: ${matmul}`,
  );
  checkTypes(folder);
});
check('with a prebuilt addon and --ignore-scripts: works', () => {
  const folder = project();
  succeed('npm', ['install', '--ignore-scripts', prebuilt], { cwd: folder, env: withoutCompiler });
  works(folder, withoutCompiler);
});
check('with a prebuilt addon and npm_config_build_from_source=true: compiles', () => {
  const folder = project();
  succeed('npm', ['install', prebuilt], { cwd: folder, env: { npm_config_build_from_source: 'true' } });
  expect(compiled(folder), 'did not compile');
  works(folder);
});
check(`without a prebuilt addon: compiles, and takes at most ${LARGEST_INSTALLATION} MiB`, () => {
  const folder = project();
  succeed('npm', ['install', '--omit=dev', plain.tarball], { cwd: folder });
  expect(compiled(folder), 'did not compile');
  works(folder);
  isSmall(folder);
});
check('without a prebuilt addon and without a compiler: exit 1 and what to install', () => {
  const folder = project();
  const result = run('npm', ['install', plain.tarball], { cwd: folder, env: withoutCompiler });
  expect(result.status === 1, `exit ${result.status}: ${result.output}`);
  for (const words of [
    /CMake 3\.16 or newer, make or ninja, a C\+\+17 compiler not found/,
    /no prebuilt addon/,
    /apt-get install cmake make g\+\+/,
  ])
    expect(words.test(result.output), result.output);
});
check('no addon, then a broken one: NATIVE_LOAD says what to do, and npm rebuild dfmerge does it', () => {
  const folder = project();
  succeed('npm', ['install', '--ignore-scripts', plain.tarball], { cwd: folder });
  failsToLoad(folder, /No native build was found.*compiler/s);
  const release = join(installed(folder), 'build', 'Release');
  mkdirSync(release, { recursive: true });
  writeFileSync(join(release, 'dfmerge.node'), 'not a library');
  failsToLoad(folder, /could not be loaded/);
  succeed('npm', ['rebuild', 'dfmerge'], { cwd: folder });
  works(folder);
});

/** Bundles the user's program of a project as docs/running.md says it, and returns the bundle's file. */
function bundle(folder, format) {
  writeFileSync(join(folder, 'use.js'), useByName);
  const file = join(folder, 'bundled', format === 'cjs' ? 'use.cjs' : 'use.mjs');
  const require =
    "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";
  const { errors } = buildSync({
    entryPoints: [join(folder, 'use.js')],
    bundle: true,
    platform: 'node',
    format,
    mainFields: ['module', 'main'],
    outfile: file,
    logLevel: 'silent',
    ...(format === 'esm' ? { banner: { js: require } } : {}),
  });
  expect(errors.length === 0, JSON.stringify(errors));
  return file;
}

/** Copies a bundle into a folder of its own, with nothing of the package above it or beside it. */
function moved(file) {
  const folder = join(work, `bundle ${++consumers}`);
  mkdirSync(folder);
  const copy = join(folder, basename(file));
  cpSync(file, copy);
  return copy;
}

for (const format of ['cjs', 'esm'])
  check(
    `bundled by esbuild (${format}): works with the addon beside it, at DFMERGE_ADDON, or installed; says what is missing`,
    () => {
      const folder = project();
      succeed('npm', ['install', '--ignore-scripts', prebuilt], { cwd: folder });
      const addon = readdirSync(join(installed(folder), 'prebuilds'), { recursive: true, encoding: 'utf8' })
        .map((file) => join(installed(folder), 'prebuilds', file))
        .find((file) => file.endsWith('.node'));
      const file = bundle(folder, format);
      const use = (place, env = {}) => run(process.execPath, [basename(place)], { cwd: dirname(place), env });
      const works = (result) => expect(result.stdout === 'works\n', result.output);
      works(use(file)); // The package is installed above it.

      const alone = moved(file);
      const without = use(alone);
      expect(
        without.status === 1 && /NATIVE_LOAD/.test(without.stderr) && without.stderr.includes(dirname(alone)),
        without.output,
      );
      works(use(alone, { DFMERGE_ADDON: addon }));
      cpSync(addon, join(dirname(alone), 'dfmerge.node'));
      works(use(alone));

      const { version } = require(join(root, 'package.json'));
      writeFileSync(alone, readFileSync(alone, 'utf8').replaceAll(`"${version}"`, '"99.0.0"'));
      const other = use(alone);
      expect(other.status === 1 && /is of version .*, and this is dfmerge 99\.0\.0/.test(other.stderr), other.output);
    },
  );

function checkTypes(folder) {
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  const types = join(folder, 'node_modules', '@types', 'node');
  if (!existsSync(types)) symlinkSync(join(root, 'node_modules', '@types', 'node'), types);
  writeFileSync(join(folder, 'use.ts'), consumerTypes);
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const options = {
      module,
      moduleResolution,
      target: 'es2022',
      lib: ['es2023'],
      types: ['node'],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['use.ts'] }));
    succeed(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder], { cwd: folder });
  }
}

if (process.env.DFMERGE_KEEP) console.log(`kept: ${work}`);
else rmSync(work, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
