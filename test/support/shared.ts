import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext, TestFn } from 'ava';

/** The repository's root: the nearest folder above the compiled test that has a package.json with sources beside it. */
function repositoryRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json')) || !existsSync(join(dir, 'lib'))) {
    if (dirname(dir) === dir) return process.cwd();
    dir = dirname(dir);
  }
  return dir;
}

const shared = resolve(repositoryRoot(), process.env.DFMERGE_SHARED ?? '../shared');

/** A path in the folder of golden numbers, models and data, which lies beside the repository and is no part of it. */
export function sharedPath(...parts: string[]): string {
  return join(shared, ...parts);
}

/** Registers tests that need the shared folder. Where it is absent they pass and say that they were skipped. */
export function sharedTest(test: TestFn): (title: string, body: (t: ExecutionContext) => void | Promise<void>) => void {
  return (title, body) => {
    test(title, async (t) => {
      if (existsSync(shared)) return body(t);
      t.log('skipped: ../shared is not here');
      t.pass();
    });
  };
}
