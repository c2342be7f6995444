import { createHash } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Everything in a folder, a line per entry in the order of names: its path, and what it holds or where it points. */
export async function treeOf(dir: string, prefix = ''): Promise<string[]> {
  const lines: string[] = [];
  const entries = (await readdir(join(dir, prefix), { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  for (const entry of entries) {
    const path = join(prefix, entry.name);
    if (entry.isDirectory()) lines.push(`${path}/`, ...(await treeOf(dir, path)));
    else if (entry.isSymbolicLink()) lines.push(`${path} -> ${await readlink(join(dir, path))}`);
    else
      lines.push(
        `${path} ${createHash('sha256')
          .update(await readFile(join(dir, path)))
          .digest('hex')}`,
      );
  }
  return lines;
}
