import { methodNamed } from '../methods/index.js';
import type { RunRecord, TrialRecord } from '../run/record.js';
import { rowsWords } from './accuracy.js';
import { barTable, panels, type Bar } from './bars.js';
import { coefficient, count, counted, percent } from './format.js';
import { html, renderDataTable, unbroken, type Html } from './html.js';
import { startOf, type SearchNumbers } from './numbers.js';
import { section, unfolded } from './page.js';
import { legendMark, trialChart, trialPanel, type MarkKind, type TrialChart } from './trial_chart.js';

/** The sections of a search, in the order of the page. */
export function searchSections(record: RunRecord, search: SearchNumbers): (Html | undefined)[] {
  const { trials } = record;
  if (trials.length === 0) return [failedSection(record)];
  return [
    objectiveSection(record, search),
    taskSection(record),
    coefficientSection(record),
    importanceSection(record, search),
    failedSection(record),
  ];
}

type Kind = 'trial' | 'start' | 'stopped';

function kindsOf(record: RunRecord): (trial: TrialRecord) => Kind {
  const start = startOf(record);
  return ({ trial, stopped }) => (stopped ? 'stopped' : trial <= start ? 'start' : 'trial');
}

const MEANINGS: Record<MarkKind, string> = {
  best: 'the best trial',
  line: 'the best so far',
  trial: 'trial',
  start: 'trial of the start',
  stopped: 'stopped early: an estimate',
  failed: 'failed: no score',
};

function legend(kinds: readonly MarkKind[]): Html {
  return html`<ul class="legend">${kinds.map((kind) => html`<li>${legendMark(kind)}${MEANINGS[kind]}</li>`)}</ul>`;
}

function marksOfKinds(record: RunRecord): MarkKind[] {
  const kinds = new Set<MarkKind>(record.trials.map(kindsOf(record)));
  return (['trial', 'start', 'stopped'] as const).filter((kind) => kinds.has(kind));
}

function objectiveSection(record: RunRecord, { rows, best }: SearchNumbers): Html {
  const { trials, failed = [] } = record;
  const kind = kindsOf(record);
  const running = bestTrialSoFar(trials).map((index) => trials[index].objective);
  const chart: TrialChart = {
    marks: trials.map((trial) => ({ trial: trial.trial, value: 100 * trial.objective, kind: kind(trial) })),
    failed: failed.map(({ trial }) => trial),
    line: trials.map(({ trial }, index) => ({ trial, value: 100 * running[index] })),
    ...(best
      ? {
          best: {
            trial: best.trial,
            value: 100 * best.objective,
            text: `best: trial ${best.trial}, ${percent(best.objective)}`,
          },
        }
      : {}),
  };
  const description = `The objective of ${counted(trials.length, 'trial')}; the best so far goes from ${percent(running[0])} at the first to ${percent(running.at(-1))}${best ? ` at trial ${best.trial}` : ''}.`;
  const drawing = (name: 'wide' | 'narrow') =>
    html`<div class="${name}" role="img" aria-label="Objective by trial. ${description}">${trialChart(chart, { valueName: 'objective, %', narrow: name === 'narrow' })}</div>\n`;
  const where = rowsWords(rows);
  const names = Object.keys(trials[0].accuracy);
  return section({
    id: 'objective',
    title: 'Search: objective by trial',
    body: [
      html`<p>Each mark is one merge at one choice of coefficients. Its height is the objective: the mean accuracy over the tasks${where === '' ? '' : `, ${where}`}. The search makes it as large as it can.</p>`,
      html`<figure>
${legend(['best', 'line', ...marksOfKinds(record), ...(failed.length > 0 ? (['failed'] as const) : [])])}
${drawing('wide')}${drawing('narrow')}</figure>`,
      rowsTable(rows),
      unfolded(
        'Numbers',
        renderDataTable({
          caption: 'Objective by trial',
          columns: ['Trial', 'Objective', 'Best so far', ...names],
          rows: trials.map(({ trial, objective, accuracy, stopped }, index) => [
            stopped ? `${trial} (stopped)` : String(trial),
            percent(objective),
            percent(running[index]),
            ...names.map((task) => percent(accuracy[task])),
          ]),
          words: [],
          marked: best && trials.findIndex(({ trial }) => trial === best.trial),
        }),
      ),
    ],
  });
}

function rowsTable(rows: SearchNumbers['rows']): Html | undefined {
  const all = Object.entries(rows);
  if (all.length === 0) return undefined;
  return unfolded(
    'Rows that the objective was measured on',
    renderDataTable({
      caption: 'Rows of the validation split that every trial was scored on',
      columns: ['Task', 'Rows', 'of'],
      rows: all.map(([name, { rows: some, of }]) => [name, count(some), count(of)]),
    }),
  );
}

/** A panel per task with its accuracy over the trials. */
function taskSection(record: RunRecord): Html | undefined {
  const { trials, best } = record;
  const kind = kindsOf(record);
  const names = [...new Set(trials.flatMap(({ accuracy }) => Object.keys(accuracy)))];
  if (names.length < 2) return undefined;
  const parts = names.map((name) => {
    const scored = trials.filter(({ accuracy }) => accuracy[name] !== undefined);
    const found = scored.find(({ trial }) => trial === best?.trial);
    const values = scored.map(({ accuracy }) => accuracy[name]);
    const chart: TrialChart = {
      marks: scored.map((trial) => ({
        trial: trial.trial,
        value: 100 * trial.accuracy[name],
        kind: kind(trial) === 'stopped' ? 'stopped' : 'trial',
      })),
      trials: [trials[0].trial, trials[trials.length - 1].trial],
      ...(found ? { best: { trial: found.trial, value: 100 * found.accuracy[name] } } : {}),
    };
    const words = `${percent(Math.min(...values))} to ${percent(Math.max(...values))}${found ? `; ${percent(found.accuracy[name])} at the best trial` : ''}`;
    return panel({ name, words: unbroken(words), description: `Accuracy of ${name} by trial: ${words}.`, chart });
  });
  return section({
    id: 'tasks',
    title: 'Search: accuracy of each task by trial',
    body: [
      html`<p>What the trials reached on each task, in percent; the star is the trial with the best mean. Each panel has a scale of its own. Where the star lies low, the task paid for the others.</p>`,
      panels(parts),
    ],
  });
}

