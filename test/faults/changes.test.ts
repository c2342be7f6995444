// Models and data that another program cuts short or replaces while a command reads them.
import { existsSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { contents, freshFolder, run, sizeOf } from './harm.js';

const SEARCH = ['search', 'recipe.yaml', '--out', 'out', '--threads', '2', '--quiet'];
const MODEL = 'models/a/model.safetensors';
const TOLD = 'out.journal.jsonl|descriptor'; // A step of the search's journal.

let unhurt: Promise<Record<string, string>> | undefined;

/** What a folder holds after a search that is not hurt. */
function searched(): Promise<Record<string, string>> {
  unhurt ??= freshFolder().then(async (folder) => {
    const { code, stderr } = await run(SEARCH, { cwd: folder });
    if (code !== 0) throw new Error(stderr);
    return contents(folder);
  });
  return unhurt;
}

const HARMS: Record<string, string> = {
  'is cut short': `truncate -s 2000 ${MODEL}`,
  'is emptied': `truncate -s 0 ${MODEL}`,
  'is saved anew': `cp models/b/model.safetensors ${MODEL}.new && mv ${MODEL}.new ${MODEL}`,
  'is written over in place': `cat models/b/model.safetensors > ${MODEL}`,
  'is removed': `rm ${MODEL}`,
};

for (const [title, shell] of Object.entries(HARMS)) {
  for (const noMmap of [false, true]) {
    test(`a model that ${title} in mid-search${noMmap ? ', read without mapping,' : ''} is an error that names it, and the search goes on once it is back`, async (t) => {
      const folder = await freshFolder();
      const env = noMmap ? { DFMERGE_NO_MMAP: '1' } : {};
      const backup = `cp -p ${MODEL} kept`;
      const hurt = await run(SEARCH, { cwd: folder, env, fault: { on: TOLD, nth: 9, shell: `${backup}; ${shell}` } });
      t.is(hurt.signal, null, hurt.stderr);
      t.is(hurt.code, 1, hurt.stderr);
      t.regex(hurt.stderr, /models\/a\/model\.safetensors/);
      t.notRegex(hurt.stderr, /defect of dfmerge/);
      t.false(existsSync(join(folder, 'out')));
      renameSync(join(folder, 'kept'), join(folder, MODEL));
      const again = await run([...SEARCH, '--resume'], { cwd: folder });
      t.is(again.code, 0, again.stderr);
      t.is(contents(folder)['out/model.safetensors'], (await searched())['out/model.safetensors']);
    });
  }
}

test('data that is cut short or changed between two runs is another search', async (t) => {
  const folder = await freshFolder();
  const killed = await run(SEARCH, { cwd: folder, fault: { on: TOLD, nth: 9, signal: 'SIGKILL' } });
  t.is(killed.signal, 'SIGKILL');
  const file = join(folder, 'data', 'a', 'validation.jsonl');
  truncateSync(file, sizeOf(file) - 30);
  const again = await run([...SEARCH, '--resume'], { cwd: folder });
  t.is(again.code, 1);
  t.regex(again.stderr, /validation\.jsonl|different search/);
});
