import test from 'ava';
import { escapeHtml, html, unbroken } from '../lib/report/html.js';
import { bound, coefficient, duration, percent, roughDuration } from '../lib/report/format.js';
import { shortened, textWidth } from '../lib/report/chart.js';
import type { RunRecord } from '../lib/run/record.js';
import { renderReport } from '../lib/report/report.js';
import { renderTable } from '../lib/report/table.js';

const HOSTILE = '<script>alert("x")</script>&\'';

function recordOf(task = 'b'): RunRecord {
  const accuracies = [0.2, 0.5, 0.4].map((accuracy) => ({ a: accuracy, [task]: accuracy + 0.2 }));
  return {
    dfmerge: '0.1.0',
    method: 'df_merge',
    recipe: {
      merge_method: 'df_merge',
      base_model: 'models/base',
      models: [
        { model: 'models/a', task: 'a' },
        { model: 'models/b', task },
      ],
      tasks: { a: { data: 'data/a' }, [task]: { data: 'data/b' } },
      fisher: { mode: 'exact', samples: 30, split: 'validation', at: 'candidate', epsilon: 1e-12, min_weight: 0 },
      search: {
        acquisition: 'ei',
        xi: 0.01,
        kappa: 2.576,
        init: 2,
        iterations: 1,
        validation_ratio: 1,
        early_stopping: false,
        early_stopping_margin: 0,
        seed: 1,
        optimizer: 'default',
        bounds: [0, 1],
      },
      dtype: 'float32',
      compute_dtype: 'float32',
    },
    seed: 1,
    environment: {
      node: '20.19.0',
      platform: 'linux x64',
      cpu: 'A CPU',
      isa: 'avx2',
      threads: 2,
      computeDtype: 'float32',
    },
    models: [
      { model: 'models/a', task: 'a', coefficient: 0.31251 },
      { model: 'models/b', task, coefficient: 0.75 },
    ],
    coefficients: [0.31251, 0.75],
    trials: accuracies.map((accuracy, index) => ({
      trial: index + 1,
      coefficients: [0.31251, index / 3],
      objective: accuracy.a + 0.1,
      accuracy,
    })),
    best: { trial: 2, objective: 0.6 },
    tasks: [
      { name: 'a', validation: { accuracy: 0.5, examples: 300 }, test: { accuracy: 0.45, examples: 784 } },
      { name: task, validation: { accuracy: 0.7, examples: 300 } },
    ],
    comparisons: [{ label: 'base', mean: 0.25, accuracy: { a: 0.2, [task]: 0.3 }, split: 'validation' }],
    recipeFolder: '..',
    timing: { totalSeconds: 83, phases: { load: 1, fisher: 30, merge: 2, evaluate: 40, suggest: 8, write: 0.5 } },
  };
}

function mergeOnly(): RunRecord {
  const record = recordOf();
  delete record.best;
  return { ...record, method: 'linear', trials: [], tasks: [], comparisons: [] };
}

test('a report shows what the record holds', (t) => {
  const page = renderReport(recordOf()).replaceAll('\u00a0', ' ');
  for (const text of [
    'DF-Merge of 2 models',
    '60.0 %',
    '2 of 3',
    '50.0 % of 300',
    '45.0 % of 784',
    '0.3125',
    '1 min 23 s',
    'merge_method: df_merge',
    'avx2',
  ]) {
    t.true(page.includes(text), text);
  }
  for (const figure of [
    'Test accuracy by task',
    'Validation accuracy by task',
    'objective by trial',
    'coefficients by trial',
    'Wall time by phase',
  ]) {
    t.true(page.includes(figure), figure);
  }
});

test('the same record gives the same bytes, whatever was drawn before', (t) => {
  const first = renderReport(recordOf());
  renderReport(recordOf('c'));
  t.is(renderReport(recordOf()), first);
});

