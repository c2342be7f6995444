import { axisStyle, INK, seriesColor, type ChartSize, type EChartsOption } from './chart.js';
import { coefficient, duration, mean, percent } from './format.js';
import type { DataTable } from './html.js';
import { methodNamed } from '../methods/index.js';
import { PHASES } from '../core/timing.js';
import type { RunRecord } from '../run/record.js';

/** One figure of the report. */
export interface Plot {
  /** Unique in the page. */
  id: string;
  title: string;
  /** How to read the drawing; shown under it. */
  caption: string;
  /** Says in words what the drawing shows, for those who do not see it. */
  description: string;
  legend: { label: string; color: string }[];
  /** Drawn for a wide and for a narrow window. */
  draw: (narrow: boolean) => { option: EChartsOption; size: ChartSize };
  /** The same numbers. */
  table: DataTable;
}

type Split = 'validation' | 'test';

/** The figures that a record has numbers for, in the order of the page. */
export function plotsOf(record: RunRecord): Plot[] {
  const searched = record.trials.length > 0 ? [objectivePlot(record), coefficientPlot(record)] : [];
  const accuracies = (['test', 'validation'] as const).flatMap((split) => accuracyPlot(record, split) ?? []);
  return [...accuracies, ...searched, timePlot(record)];
}

