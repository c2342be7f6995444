// What README, CONTRIBUTING and docs say exists: links, anchors, options, keys of recipes, variables, codes.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { COMMANDS } from '../lib/cli/commands.js';
import { KNOWN_KEYS } from '../lib/recipe/schema.js';

const root = packageRoot();
const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...pages.map((name) => `docs/${name}`)];
const GUIDES = DOCUMENTS.filter((name) => !/^C|adding-a-merge-method/.test(name));

const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** A document without its blocks of code. */
const prose = (file: string): string => read(file).replace(/^(`{3,})[^\n]*\n[^]*?^\1$/gm, '');

/** The anchors that GitHub gives the headings of a document. */
function anchorsOf(file: string): string[] {
  const seen = new Map<string, number>();
  return [...prose(file).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** The relative links of a document: the path from the root, and the anchor. */
function linksOf(file: string): { path: string; anchor: string | undefined }[] {
  const found = [...prose(file).matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
  return found.map(([, path = '', anchor]) => ({
    path: path === '' ? file : normalize(join(dirname(file), path)),
    anchor,
  }));
}

test('relative links lead to files, and their anchors to headings', (t) => {
  for (const file of DOCUMENTS) {
    for (const { path, anchor } of linksOf(file)) {
      t.true(existsSync(join(root, path)), `${file}: ${path}`);
      if (anchor !== undefined) t.true(anchorsOf(path).includes(anchor), `${file}: ${path}#${anchor}`);
    }
  }
  t.true(linksOf('README.md').length > 5);
});

test('every page of docs can be reached from README', (t) => {
  const reached = new Set(['README.md']);
  for (const file of reached) for (const { path } of linksOf(file)) if (path.endsWith('.md')) reached.add(path);
  t.deepEqual(
    DOCUMENTS.filter((file) => !reached.has(file)),
    [],
  );
});

/** Options that documents name and that are other programs', or of the benchmarks. */
const OTHERS =
  /^(local-dir|bundle|platform|main-fields|format|outfile|external|compile|allow-addons|no-addons|quick|only|list|shape|full|peers|python|workloads|from|write-results|json|resume|dtype|seed)$/;

/** The options of a command as they are written on its line. */
function optionsOf(command: (typeof COMMANDS)[number]): string[] {
  const named = Object.entries(command.options).flatMap(([name, { takes }]) =>
    takes === 'nothing' ? [name, `no-${name}`] : [name],
  );
  return ['help', 'version', ...named];
}

test('options that documents name exist, those behind a command among its own', (t) => {
  const all = new Set(COMMANDS.flatMap(optionsOf));
  const wordsIn = (text: string) => [...text.matchAll(/(?<![\w-])--([a-z][a-z-]*[a-z])/g)].map(([, name = '']) => name);
  for (const file of GUIDES) {
    const text = read(file);
    for (const name of wordsIn(text)) t.true(all.has(name) || OTHERS.test(name), `${file}: --${name}`);
    for (const [line, name] of text.matchAll(/\bdfmerge ([a-z]+)\b[^`\n|]*/g)) {
      const command = COMMANDS.find((one) => one.name === name);
      if (!command) continue;
      const own = optionsOf(command);
      t.deepEqual(
        wordsIn(line).filter((option) => !own.includes(option)),
        [],
        `${file}: ${line}`,
      );
    }
  }
});

test('commands that documents name exist, and docs/running.md has all of them', (t) => {
  const names = COMMANDS.map(({ name }) => name);
  for (const file of GUIDES) {
    const code = [...read(file).matchAll(/^```[^\n]*\n([^]*?)^```$|(?<!`)`([^`]+)`/gm)];
    const lines = code.flatMap(([, block, span = '']) =>
      [...(block ?? span).matchAll(/^(?:npx )?dfmerge ([a-z]+)/gm)].map(([, name = '']) => name),
    );
    t.deepEqual(
      lines.filter((name) => !names.includes(name)),
      [],
      file,
    );
  }
  for (const name of names) t.true(read('docs/running.md').includes(`\`dfmerge ${name}`), name);
});

test('docs/recipe.md has every key of a recipe', (t) => {
  const [yaml] = /^## Key by key\n+```yaml\n[^]*?^```$/m.exec(read('docs/recipe.md')) ?? [''];
  const elsewhere = read('docs/recipe.md');
  for (const [section, keys] of Object.entries(KNOWN_KEYS))
    for (const key of keys) {
      const written = new RegExp(`(^|[\\s{#])${key}:`, 'm').test(yaml);
      t.true(written || new RegExp(`\`[^\`\n]*\\b${key}\\b`).test(elsewhere), `${section}: ${key}`);
    }
});

test('docs/running.md has every environment variable that is read, and every code of an error', (t) => {
  const files = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => join(folder, file))
      .filter((file) => /\.(ts|cc|h)$/.test(file) && statSync(join(root, file)).isFile());
  const sources = ['lib', 'native', 'bindings'].flatMap(files).filter((file) => !file.startsWith('bindings/testing'));
  const reading = /(?:\benv\.|\bgetenv\("|\benvironment\.|\{ )(DFMERGE_\w+)/g;
  const variables = new Set(sources.flatMap((file) => [...read(file).matchAll(reading)].map(([, name = '']) => name)));
  const page = read('docs/running.md');
  t.true(variables.size >= 5, `only ${[...variables].join()}`);
  for (const name of variables) t.true(page.includes(`| \`${name}\` |`), name);
  const codes = [...read('lib/core/errors.ts').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code = '']) => code);
  t.true(codes.length > 10);
  for (const code of codes) t.true(page.includes(`| \`${code}\` |`), code);
});

test('README leads to the other pages within two screens', (t) => {
  const lines = read('README.md').split('\n');
  t.true(lines.indexOf('## Where to read on') < 100);
  t.true(lines.includes('## When not to use it'));
});