test('names in the drawings are unique in the page', (t) => {
  const ids = [...renderReport(recordOf()).matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  t.true(ids.length > 0);
  t.is(new Set(ids).size, ids.length);
});

test('a report refers to no network and holds no script', (t) => {
  const page = renderReport(recordOf());
  const links = (page.match(/\b[a-z]+:\/\/[^"'\s<]*/g) ?? []).filter((link) => !link.startsWith('http://www.w3.org/'));
  t.deepEqual(links, []);
  t.notRegex(page, /<script|<link|<img|@import|\bsrc=|url\((?!#)/);
});

test('names are escaped wherever they stand, in drawings too', (t) => {
  const page = renderReport(recordOf(HOSTILE));
  t.notRegex(page, /<script/);
  t.true(page.includes(escapeHtml(HOSTILE)));
});

test('drawings have a text, marks of legends are passed over, and every figure has its numbers as a table', (t) => {
  const page = renderReport(recordOf());
  const marks = page.match(/<li><svg viewBox="0 0 18 16" aria-hidden="true">/g)?.length ?? 0;
  const drawings = (page.match(/<svg/g)?.length ?? 0) - marks;
  // The objective for wide and for narrow windows, two tasks and two coefficients.
  t.deepEqual([drawings, marks], [6, 4]);
  t.is(page.match(/role="img" aria-label="[^"]{20,}"/g)?.length, drawings);
  t.is(page.match(/<summary>Numbers<\/summary>/g)?.length, 4);
});

test('the labels of a drawing stay inside it, whatever they say', (t) => {
  const names = ['a', 'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmm', 'WWWWWWWW WWWWWWWW', '日本語のとても長いタスクの名前', 'x'];
  for (const repeated of [1, 4]) {
    const record = recordOf();
    const tasks = Array.from({ length: repeated }, (_, round) => names.map((name) => `${name}${round}`)).flat();
    record.tasks = tasks.map((name) => ({ name, validation: { accuracy: 1, examples: 9 } }));
    record.timing = {
      totalSeconds: 9e5,
      phases: { load: 3e5, fisher: 6e5, merge: 0, evaluate: 0, suggest: 0, write: 0 },
    };
    record.trials = record.trials.map((trial) => ({
      ...trial,
      trial: 1000 * trial.trial,
      accuracy: Object.fromEntries(tasks.map((name) => [name, trial.objective])),
    }));
    record.best = { trial: 3000, objective: 0.6 };
    let labels = 0;
    for (const [, width, height, content] of renderReport(record).matchAll(
      /<svg viewBox="0 0 ([\d.]+) ([\d.]+)"([^]*?)<\/svg>/g,
    ))
      for (const [, x, y, anchor, turned, text] of content.matchAll(
        /<text x="([-\d.]+)" y="([-\d.]+)" dy=".35em" text-anchor="(\w+)"(?: transform="rotate\((-?\d+) [^"]*")?>([^<]*)</g,
      )) {
        const angle = (Number(turned ?? 0) * Math.PI) / 180;
        const before = { start: 0, middle: 0.5, end: 1 }[anchor as 'start' | 'middle' | 'end'] * textWidth(text);
        const ends = [-before, textWidth(text) - before];
        for (const end of ends) {
          const [endX, endY] = [Number(x) + end * Math.cos(angle), Number(y) + end * Math.sin(angle)];
          const where = `${text} reaches ${endX}, ${endY} of ${width} x ${height}`;
          t.true(endX > -1 && endX < Number(width) + 1 && endY > 4 && endY < Number(height) - 4, where);
        }
        labels += 1;
      }
    t.true(labels > 60);
  }
});

test('a text that needs too much room ends in an ellipsis', (t) => {
  t.is(shortened('short', 60), 'short');
  t.is(shortened('two words and more', 92), 'two words…');
  for (const text of ['mmmmmmmmmm', '日本語日本語日本語', 'WWWWWWWW', '1234567890'])
    for (const width of [20, 40, 60]) t.true(textWidth(shortened(text, width)) <= width, `${text} in ${width}`);
});

test('trials that were stopped are marked, and what they did not see is a dash', (t) => {
  const whole = renderReport(recordOf());
  t.notRegex(whole, /[Ss]topped/);
  const record = recordOf();
  record.trials[2] = { ...record.trials[2], accuracy: { a: 0.4 }, stopped: true, rowsSeen: { a: 7, b: 0 } };
  const page = renderReport(record).replaceAll('\u00a0', ' ');
  t.regex(page, /<dt>Stopped early<\/dt><dd>1 of 3<\/dd>/);
  t.regex(
    page,
    /3 \(stopped\)<\/\w+><td[^>]*>50\.0 %<\/td><td[^>]*>60\.0 %<\/td><td[^>]*>40\.0 %<\/td><td[^>]*>–<\/td>/,
  );
  t.true(page.includes('stopped early: an estimate'));
  t.notRegex(page, /undefined|NaN/);
});

test('a merge without trials or tasks leaves those plots out', (t) => {
  const page = renderReport(mergeOnly());
  t.true(page.includes('Averaging of 2 models'));
  t.true(page.includes('Wall time by phase'));
  t.notRegex(page, /by trial|accuracy by task|undefined|NaN/);
});

test('a report has no undefined and no NaN in it', (t) => {
  t.notRegex(renderReport(recordOf()), /undefined|NaN/);
});

test('interpolations in html are escaped unless they are html', (t) => {
  t.is(html`<p title="${'"'}">${['<', html`<b>${1}</b>`, undefined]}</p>`.text, '<p title="&#34;">&#60;<b>1</b></p>');
});

test('numbers are worded for reading', (t) => {
  t.deepEqual(
    [percent(0.61234), percent(1), percent(undefined), coefficient(1 / 3)],
    ['61.2 %', '100.0 %', '–', '0.3333'],
  );
  t.deepEqual([0.0423, 12.34, 59.96, 245, 3599.7, 3720].map(duration), [
    '0.042 s',
    '12.3 s',
    '1 min 00 s',
    '4 min 05 s',
    '1 h 00 min',
    '1 h 02 min',
  ]);
});

test('rough durations leave out what nobody waits for', (t) => {
  t.deepEqual([0.4, 41.7, 59.6, 100, 3600, 7321].map(roughDuration), [
    '0 s',
    '42 s',
    '1 min 00 s',
    '1 min 40 s',
    '1 h 00 min',
    '2 h 02 min',
  ]);
});

test('no line of the page is broken between a number and its unit', (t) => {
  t.is(
    unbroken('4 min 05 s in all, 61.2 % of 300, 12 of 5 shots').replaceAll('\u00a0', '_'),
    '4_min_05_s in all, 61.2_% of 300, 12 of 5 shots',
  );
  const page = renderReport(recordOf());
  for (const text of ['60.0\u00a0%', '50.0\u00a0% of 300', '1\u00a0min\u00a023\u00a0s in all'])
    t.true(page.includes(text), text);
});

test('bounds are rounded up', (t) => {
  t.deepEqual([0, 1, 0.02131, 0.9991, 3.00001e-9, 0.25].map(bound), [
    '0',
    '1.00',
    '0.0214',
    '1.00',
    '3.01e-9',
    '0.250',
  ]);
  for (let value = 1e-8; value < 1; value *= 1.37)
    t.true(Number(bound(value)) >= value && Number(bound(value)) < value * 1.0101, `${value}`);
});

test('what was left out of the Fishers is shown where it was, with its bound', (t) => {
  const page = renderReport({
    ...recordOf(),
    skipped: { a: { skipped: 12, choices: 90, meanMass: 0.02131, maxMass: 0.0905 } },
  });
  for (const text of ['Choices left out of the Fishers', '12 of 90', '0.0214', '0.0905'])
    t.true(page.includes(text), text);
  t.false(renderReport(recordOf()).includes('left out'));
});

test('a text table is aligned: words left, numbers right', (t) => {
  const rows = [
    { task: 'a', accuracy: 0.5, note: 'x' },
    { task: 'longer', accuracy: undefined, note: 'y' },
    { task: '日本', accuracy: 12 },
  ];
  t.is(
    renderTable(rows, ['task', { key: 'accuracy', label: 'acc', format: (value) => Number(value).toFixed(1) }, 'note']),
    ['task     acc  note', '──────  ────  ────', 'a        0.5  x', 'longer     -  y', '日本    12.0  -'].join('\n'),
  );
});

test('a text table without rows is its heading, and names cannot steer the terminal', (t) => {
  t.is(renderTable([], ['a', 'bc']), 'a  bc\n─  ──');
  t.is(renderTable([{ a: 'x\u001b[2Jy\n' }], ['a']), 'a\n─────\nx[2Jy');
});
