// The programs in docs compile with the types of the package, and run where there is a recipe with its models and data.
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import ts from 'typescript';
import { packageRoot } from '../bindings/index.js';
import { makeWorkspace } from './support/workspace.js';

const run = promisify(execFile);
const root = packageRoot();
const PAGES = ['docs/api-start.md', 'docs/search.md'];

interface Program {
  title: string;
  text: string;
}

async function programsOf(page: string): Promise<Program[]> {
  const text = await readFile(join(root, page), 'utf8');
  const blocks = [...text.matchAll(/^```(?:ts|js)\n([^]*?)^```$/gm)];
  return blocks.map(([, block = ''], i) => ({ title: `${page}, program ${i + 1}`, text: block }));
}

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

/** What the compiler says of programs. */
function complaintsAbout(files: readonly string[]): string[] {
  const diagnostics = ts.getPreEmitDiagnostics(ts.createProgram(files, OPTIONS));
  return diagnostics.map(
    ({ file, start = 0, messageText }) =>
      `${file?.fileName} at ${start}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
  );
}

test('programs in docs compile and run', async (t) => {
  t.timeout(300_000);
  const space = await makeWorkspace();
  await mkdir(space.path('node_modules'));
  await symlink(root, space.path('node_modules/dfmerge'));
  const programs = (await Promise.all(PAGES.map(programsOf))).flat();
  t.true(programs.length >= 4);
  const files = programs.map((_, i) => space.path(`program-${i}.mts`));
  for (const [i, { text }] of programs.entries()) await writeFile(files[i], text);
  t.deepEqual(complaintsAbout(files), []);
  for (const [i, { title, text }] of programs.entries()) {
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { ...OPTIONS, module: ts.ModuleKind.ESNext },
    });
    const file = space.path(`program-${i}.mjs`);
    await writeFile(file, outputText);
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: space.dir });
    t.true(stdout.length > 0, `${title} prints nothing`);
    t.is(stderr, '', title);
  }
});
