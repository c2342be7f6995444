// What reports say in numbers and sentences, and whether their colours can be told apart.
import test from 'ava';
import { findingsOf } from '../lib/report/findings.js';
import { points, probability, range } from '../lib/report/format.js';
import { numbersOf } from '../lib/report/numbers.js';
import { DARK, LIGHT, type Scheme } from '../lib/report/palette.js';
import { renderReport } from '../lib/report/report.js';
import { sideBySide } from '../lib/report/side_by_side.js';
import type { RunRecord } from '../lib/run/record.js';
import { runRecord, type RecordShape } from './support/run_records.js';

const sentences = (record: RunRecord) =>
  findingsOf(record, numbersOf(record))
    .map(({ text }) => text)
    .join('\n');

const TASKS = ['a', 'b', 'c'];
const about = (shape: Partial<RecordShape>) => runRecord({ tasks: TASKS, compared: true, rows: 800, ...shape });

test('a search that found nothing better than its start says so, and one that did says by how much', (t) => {
  const lost = sentences(about({ best: 3, init: 4 }));
  t.regex(lost, /found nothing better than its start: its best is trial 3, and the first 4 trials were laid out/);
  const won = sentences(about({ best: 9, init: 4 }));
  t.regex(won, /The best of 12 trials is trial 9; its objective is \d+\.\d points above the best of the start/);
  t.notRegex(won, /nothing better/);
});

test('a merge is set beside plain averaging: better, perhaps better, not better', (t) => {
  t.regex(
    sentences(about({ merged: 0.7, average: 0.5 })),
    /reaches .* points more, more than chance explains \(p < 0\.001\)/,
  );
  t.regex(
    sentences(about({ merged: 0.53, average: 0.5, rows: 60 })),
    /the merge is 2\.3 points below that, which chance alone may explain \(p = 0\.59\)/,
  );
  const worse = sentences(about({ merged: 0.4, average: 0.5 }));
  t.regex(worse, /the merge is \d+\.\d points below that \(p < 0\.001\)/);
  t.regex(worse, /Below plain averaging: a \(−.* points, p < 0\.001\), b .* and c/);
  t.notRegex(sentences(runRecord({ tasks: TASKS })), /averaging/);
});

test('what is kept of the fine-tuned models is a share of their accuracies', (t) => {
  const record = about({});
  const { kept, models } = numbersOf(record).splits[0];
  const own = record.comparisons[1].accuracy;
  for (const task of record.tasks) t.is(kept?.tasks[task.name], (task.test?.accuracy ?? NaN) / own[task.name]);
  t.is(kept?.mean, models[0].mean.accuracy / models[1].mean.accuracy);
  t.is(numbersOf(runRecord({ tasks: TASKS })).splits[0].kept, undefined);
});

test('paired tests are those of the stored answers, and none where answers are not stored', (t) => {
  const record = about({ merged: 0.7, average: 0.5 });
  const against = numbersOf(record).splits[0].differences.find(({ role }) => role === 'average');
  for (const { name, test: score } of record.tasks)
    t.true(
      Math.abs(
        (against?.tasks[name].difference ?? 9) - ((score?.accuracy ?? 9) - record.comparisons[2].accuracy[name]),
      ) < 1e-12,
    );
  for (const comparison of record.comparisons) delete comparison.correct;
  t.deepEqual(numbersOf(record).splits[0].differences, []);
});

test('a page says what the objective was measured on', (t) => {
  t.true(renderReport(about({ rows: 1000 })).includes('on all 3,000 validation rows'));
  const part = renderReport(about({ rows: 1001, ratio: 0.1 }));
  t.true(part.includes('on the same 303 of 3,003 validation rows'));
  t.regex(part, /<th scope="row">a<\/th><td class="number">101<\/td><td class="number">1,001<\/td>/);
});

test('the best trial and failed trials are marked', (t) => {
  const page = renderReport(about({ best: 7, failed: [5, 13] })).replaceAll('\u00a0', ' ');
  t.regex(page, /best: trial 7, \d+\.\d %/);
  t.is(page.match(/<tr class="marked"><th scope="row" class="number">7</g)?.length, 2);
  t.true(
    page.includes('Failed trials') &&
      page.includes('holds a NaN') &&
      page.includes('2 trials failed and have no score'),
  );
  t.regex(page, /<dt>Failed<\/dt><dd>2 of 14<\/dd>/);
  // A cross for each, in both widths of the chart and in the legend.
  t.is(page.match(/fill="none" stroke="var\(--fault\)"/g)?.length, 5);
});

