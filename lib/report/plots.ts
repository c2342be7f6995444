import { mean, sum } from '../core/statistics.js';
import { methodNamed } from '../methods/index.js';
import { PHASES } from '../core/timing.js';
import type { RunRecord } from '../run/record.js';
import { lyingBars, uprightBars } from './bar_chart.js';
import { seriesColor } from './chart.js';
import { coefficient, duration, percent } from './format.js';
import type { DataTable, Html } from './html.js';
import { timeChart } from './time_chart.js';
import { trialChart, type TrialChart } from './trial_chart.js';

/** One figure of the report. */
export interface Plot {
  /** Unique in the page; links to the figure may name it. */
  id: string;
  title: string;
  /** Says how to read the drawing; shown under it. */
  caption: string;
  /** Says in words what the drawing shows, for those who do not see it. */
  description: string;
  legend: { label: string; color: string }[];
  /** The drawing for a wide or for a narrow window. */
  draw: (narrow: boolean) => Html;
  /** The numbers of the drawing, and those that belong to them. */
  table: DataTable;
}

type Split = 'validation' | 'test';

/** The figures for which a record has numbers, in the order of the page. */
export function plotsOf(record: RunRecord): Plot[] {
  const searched = record.trials.length > 0 ? [objectivePlot(record), coefficientPlot(record)] : [];
  const accuracies = (['test', 'validation'] as const).flatMap((split) => accuracyPlot(record, split) ?? []);
  return [...accuracies, ...searched, timePlot(record)];
}

function objectivePlot({ trials, best, method, recipe }: RunRecord): Plot {
  const running = runningBest(trials.map(({ objective }) => objective));
  // A grid has no start of its own.
  const start = methodNamed(method)?.search?.over === 'coefficients' ? recipe.search.init : 0;
  const chart: TrialChart = {
    trials: trials.map(({ trial }) => trial),
    valueName: 'mean accuracy, %',
    points: [
      {
        color: 'var(--point)',
        radius: { wide: 3.5, narrow: 2.5 },
        values: trials.map(({ objective }) => 100 * objective),
        hollow: (index) => trials[index].trial <= start,
        triangle: (index) => trials[index].stopped === true,
      },
    ],
    lines: [{ color: seriesColor(0), width: 2.5, values: running.map((objective) => 100 * objective) }],
  };
  const captions = [
    'Mean validation accuracy over the tasks.',
    ...(start > 0 ? ['Hollow points are the start, drawn before the optimiser had anything to go by.'] : []),
    ...(trials.some(({ stopped }) => stopped)
      ? ['Triangles are trials that were stopped early: estimates from the rows seen until then.']
      : []),
  ];
  return {
    id: 'objective',
    title: 'Search: objective by trial',
    caption: captions.join(' '),
    description: `Mean validation accuracy of each trial and the best so far, which goes from ${percent(running[0])} at the first trial to ${percent(running.at(-1))}${best ? ` at trial ${best.trial}` : ''}.`,
    legend: [
      { label: 'best so far', color: seriesColor(0) },
      { label: 'trial', color: 'var(--point)' },
    ],
    draw: (narrow) => trialChart(chart, narrow),
    table: {
      caption: 'Objective by trial',
      columns: ['Trial', 'Objective', 'Best so far', ...Object.keys(trials[0].accuracy)],
      rows: trials.map(({ trial, objective, accuracy, stopped }, index) => [
        stopped ? `${trial} (stopped)` : String(trial),
        percent(objective),
        percent(running[index]),
        ...Object.keys(trials[0].accuracy).map((task) => percent(accuracy[task])),
      ]),
      words: [],
    },
  };
}

