import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { METHOD_SPELLINGS } from '../lib/methods/index.js';

const root = packageRoot();

/** The house in the order of dependence: a file imports only from its own row or from rows above it. */
const NATIVE = [
  /^native\/core\//,
  /^native\/cpu\//,
  /^native\/device\.(h|cc)$/,
  /^native\/storage\//,
  /^native\/ops\//,
  /^native\/merge\//,
  /^native\/models\//,
  /^native\/(fisher|training|generation)\//,
  /^native\/[a-z_]+\.(h|cc)$/, // the engine
  /^bindings\//,
];
const LIB = [
  /^lib\/core\//,
  /^lib\/statistics\//,
  /^lib\/bayes\//,
  /^bindings\/addon\.ts$/,
  /^bindings\/index\.ts$/,
  /^bindings\/testing\/index\.ts$/,
  /^lib\/checkpoint\//,
  /^lib\/architectures\//,
  /^lib\/methods\//,
  /^lib\/engine\//,
  /^lib\/tasks\//,
  /^lib\/objectives\//,
  /^lib\/recipe\//,
  /^lib\/search\//,
  /^lib\/card\//,
  /^lib\/run\//,
  /^lib\/model\//,
  /^lib\/report\//,
  /^lib\/commands\//,
  /^lib\/demo\//,
  /^lib\/cli\//,
  /^lib\/index\.ts$/,
];
/** Imported only when there is something to draw, since loading it takes a good part of a second. */
const LATE = 'lib/report/report.ts';
const BENCH = [
  /^(lib|bindings)\//,
  /^bench\/(shapes|flops|lengths|spec)\.ts$/,
  /^bench\/cases\//, // what a case's own process runs
  /^bench\/case\.ts$/,
  /^bench\/(catalog|options|record|workshop|peers)\.ts$/,
  /^bench\/(runner|report|regret)\.ts$/,
  /^bench\/main\.ts$/,
];

const sources = listSources();
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The files of the repository, relative to its root, or none where git is not at hand. */
function listSources(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listed.split('\n').filter((file) => file !== '' && existsSync(join(root, file)));
  } catch {
    return [];
  }
}

/** The files of this repository that a file includes or imports, relative to the root; not the report, where it is imported late. */
function importsOf(file: string): string[] {
  const text = read(file);
  if (file.endsWith('.ts')) {
    const imports = [...text.matchAll(/(from|import\(|import) ?'(\.[^']+)'/g)].map(([, keyword, specifier]) => ({
      late: keyword === 'import(',
      path: normalize(join(dirname(file), specifier ?? '')).replace(/\.js$/, '.ts'),
    }));
    return imports.filter(({ late, path }) => !(late && path === LATE)).map(({ path }) => path);
  }
  const included = [...text.matchAll(/^#include "([^"]+)"/gm)].map((match) => match[1] ?? '');
  return included.map(
    (path) => [join('native', path), join('bindings', path)].find((place) => existsSync(join(root, place))) ?? path,
  );
}

/** A file without its comments. */
function codeOf(file: string): string {
  const commentOrText = /(\/\*[^]*?\*\/|\/\/[^\n]*)|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
  return read(file).replace(commentOrText, (found, comment: string | undefined) =>
    comment === undefined ? found : '',
  );
}

/** Imports that point up the page, as "file -> imported". */
function upward(files: string[], rows: RegExp[]): string[] {
  const rowOf = (file: string): number => rows.findIndex((row) => row.test(file));
  const wrong: string[] = [];
  for (const file of files) {
    for (const imported of importsOf(file))
      if (rowOf(file) < 0 || rowOf(imported) < 0 || rowOf(imported) > rowOf(file)) wrong.push(`${file} -> ${imported}`);
  }
  return wrong;
}

/** The files on one cycle of imports, or none where there is no cycle. */
function cycle(files: string[]): string[] {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    done.add(file);
    for (const imported of importsOf(file)) {
      const found = existsSync(join(root, imported)) ? visit(imported, [...path, file]) : [];
      if (found.length > 0) return found;
    }
    return [];
  };
  for (const file of files) {
    const found = visit(file, []);
    if (found.length > 0) return found;
  }
  return [];
}

const nativeFiles = sources.filter((file) => /^(native|bindings)\/.*\.(h|cc)$/.test(file));
const typescript = sources.filter((file) => /^(lib|bindings)\/.*\.ts$/.test(file));

test('native: includes point down the page only, without cycles', (t) => {
  t.deepEqual(upward(nativeFiles, NATIVE), []);
  t.deepEqual(cycle(nativeFiles), []);
});

test('native: Node-API appears in bindings only', (t) => {
  const named = nativeFiles.filter(
    (file) => file.startsWith('native/') && /napi\.h|node_api\.h|\bnapi_|\bNapi::/.test(read(file)),
  );
  t.deepEqual(named, []);
});

test('lib: imports point down the page only, without cycles', (t) => {
  t.deepEqual(upward(typescript, LIB), []);
  t.deepEqual(cycle(typescript), []);
});