test('every bar has its number, and every task a panel over the trials', (t) => {
  const page = renderReport(about({}));
  t.is(page.match(/class="track"/g)?.length, page.match(/class="value">[^<]+</g)?.length);
  for (const task of TASKS) t.true(page.includes(`Accuracy of ${task} by trial: `));
});

test('importances need a search over coefficients and enough trials', (t) => {
  t.is(numbersOf(about({ trials: 40 })).search?.importance?.total.length, 3);
  t.is(numbersOf(about({ trials: 7 })).search?.importance, undefined);
  t.is(numbersOf(about({ trials: 0 })).search, undefined);
});

test('runs on other rows are told apart by their digests, and only shared tasks are tested', (t) => {
  const [one, other] = [1, 2].map((seed) => about({ seed }));
  const same = sideBySide([
    { name: 'one', path: 'one', record: one },
    { name: 'other', path: 'other', record: other },
  ]);
  t.deepEqual([same.shared, same.notes], [TASKS, []]);
  t.deepEqual(Object.keys(same.differences[0].tasks), TASKS);
  other.tasks[0].data = { validation: 'v0', test: 'another file' };
  const apart = sideBySide([
    { name: 'one', path: 'one', record: one },
    { name: 'other', path: 'other', record: { ...other, tasks: other.tasks.slice(0, 2) } },
  ]);
  t.deepEqual(apart.shared, ['b']);
  t.deepEqual(Object.keys(apart.differences[0].tasks), ['b']);
  t.regex(apart.notes.join('\n'), /different rows of a \(their files differ\)[^]*The task c is only in one/);
  t.is(apart.runs[0].mean?.accuracy, one.tasks[1].test?.accuracy);
  delete other.tasks[1].data;
  const untold = sideBySide([
    { name: 'one', path: 'one', record: one },
    { name: 'other', path: 'other', record: other },
  ]);
  t.regex(untold.notes.join('\n'), /Some records do not say which rows/);
});

test('numbers of differences are worded for reading', (t) => {
  t.deepEqual([0.1034, -0.004, 0, -0.0001].map(points), ['+10.3', '−0.4', '0.0', '0.0']);
  t.deepEqual([0.0001, 0.0321, 0.5, 1].map(probability), ['p < 0.001', 'p = 0.032', 'p = 0.50', 'p = 1.00']);
  t.is(range({ low: 0.655, high: 0.7231 }), '65.5–72.3 %');
});

const linear = (hex: string) =>
  [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });

/** WCAG 2.2: contrast of two colours, 1 to 21. */
function contrast(one: string, other: string): number {
  const [low, high] = [one, other]
    .map((hex) => {
      const [r, g, b] = linear(hex);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    })
    .sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** What eyes without one kind of cone make of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1). */
const VISION: Record<string, number[][]> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIELAB under D65 of a colour as somebody sees it. */
function lab(hex: string, vision: number[][]): number[] {
  const rgb = linear(hex);
  const [r, g, b] = vision.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, part, i) => sum + part * rgb[i], 0),
      ),
    ),
  );
  const [x, y, z] = [
    (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
    0.2126 * r + 0.7152 * g + 0.0722 * b,
    (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
  ].map((value) => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

for (const [name, scheme] of Object.entries({ light: LIGHT, dark: DARK } satisfies Record<string, Scheme>)) {
  test(`${name}: marks have a contrast of 3 and texts of 4.5, on paper and on shade`, (t) => {
    const { paper, shade, ink, inkSoft, point, accent, fault, series } = scheme;
    for (const ground of [paper, shade]) {
      for (const mark of [point, accent, fault, ...series]) t.true(contrast(mark, ground) >= 3, `${mark} on ${ground}`);
      for (const text of [ink, inkSoft, accent]) t.true(contrast(text, ground) >= 4.5, `${text} on ${ground}`);
    }
  });

  test(`${name}: no two series look alike, with any kind of colour vision`, (t) => {
    for (const [kind, vision] of Object.entries(VISION))
      scheme.series.forEach((one, i) => {
        for (const other of scheme.series.slice(i + 1)) {
          const [a, b] = [lab(one, vision), lab(other, vision)];
          const distance = Math.hypot(...a.map((value, axis) => value - b[axis]));
          t.true(distance > 20, `${one} and ${other}, ${kind}: ${distance.toFixed(1)}`);
        }
      });
  });
}