function coefficientPlot({ trials, models, recipe }: RunRecord): Plot {
  const incumbent = bestTrialSoFar(trials.map(({ objective }) => objective));
  const names = models.map(({ model, task }) => task ?? model);
  const chart: TrialChart = {
    trials: trials.map(({ trial }) => trial),
    valueName: 'coefficient',
    bounds: recipe.search.bounds,
    points: names.map((_, model) => ({
      color: seriesColor(model),
      opacity: 0.35,
      radius: { wide: 2.5, narrow: 1.5 },
      values: trials.map(({ coefficients }) => coefficients[model]),
    })),
    lines: names.map((_, model) => ({
      color: seriesColor(model),
      width: 2,
      values: incumbent.map((index) => trials[index].coefficients[model]),
    })),
  };
  return {
    id: 'coefficients',
    title: 'Search: coefficients by trial',
    caption: 'Points are what each trial tried; lines are the coefficients of the best trial so far.',
    description: `Coefficient of each model in the best trial so far, ending at ${names.map((name, model) => `${name} ${coefficient(models[model].coefficient)}`).join(', ')}.`,
    legend: names.map((label, model) => ({ label, color: seriesColor(model) })),
    draw: (narrow) => trialChart(chart, narrow),
    table: {
      caption: 'Coefficients by trial',
      columns: ['Trial', ...names, 'Objective'],
      rows: trials.map(({ trial, coefficients, objective }) => [
        String(trial),
        ...coefficients.map(coefficient),
        percent(objective),
      ]),
      words: [],
    },
  };
}

/** The merged model beside the others; undefined where it was not scored on the split. */
function accuracyPlot({ tasks, comparisons }: RunRecord, split: Split): Plot | undefined {
  const scored = tasks.filter((task) => task[split] !== undefined);
  if (scored.length === 0) return undefined;
  const merged = Object.fromEntries(scored.map((task) => [task.name, task[split]?.accuracy ?? NaN]));
  const rows = [
    { label: 'merged', accuracy: merged, mean: mean(Object.values(merged)) },
    ...comparisons.filter((other) => other.split === split),
  ];
  const names = scored.map(({ name }) => name);
  const valuesOf = (row: (typeof rows)[number]) => [...names.map((name) => row.accuracy[name]), row.mean];
  const chart = {
    categories: [...names, 'mean'],
    series: rows.map((row) => valuesOf(row).map((accuracy) => (accuracy === undefined ? undefined : 100 * accuracy))),
    valueName: 'accuracy, %',
  };
  return {
    id: `accuracy-${split}`,
    title: split === 'test' ? 'Test accuracy by task' : 'Validation accuracy by task',
    caption: `On the ${split} split of each task, and the mean over them.`,
    description: `Mean accuracy: ${rows.map((row) => `${row.label} ${percent(row.mean)}`).join(', ')}.`,
    legend: rows.map(({ label }, index) => ({ label, color: seriesColor(index) })),
    draw: (narrow) => (narrow ? lyingBars(chart) : uprightBars(chart)),
    table: {
      caption: split === 'test' ? 'Test accuracy' : 'Validation accuracy',
      columns: ['Model', ...names, 'Mean'],
      rows: rows.map((row) => [row.label, ...valuesOf(row).map((accuracy) => percent(accuracy))]),
    },
  };
}

function timePlot({ timing }: RunRecord): Plot {
  const named: [string, number][] = PHASES.map((phase) => [phase, timing.phases[phase]]);
  const other = timing.totalSeconds - sum(named.map(([, seconds]) => seconds));
  // Below a twentieth of a second the remainder is the rounding of the clock.
  const phases = other > 0.05 ? [...named, ['other', other] satisfies [string, number]] : named;
  const words = (seconds: number) =>
    `${duration(seconds)}${timing.totalSeconds > 0 ? ` (${percent(seconds / timing.totalSeconds)})` : ''}`;
  const bars = phases.map(([name, seconds]) => ({ name, seconds, text: words(seconds) }));
  return {
    id: 'time',
    title: 'Wall time by phase',
    caption: `${duration(timing.totalSeconds)} in all.`,
    description: `${duration(timing.totalSeconds)} in all: ${phases.map(([phase, seconds]) => `${phase} ${words(seconds)}`).join(', ')}.`,
    legend: [],
    draw: (narrow) => timeChart(bars, narrow),
    table: {
      caption: 'Wall time',
      columns: ['Phase', 'Time'],
      rows: [...phases.map(([phase, seconds]) => [phase, words(seconds)]), ['total', duration(timing.totalSeconds)]],
      summary: true,
    },
  };
}

function runningBest(objectives: readonly number[]): number[] {
  return bestTrialSoFar(objectives).map((index) => objectives[index]);
}

/** For each trial the index of the best up to it, the earliest where several are equal. */
function bestTrialSoFar(objectives: readonly number[]): number[] {
  let best = 0;
  return objectives.map((objective, index) => (best = objective > objectives[best] ? index : best));
}
