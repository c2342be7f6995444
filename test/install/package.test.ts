import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { packageRoot } from '../../bindings/index.js';

const root = packageRoot();

/** The files that `npm pack` would put into the package. */
function packedFiles(): string[] {
  const printed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [description] = JSON.parse(printed) as { files: { path: string }[] }[];
  return description?.files.map(({ path }) => path) ?? [];
}

const WANTED = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|CMakeLists\.txt)$/,
  /^dist\/(lib|bindings)\/[\w/-]+\.(js|js\.map|d\.ts)$/,
  /^bindings\/([a-z_]+\.(cc|h)|install\.cjs)$/,
  /^native\/[\w/]+\.(cc|h)$/,
  /^prebuilds\/[\w-]+\/[\w.]+\.node$/,
  /^(CONTRIBUTING\.md|docs\/[\w-]+\.md|bench\/RESULTS\.md)$/,
];

/** What pages of the package link to, but for those for contributors, who have the sources. */
function linkedFiles(): string[] {
  const found = new Set(['README.md']);
  for (const file of found) {
    if (!file.endsWith('.md') || /^(CONTRIBUTING|bench|docs\/adding)/.test(file)) continue;
    for (const [, path = ''] of readFileSync(join(root, file), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g))
      found.add(normalize(join(dirname(file), path)));
  }
  return [...found];
}

test('the package holds what users need and nothing else', (t) => {
  const files = packedFiles();
  t.deepEqual(
    files.filter((file) => !WANTED.some((pattern) => pattern.test(file))),
    [],
  );

  const sources = ['native', 'bindings'].flatMap((folder) =>
    (readdirSync(join(root, folder), { recursive: true }) as string[]).map((file) => `${folder}/${file}`),
  );
  const needed = [
    ...sources.filter((file) => /\.(cc|h)$/.test(file) && !file.startsWith('bindings/testing/')),
    'bindings/install.cjs',
    'CMakeLists.txt',
    'LICENSE',
    'dist/lib/index.js',
    'dist/bindings/index.js',
  ];
  t.deepEqual(
    needed.filter((file) => !files.includes(file)),
    [],
    'sources to compile from, and the compiled library',
  );

  t.deepEqual(
    linkedFiles().filter((file) => !files.includes(file)),
    [],
    'what README and its pages link to',
  );

  const modules = files.filter((file) => file.endsWith('.js'));
  t.deepEqual(
    modules.filter((file) => !files.includes(file.replace(/\.js$/, '.d.ts'))),
    [],
    'each module has its types',
  );
});

test('source maps carry their sources', (t) => {
  const maps = packedFiles().filter((file) => file.endsWith('.map'));
  const empty = maps.filter((file) => {
    const map = JSON.parse(readFileSync(join(root, file), 'utf8')) as {
      sources: string[];
      sourcesContent?: (string | null)[];
    };
    return map.sources.some((_, i) => typeof map.sourcesContent?.[i] !== 'string');
  });
  t.deepEqual(empty, []);
});

test('entry points of package.json are packed', (t) => {
  const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    main: string;
    types: string;
    bin: Record<string, string>;
  };
  const files = packedFiles();
  for (const entry of [description.main, description.types, ...Object.values(description.bin)]) {
    const path = entry.replace(/^\.\//, '');
    t.true(existsSync(join(root, path)) && files.includes(path), path);
  }
  t.true(
    readFileSync(join(root, description.bin.dfmerge ?? ''), 'utf8').startsWith('#!/usr/bin/env node\n'),
    'the command starts with its interpreter',
  );
});