/** A panel per model with the coefficients that were tried. */
function coefficientSection(record: RunRecord): Html {
  const { trials, models, recipe, best } = record;
  const incumbent = bestTrialSoFar(trials);
  const names = models.map(({ model, task }) => task ?? model);
  const found = trials.find(({ trial }) => trial === best?.trial);
  const parts = names.map((name, model) => {
    const chart: TrialChart = {
      marks: trials.map(({ trial, coefficients }) => ({ trial, value: coefficients[model], kind: 'trial' })),
      line: trials.map(({ trial }, index) => ({ trial, value: trials[incumbent[index]].coefficients[model] })),
      bounds: recipe.search.bounds,
      ...(found ? { best: { trial: found.trial, value: found.coefficients[model] } } : {}),
    };
    const words = found ? `λ = ${coefficient(found.coefficients[model])} at the best trial` : '';
    return panel({ name, words, description: `Coefficient of ${name} by trial. ${words}`, chart });
  });
  return section({
    id: 'coefficients',
    title: 'Search: coefficients by trial',
    body: [
      html`<p>Points are the coefficients that each trial tried, the line those of the best trial so far, the star those of the best.</p>`,
      panels(parts),
      unfolded(
        'Numbers',
        renderDataTable({
          caption: 'Coefficients by trial',
          columns: ['Trial', ...names, 'Objective'],
          rows: trials.map(({ trial, coefficients, objective }) => [
            String(trial),
            ...coefficients.map(coefficient),
            percent(objective),
          ]),
          words: [],
          marked: best && trials.findIndex(({ trial }) => trial === best.trial),
        }),
      ),
    ],
  });
}

interface Panel {
  name: string;
  words: string;
  /** What the drawing shows, for those who do not see it. */
  description: string;
  chart: TrialChart;
}

function panel({ name, words, description, chart }: Panel): Html {
  return html`<figure><h3>${name}</h3><p>${words}</p><div role="img" aria-label="${description}">${trialPanel(chart)}</div></figure>`;
}

/** How much each coefficient has to do with the objective. */
function importanceSection({ models, trials }: RunRecord, { importance }: SearchNumbers): Html | undefined {
  if (!importance) return undefined;
  const { total, first, predictive } = importance;
  const names = models.map(({ model, task }) => task ?? model);
  const bars = names.map((label, i): Bar => ({
    label,
    length: total[i],
    text: percent(total[i], { digits: 0 }),
    series: 0,
  }));
  const trust =
    predictive < 0.3
      ? `Take this with care: the model hardly predicts a trial from the others (R² ${predictive.toFixed(2)}).`
      : `The model predicts a trial from the others with R² = ${predictive.toFixed(2)} (1 is perfect, 0 no better than the mean).`;
  return section({
    id: 'importance',
    title: 'Search: which coefficients matter',
    body: [
      html`<p>The share of the ups and downs of the objective in which a coefficient has a part, over all coefficients that were allowed: one with a long bar has to be right, one with a short bar hardly matters. It is taken from the search’s model of the objective after ${counted(trials.length, 'trial')}. ${trust}</p>`,
      barTable({
        caption: 'Importance of each coefficient',
        note: 'total Sobol index',
        columns: ['Model', 'Importance'],
        bars,
        most: 1,
        single: true,
      }),
      unfolded(
        'Numbers',
        renderDataTable({
          caption: 'Sobol indices: the share of the variance alone, and together with others',
          columns: ['Model', 'Together', 'Alone'],
          rows: names.map((name, i) => [name, percent(total[i]), percent(first[i])]),
        }),
      ),
    ],
  });
}

function failedSection({ failed = [], models }: RunRecord): Html | undefined {
  if (failed.length === 0) return undefined;
  const names = models.map(({ model, task }) => task ?? model);
  return section({
    id: 'failed',
    title: 'Failed trials',
    body: [
      html`<p>The merge or the score of these was not a finite number. They have no objective; the search went on with others.</p>`,
      renderDataTable({
        caption: 'Failed trials',
        columns: ['Trial', 'Reason', `Coefficients (${names.join(', ')})`],
        rows: failed.map(({ trial, reason, coefficients }) => [
          String(trial),
          reason,
          coefficients.map((value) => value.toFixed(3)).join('  '),
        ]),
        words: [0, 1, 2],
        stacked: true,
      }),
    ],
  });
}

/** For each trial the index of the best up to it, the earliest where several are equal; a stopped one is none. */
export function bestTrialSoFar(trials: readonly Pick<TrialRecord, 'objective' | 'stopped'>[]): number[] {
  let best = 0;
  return trials.map(
    ({ objective, stopped }, index) => (best = !stopped && objective > trials[best].objective ? index : best),
  );
}

/** Whether a search of the method has coefficients of its own for each model. */
export function searchesEach({ method }: Pick<RunRecord, 'method'>): boolean {
  return methodNamed(method)?.search?.over === 'coefficients';
}