test('an architecture is named in its own folders only, but for the list that imports it', (t) => {
  const folders = sources.flatMap((file) => /^lib\/architectures\/(\w+)\//.exec(file)?.[1] ?? []);
  const names = [...new Set(folders)];
  t.true(names.length > 0 || sources.length === 0);
  const outside = [...nativeFiles, ...typescript].filter(
    (file) => !/^(lib\/architectures|native\/models)\/\w+\//.test(file) && file !== 'lib/architectures/index.ts',
  );
  const naming = new RegExp(`['"](${names.join('|')})['"]|(architectures|models)/(${names.join('|')})/[^"'\\n]*['"]`);
  t.deepEqual(
    outside.filter((file) => naming.test(read(file))),
    [],
  );
});

test('bench: imports point down the page only, without cycles', (t) => {
  const files = sources.filter((file) => /^bench\/.*\.ts$/.test(file));
  t.deepEqual(upward(files, BENCH), []);
  t.deepEqual(cycle(files), []);
});

/** Every module that a file imports, also those of Node and of packages. */
const modulesOf = (file: string): string[] =>
  [...read(file).matchAll(/(?:\bfrom|\bimport\(|\bimport|\brequire\() ?['"]([^'"]+)/g)].map((match) => match[1] ?? '');

test('lib: the Bayesian optimiser imports core/random alone, and core/random imports nothing', (t) => {
  const bayes = typescript.filter((file) => file.startsWith('lib/bayes/'));
  t.true(sources.length === 0 || bayes.length > 0);
  const outside = bayes.flatMap(modulesOf).filter((module) => !/^\.\/\w+\.js$/.test(module));
  t.deepEqual([...new Set(outside)], bayes.length > 0 ? ['../core/random.js'] : []);
  t.deepEqual(sources.length > 0 ? modulesOf('lib/core/random.ts') : [], []);
});

test('lib: merge methods are named in lib/methods only', (t) => {
  // Names that are also words for something else are looked for where code asks for a method; the others must not occur at all.
  const words = ['fisher', 'linear'];
  const names = METHOD_SPELLINGS.filter((name) => !words.includes(name));
  const word = words.join('|');
  const named = new RegExp(`\\b(${names.join('|')})\\b|(===|!==|case) '(${word})'|'(${word})' (===|!==)`);
  const codeWithoutImports = (file: string) => codeOf(file).replace(/ from '\.[^']*'/g, '');
  t.deepEqual(
    typescript.filter((file) => !file.startsWith('lib/methods/') && named.test(codeWithoutImports(file))),
    [],
  );
});

// The registry's line that imports a folder is the one place outside it that may name an architecture.
test('architectures are named in their own folders only', (t) => {
  const files = [...nativeFiles, ...typescript];
  const folders = files.flatMap((file) => /^(?:lib\/architectures|native\/models)\/([^/]+)\//.exec(file)?.[1] ?? []);
  const names = [...new Set(folders)];
  t.true(names.length > 0);
  const named = new RegExp(`(?<![a-z0-9])(${names.join('|')})(?![a-z0-9])`, 'i');
  const rooms = new RegExp(`^(lib/architectures|native/models)/(${names.join('|')})/`);
  t.deepEqual(
    files.filter((file) => file !== 'lib/architectures/index.ts' && !rooms.test(file) && named.test(codeOf(file))),
    [],
  );
});

test('lib: only bindings/addon.ts loads the addon', (t) => {
  const loaders = typescript.filter(
    (file) =>
      !/^bindings\/(addon|testing\/index)\.ts$/.test(file) &&
      /node-gyp-build|createRequire|process\.dlopen|\.node'/.test(read(file)),
  );
  t.deepEqual(loaders, []);
});

test('no source file has more than 400 lines', (t) => {
  const code = sources.filter((file) => /\.(ts|mts|cts|js|mjs|cjs|h|cc|cu|cuh)$/.test(file));
  const long = code
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > 400);
  t.deepEqual(long, []);
});

test('no path of a machine and no download host is written down', (t) => {
  const places =
    /(^|[^A-Za-z0-9._-])\/(work|farm|root|home|Users)\/[A-Za-z.]|https?:\/\/(registry|files|deb)\.|"resolve[d]":/m;
  const text = sources.filter((file) => !/\.(safetensors|parquet|png|node)$/.test(file));
  t.deepEqual(
    text.filter((file) => places.test(read(file))),
    [],
  );
});

test('what README and CHANGELOG name exists: files and npm scripts', (t) => {
  const documents = sources.filter((file) => /^(README|CHANGELOG)\.md$|^docs\/.*\.md$/.test(file));
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const document of documents) {
    const text = read(document);
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map((match) =>
      normalize(join(dirname(document), match[1] ?? '')),
    );
    const named = [
      ...text.matchAll(/`((?:lib|native|bindings|test|bench|\.ci|docs)\/[\w./-]*|[\w-]+\.(?:txt|cjs|mjs))`/g),
    ].map((match) => match[1] ?? '');
    const missing = [...links, ...named].filter((path) => !existsSync(join(root, path)) && !/^docs\/api/.test(path));
    t.deepEqual(missing, [], `named in ${document}`);
    const commands = [...text.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] ?? '');
    t.deepEqual(
      commands.filter((name) => !(name in scripts)),
      [],
      `npm scripts named in ${document}`,
    );
  }
  t.log(
    documents.length > 0
      ? `read: ${documents.join(', ')}`
      : `skipped: no document in ${relative(process.cwd(), root) || '.'}`,
  );
  t.pass();
});
