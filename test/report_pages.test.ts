// The pages of reports and comparisons in a real browser, light and dark, from a phone's width to a desk's. Where no browser is found (on the
// PATH or as $DFMERGE_BROWSER), the tests pass and say that they were skipped.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { renderReport } from '../lib/report/report.js';
import { sideBySide } from '../lib/report/side_by_side.js';
import { renderSideBySide } from '../lib/report/side_by_side_page.js';
import { Browser, findBrowser } from './support/browser.js';
import { runRecord, type RecordShape } from './support/run_records.js';

const path = findBrowser();
const folder = mkdtempSync(join(tmpdir(), 'dfmerge-pages-'));
let browser: Browser | undefined;
test.before(() => {
  if (path !== undefined) browser = new Browser(path);
});
test.after.always(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const SIX = ['snips', 'trec', 'subj', 'agnews', 'sst2', 'qasc'];
const LONG = 'a-task-with-a-name-that-goes-on-and-on_without_a_place_to_break_it_until_it_ends';

const SHAPES: Record<string, RecordShape> = {
  'a search over six tasks': { tasks: SIX, trials: 60, init: 10, compared: true },
  'one task and one trial': { tasks: ['sst2'], trials: 1, init: 1, compared: true },
  'failed and stopped trials, the best in the start': {
    tasks: SIX.slice(0, 3),
    trials: 20,
    init: 6,
    failed: [1, 9, 21],
    stopped: [8, 12, 13],
    best: 3,
    compared: true,
    merged: 0.4,
    ratio: 0.25,
  },
  'ten tasks with long names': {
    tasks: [
      LONG,
      'MMMMMMMMMMMMMMMM WWWWWWWWWWWWWWWW',
      ...Array.from({ length: 8 }, (_, i) => `task number ${i} of the suite`),
    ],
    trials: 30,
    compared: true,
  },
  '300 trials': { tasks: SIX.slice(0, 2), trials: 300, init: 10, compared: true },
  'names in other scripts and in HTML': {
    tasks: [
      '日本語のとても長いタスクの名前です',
      'задача-с-длинным-именем',
      'مهمة عربية',
      '<img src=x onerror=alert(1)>&"\'',
    ],
    trials: 12,
    compared: true,
  },
  'a merge with comparisons': { tasks: SIX.slice(0, 4), trials: 0, compared: true, test: false },
  'a merge without tasks': { tasks: ['a', 'b'], trials: 0 },
};

const VIEWS = [320, 360, 800, 1400].flatMap((width) => [false, true].map((dark) => ({ width, dark })));

async function inspect(t: ExecutionContext, html: string): Promise<void> {
  if (browser === undefined) {
    t.log('skipped: no browser of the Chromium family is here');
    t.pass();
    return;
  }
  const file = join(folder, `${t.title.replace(/\W+/g, '_')}.html`);
  writeFileSync(file, html);
  const url = pathToFileURL(file).href;
  const page = await browser.open(url, { width: 800 });
  for (const view of VIEWS) {
    await page.show(view);
    t.deepEqual(await page.audit(), [], JSON.stringify(view));
  }
  t.deepEqual(page.complaints, []);
  t.deepEqual(page.requests, [url]);
  await page.close();
}

for (const [name, shape] of Object.entries(SHAPES))
  test.serial(`a report is whole and legible at every width: ${name}`, async (t) => {
    const record = runRecord(shape);
    if (name.startsWith('a merge without')) Object.assign(record, { tasks: [] });
    await inspect(t, renderReport(record));
  });

test.serial('a comparison is whole and legible at every width', async (t) => {
  const runs = [1, 2, 3].map((seed) => ({
    name: ['seed1', 'a folder with a long name, of a run', 'слияние'][seed - 1],
    path: `runs/${seed}`,
    record: runRecord({ tasks: SIX.slice(0, 3 + (seed % 2)), trials: 15 * seed, seed, compared: seed < 3 }),
  }));
  await inspect(t, renderSideBySide(runs, sideBySide(runs)));
});

test.serial('many runs fit beside each other too', async (t) => {
  const runs = Array.from({ length: 10 }, (_, i) => ({
    name: `seed-${i + 1}`,
    path: `runs/seed-${i + 1}`,
    record: runRecord({ tasks: SIX, trials: 5, seed: i + 1, compared: true }),
  }));
  await inspect(t, renderSideBySide(runs, sideBySide(runs)));
});

test.serial('the audit finds what is wrong', async (t) => {
  if (browser === undefined) {
    t.log('skipped: no browser of the Chromium family is here');
    t.pass();
    return;
  }
  const file = join(folder, 'bad.html');
  const drawing =
    '<svg viewBox="0 0 50 20" width="50"><text x="0" y="10">over</text><text x="2" y="10">another</text></svg>';
  const cut = '<p style="width:3em;overflow:hidden;white-space:nowrap">a sentence that does not fit</p>';
  const pale = '<p style="color:#bbb">pale</p><div style="width:2000px">wide</div>';
  const clean = renderReport(runRecord({ tasks: ['a'], trials: 3 }));
  writeFileSync(file, clean.replace('</main>', `${drawing}${cut}${pale}<table><tr><td>x</td></tr></table></main>`));
  const page = await browser.open(pathToFileURL(file).href, { width: 800 });
  const found = (await page.audit()).join('\n');
  for (const sentence of [
    'the page is 20',
    'is cut off or overflows: "a sentence',
    'contrast',
    'labels over each other',
    'leaves its drawing',
    'has no words',
    'no caption',
  ])
    t.true(found.includes(sentence), `${sentence} in ${found}`);
  await page.close();
});