function objectivePlot({ trials, best, method, recipe }: RunRecord): Plot {
  const running = runningBest(trials.map(({ objective }) => objective));
  // A grid has no start of its own.
  const start = methodNamed(method)?.search?.over === 'coefficients' ? recipe.search.init : 0;
  const hollow = { itemStyle: { color: 'var(--paper)' } };
  const estimated = { symbol: 'triangle' };
  const points = trials.map(({ trial, objective, stopped }, index) => ({
    value: [trial, 100 * objective],
    ...(index < start ? hollow : {}),
    ...(stopped ? estimated : {}),
  }));
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
    draw: (narrow) => ({
      size: lineSize(narrow),
      option: {
        ...trialAxes(trials.length, { name: 'mean accuracy, %', scale: true }),
        series: [
          {
            type: 'scatter',
            data: points,
            symbolSize: narrow ? 5 : 7,
            itemStyle: { color: 'var(--point)', borderColor: 'var(--point)', borderWidth: 1.2 },
          },
          {
            type: 'line',
            step: 'end',
            showSymbol: false,
            data: trials.map(({ trial }, index) => [trial, 100 * running[index]]),
            lineStyle: { color: seriesColor(0), width: 2.5 },
          },
        ],
      },
    }),
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
  const [min, max] = recipe.search.bounds;
  const names = models.map(({ model, task }) => task ?? model);
  return {
    id: 'coefficients',
    title: 'Search: coefficients by trial',
    caption: 'Points are what each trial tried; lines are the coefficients of the best trial so far.',
    description: `Coefficient of each model in the best trial so far, ending at ${names.map((name, model) => `${name} ${coefficient(models[model].coefficient)}`).join(', ')}.`,
    legend: names.map((label, model) => ({ label, color: seriesColor(model) })),
    draw: (narrow) => ({
      size: lineSize(narrow),
      option: {
        ...trialAxes(trials.length, { name: 'coefficient', min, max }),
        series: names.flatMap((_, model) => [
          {
            type: 'scatter' as const,
            symbolSize: narrow ? 3 : 5,
            itemStyle: { color: seriesColor(model), opacity: 0.35 },
            data: trials.map(({ trial, coefficients }) => [trial, coefficients[model]]),
          },
          {
            type: 'line' as const,
            step: 'end' as const,
            showSymbol: false,
            lineStyle: { color: seriesColor(model), width: 2 },
            data: trials.map(({ trial }, index) => [trial, trials[incumbent[index]].coefficients[model]]),
          },
        ]),
      },
    }),
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

/** The merged model beside the others; nothing where it was not scored on the split. */
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
  const categories = [...names, 'mean'];
  return {
    id: `accuracy-${split}`,
    title: split === 'test' ? 'Test accuracy by task' : 'Validation accuracy by task',
    caption: `On the ${split} split of each task, and the mean over them.`,
    description: `Mean accuracy: ${rows.map((row) => `${row.label} ${percent(row.mean)}`).join(', ')}.`,
    legend: rows.map(({ label }, index) => ({ label, color: seriesColor(index) })),
    draw: (narrow) => {
      const category = {
        type: 'category' as const,
        data: categories,
        ...axisStyle,
        axisLabel: {
          ...axisStyle.axisLabel,
          interval: 0,
          ...(categories.length > 10 && !narrow ? { rotate: 30 } : {}),
          ...(narrow ? { width: 90, overflow: 'truncate' as const } : {}),
        },
      };
      const value = {
        type: 'value' as const,
        min: 0,
        max: 100,
        ...axisStyle,
        nameTextStyle: leftName,
        name: narrow ? '' : 'accuracy, %',
      };
      return {
        size: narrow
          ? { width: 360, height: 40 + categories.length * (18 + 9 * rows.length) }
          : { width: 880, height: 340 },
        option: {
          grid: {
            left: 4,
            right: narrow ? 12 : 4,
            top: narrow ? 4 : 32,
            bottom: 4,
            outerBoundsMode: 'same',
            outerBoundsContain: 'axisLabel',
          },
          ...(narrow ? { xAxis: value, yAxis: { ...category, inverse: true } } : { xAxis: category, yAxis: value }),
          series: rows.map((row, index) => ({
            type: 'bar' as const,
            name: row.label,
            data: valuesOf(row).map((accuracy) => (accuracy === undefined ? '-' : 100 * accuracy)),
            itemStyle: { color: seriesColor(index), borderRadius: narrow ? [0, 2, 2, 0] : [2, 2, 0, 0] },
            barGap: '8%',
            barCategoryGap: '22%',
          })),
        },
      };
    },
    table: {
      caption: split === 'test' ? 'Test accuracy' : 'Validation accuracy',
      columns: ['Model', ...names, 'Mean'],
      rows: rows.map((row) => [row.label, ...valuesOf(row).map(percent)]),
    },
  };
}

function timePlot({ timing }: RunRecord): Plot {
  const named: [string, number][] = PHASES.map((phase) => [phase, timing.phases[phase]]);
  const other = timing.totalSeconds - named.reduce((sum, [, seconds]) => sum + seconds, 0);
  // Below a twentieth of a second the remainder is the rounding of the clock.
  const phases = other > 0.05 ? [...named, ['other', other] satisfies [string, number]] : named;
  const words = (seconds: number) =>
    `${duration(seconds)}${timing.totalSeconds > 0 ? ` (${percent(seconds / timing.totalSeconds)})` : ''}`;
  return {
    id: 'time',
    title: 'Wall time by phase',
    caption: `${duration(timing.totalSeconds)} in all.`,
    description: `${duration(timing.totalSeconds)} in all: ${phases.map(([phase, seconds]) => `${phase} ${words(seconds)}`).join(', ')}.`,
    legend: [],
    draw: (narrow) => ({
      size: { width: narrow ? 360 : 880, height: 12 + 30 * phases.length },
      option: {
        grid: { left: 4, right: 130, top: 4, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
        xAxis: { type: 'value', show: false, min: 0 },
        yAxis: {
          type: 'category',
          inverse: true,
          data: phases.map(([phase]) => phase),
          ...axisStyle,
          axisLine: { show: false },
        },
        series: [
          {
            type: 'bar',
            barWidth: 16,
            itemStyle: { color: seriesColor(0), borderRadius: [0, 2, 2, 0] },
            data: phases.map(([, seconds]) => ({ value: seconds, label: { formatter: words(seconds) } })),
            label: { show: true, position: 'right', color: INK, fontSize: 12 },
          },
        ],
      },
    }),
    table: {
      caption: 'Wall time',
      columns: ['Phase', 'Time'],
      rows: [...phases.map(([phase, seconds]) => [phase, words(seconds)]), ['total', duration(timing.totalSeconds)]],
      summary: true,
    },
  };
}

/** The name stands over the axis' numbers; centred on the axis it would run out of the drawing. */
const leftName = { ...axisStyle.nameTextStyle, align: 'left' as const, padding: [0, 0, 0, -24] };

function lineSize(narrow: boolean): ChartSize {
  return narrow ? { width: 360, height: 260 } : { width: 880, height: 320 };
}

function trialAxes(
  trials: number,
  value: { name: string; scale?: boolean; min?: number; max?: number },
): EChartsOption {
  return {
    grid: { left: 4, right: 16, top: 32, bottom: 28, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    xAxis: {
      type: 'value',
      min: Math.min(1, trials),
      max: trials,
      minInterval: 1,
      name: 'trial',
      nameLocation: 'middle',
      nameGap: 26,
      ...axisStyle,
      splitLine: { show: false },
    },
    yAxis: { type: 'value', ...axisStyle, nameTextStyle: leftName, ...value },
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
