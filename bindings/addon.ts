/** Finds the addon's file and loads it, from an installed package as well as from a bundle. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DfMergeError } from '../lib/core/errors.js';
import { VERSION } from '../lib/core/version.js';

const PACKAGE = 'dfmerge';
const FILE = 'dfmerge.node';

/** The folder of this module, or of the bundle that it became part of. A bundle in CommonJS has no import.meta.url and has __dirname. */
function ownFolder(): string {
  const url = import.meta.url as string | undefined;
  if (url !== undefined) return dirname(fileURLToPath(url));
  return typeof __dirname === 'string' ? __dirname : dirname(process.execPath);
}

/** The nearest folder at or above `start` whose package.json is this package's. */
function rootAbove(start: string): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (isRoot(folder)) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

function isRoot(folder: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: unknown }).name === PACKAGE;
  } catch {
    return false;
  }
}

/**
 * The package's root, where build/, prebuilds/ and package.json lie. It is above bindings as well as above dist/bindings.
 * Errors: NOT_FOUND in a bundle, which has no such folder above it.
 */
export function packageRoot(): string {
  const root = rootAbove(ownFolder());
  if (root !== undefined) return root;
  throw new DfMergeError('NOT_FOUND', `no folder above ${ownFolder()} holds the package.json of ${PACKAGE}`);
}

/** The package as it is installed where a bundle runs. */
function installedRoot(folder: string): string | undefined {
  try {
    return dirname(createRequire(join(folder, FILE)).resolve(`${PACKAGE}/package.json`));
  } catch {
    return undefined;
  }
}

/** The addon of an installed package: the one built there, or the prebuilt one of this platform. Throws where there is none. */
function fileOf(root: string): string {
  const build = createRequire(join(root, 'package.json'))('node-gyp-build') as { path: (root: string) => string };
  return build.path(root);
}

/**
 * Where the addon lies: at DFMERGE_ADDON; in this package; beside the bundle; in the package that is installed where the bundle runs.
 */
function findAddon(): string {
  const named = process.env.DFMERGE_ADDON;
  if (named) return resolve(named);
  const folder = ownFolder();
  const root = rootAbove(folder);
  if (root !== undefined) return fileOf(root);
  const beside = join(folder, FILE);
  if (existsSync(beside)) return beside;
  const installed = installedRoot(folder);
  if (installed !== undefined) return fileOf(installed);
  throw new Unbundled(`there is no ${FILE} in ${folder}, beside the bundle that is running`);
}

/** A bundle without the addon. */
class Unbundled extends Error {}

/** Loads the addon. Throws NATIVE_LOAD with what to do where there is none for this machine, or where it belongs to another version. */
export function loadAddon<Addon extends { readonly version: string }>(): Addon {
  let file: string | undefined;
  let addon: Addon;
  try {
    file = findAddon();
    const module = { exports: {} as Addon };
    process.dlopen(module, file);
    addon = module.exports;
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
    throw new DfMergeError('NATIVE_LOAD', `the native engine could not be loaded (${reason}). ${adviceFor(cause)}`, {
      cause,
    });
  }
  if (addon.version === VERSION) return addon;
  throw new DfMergeError(
    'NATIVE_LOAD',
    `the native engine ${file} is of version ${addon.version ?? 'unknown'}, and this is dfmerge ${VERSION}. ${
      process.env.DFMERGE_ADDON
        ? 'DFMERGE_ADDON names it: take the dfmerge.node of this version.'
        : 'Run npm rebuild dfmerge; beside a bundle lay the dfmerge.node of this version.'
    }`,
  );
}

function adviceFor(cause: unknown): string {
  const { code, message } = cause as Partial<NodeJS.ErrnoException>;
  if (code === 'ERR_DLOPEN_DISABLED')
    return 'Node.js was told to load no addons: start it without --no-addons, and under its permission model with --allow-addons.';
  if (process.env.DFMERGE_ADDON) return 'DFMERGE_ADDON has to name the file dfmerge.node.';
  if (cause instanceof Unbundled)
    return `Lay node_modules/dfmerge/build/Release/${FILE}, or the one of its prebuilds for this platform, there, or name it in DFMERGE_ADDON.`;
  if (/GLIBC|libstdc\+\+|CXXABI/.test(message ?? ''))
    return 'The prebuilt engine needs a newer system library: run npm_config_build_from_source=true npm rebuild dfmerge.';
  if (/NODE_MODULE_VERSION|napi|Node-API/i.test(message ?? ''))
    return 'It was built for another Node.js: run npm rebuild dfmerge.';
  return 'Install a C++17 compiler, make and CMake 3.16 or newer, then run npm rebuild dfmerge.';
}
