// What a demo may remove of its folder, and who may write in it.
import { readFileSync, readdirSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { demo } from '../lib/demo/demo.js';
import { DemoFolder } from '../lib/demo/folder.js';
import { DfMergeError, type ProgressEvent } from '../lib/index.js';
import { TINY } from './support/tiny_plan.js';
import { temporaryFolder } from './support/tiny_t5.js';

const kept = (out: string) => (readdirSync(out, { recursive: true }) as string[]).filter((name) => /kept/.test(name));

test("a demo removes what a demo wrote; the user's own and changed files stay and are named", async (t) => {
  const out = join(await temporaryFolder(), 'demo');
  await demo({ out, plan: TINY, threads: 2 });
  const listed = (JSON.parse(await readFile(join(out, 'demo.json'), 'utf8')) as { files: object }).files;
  for (const name of ['recipe.yaml', 'data/mood/test.jsonl', 'models/base/config.json', 'models/topic/dfmerge.json'])
    t.true(name in listed, name);
  const all = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  t.is(Object.keys(listed).length, all.length - 1, 'everything but demo.json itself');

  await appendFile(join(out, 'recipe.yaml'), '# mine\n');
  await appendFile(join(out, 'data/topic/train.jsonl'), '\n');
  const own = ['mine.txt', 'data/mood/mine.txt', 'models/mine.txt', 'models/topic/mine.txt', 'merged/mine.txt'];
  for (const name of own) await writeFile(join(out, name), name);
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  // A second demo at the same time is refused while the first works.
  let other: Promise<unknown> | undefined;
  const onProgress = () => {
    other ??= t.throwsAsync(demo({ out, plan: TINY, overwrite: true }), { instanceOf: DfMergeError, code: 'LOCKED' });
  };
  await demo({ out, plan: TINY, threads: 2, seed: 2, overwrite: true, onWarning, onProgress });
  t.truthy(await other);
  t.regex(readFileSync(join(out, 'recipe.yaml.kept'), 'utf8'), /seed: 1 [^]*# mine\n$/);
  t.regex(readFileSync(join(out, 'recipe.yaml'), 'utf8'), /seed: 2 [^#]*$/);
  t.true(readFileSync(join(out, 'data/topic/train.jsonl.kept'), 'utf8').endsWith('\n\n'));
  for (const name of own.map((path) => path.replace(/(models\/topic|merged)\//, '$1.kept/')))
    t.is(readFileSync(join(out, name), 'utf8').replace('.kept', ''), name.replace('.kept', ''));
  t.deepEqual(readdirSync(join(out, 'models/topic.kept')), ['mine.txt'], 'what the demo wrote there is gone');
  t.deepEqual(warnings.map((message) => /kept as (.*)$/.exec(message)?.[1]).sort(), [
    'merged.kept',
    'recipe.yaml.kept',
    'topic.kept',
    'train.jsonl.kept',
  ]);
});

test('a recipe that begins as a demo does makes no folder a demo; nothing is touched', async (t) => {
  const out = await temporaryFolder();
  await mkdir(join(out, 'models'));
  await writeFile(join(out, 'models/mine'), 'mine');
  await writeFile(join(out, 'recipe.yaml'), '# Made by dfmerge demo. Run it again\n');
  for (const list of [undefined, '{"files":{}}', '{"dfmerge":"1","files":{"../x":{"bytes":1,"sha256":""}}}']) {
    if (list) await writeFile(join(out, 'demo.json'), list);
    const refused = { instanceOf: DfMergeError, code: 'INVALID_ARGUMENT', message: /no demo made it/ } as const;
    await t.throwsAsync(demo({ out, plan: TINY, overwrite: true }), refused);
    t.is(await readFile(join(out, 'models/mine'), 'utf8'), 'mine');
  }
});

test('what an interrupted demo has made is known to the next one', async (t) => {
  const out = join(await temporaryFolder(), 'demo');
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  for (const at of ['the children', 'search']) {
    const controller = new AbortController();
    let left = 2; // The search has told a trial by its second event.
    const onProgress = ({ subject, phase }: ProgressEvent) => {
      if ((subject === at || phase === at) && --left <= 0) controller.abort();
    };
    const run = { out, plan: TINY, overwrite: true, signal: controller.signal, onProgress, onWarning };
    await t.throwsAsync(demo(run), { any: true, name: 'AbortError' });
  }
  await DemoFolder.open(out, { overwrite: true, parts: ['models/base', 'merged', 'merged.journal.jsonl'] });
  t.deepEqual([kept(out), warnings], [[], []]);
  t.deepEqual(readdirSync(out), ['demo.json']);
  await rm(out, { recursive: true });
});
