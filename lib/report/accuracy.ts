import { barTable, panels, type Bar } from './bars.js';
import { isBeyondChance } from './findings.js';
import { count, counted, percent, points, probability, range } from './format.js';
import { html, renderDataTable, type Html } from './html.js';
import type { Differences, Estimate, ModelNumbers, ModelRole, Split, SplitNumbers } from './numbers.js';
import { section, unfolded } from './page.js';

/** Indices of series: each kind of model keeps its colour in every figure. */
const SERIES: Record<Exclude<ModelRole, 'other'>, number> = { merged: 0, 'fine-tuned': 1, average: 2, base: 3 };

/** The merged model beside the others on a split: a panel per task and one for the mean. */
export function accuracySection({ split, models }: SplitNumbers): Html {
  const [merged] = models;
  const names = Object.keys(merged.tasks);
  const single = names.length === 1;
  const shown = coloured(models);
  const panel = (caption: string, note: string, of: (model: ModelNumbers) => Estimate | undefined) =>
    barTable({
      caption,
      note,
      columns: ['Model', 'Accuracy'],
      most: 1,
      bars: shown.flatMap(({ model, series }): Bar[] => {
        const estimate = of(model);
        if (!estimate) return [];
        const { accuracy: length } = estimate;
        return [
          {
            label: shownName(model),
            length,
            interval: estimate,
            text: percent(length),
            series,
            chief: model === merged,
          },
        ];
      }),
    });
  if (models.length === 1) return accuracyOfOne(split, merged);
  const parts = names.map((name) => panel(name, counted(merged.tasks[name].rows, 'row'), ({ tasks }) => tasks[name]));
  const overAll = panel('Mean over the tasks', counted(names.length, 'task'), ({ tasks, mean }) =>
    Object.keys(tasks).length === names.length ? mean : undefined,
  );
  return sectionOf(split, [
    introduction(split),
    panels(single ? parts : [overAll, ...parts]),
    unfolded('Numbers', numbersTable(models, names, split)),
  ]);
}

/** The merged model alone: one table for all tasks. */
function accuracyOfOne(split: Split, model: ModelNumbers): Html {
  const names = Object.keys(model.tasks);
  const bar = (label: string, estimate: Estimate, chief: boolean): Bar => ({
    label,
    length: estimate.accuracy,
    interval: estimate,
    text: percent(estimate.accuracy),
    series: SERIES.merged,
    chief,
  });
  return sectionOf(split, [
    introduction(split),
    barTable({
      caption: 'The merged model',
      columns: ['Task', 'Accuracy'],
      most: 1,
      single: true,
      bars: [
        ...(names.length > 1 ? [bar('mean', model.mean, true)] : []),
        ...names.map((name) => bar(name, model.tasks[name], false)),
      ],
    }),
    unfolded('Numbers', numbersTable([model], names, split)),
  ]);
}

function sectionOf(split: Split, body: Html[]): Html {
  const title = split === 'test' ? 'Test accuracy by task' : 'Validation accuracy by task';
  return section({ id: `accuracy-${split}`, title, body });
}

function introduction(split: Split): Html {
  const seen =
    split === 'test'
      ? 'On rows that the search has not seen.'
      : 'On all validation rows. A search looks at these, so that a merge that it found tends to look better here than it is.';
  return html`<p>${seen} The dark line over the end of a bar is the interval of 95 %: where two overlap widely, the difference may be chance.</p>`;
}

/** A model's name in figures. */
export function shownName({ label, role }: { label: string; role: ModelRole }): string {
  return role === 'fine-tuned' ? 'fine-tuned' : label;
}

/** Each model with its series: the usual ones keep theirs, and the others have what is left. */
function coloured(models: readonly ModelNumbers[]): { model: ModelNumbers; series: number }[] {
  let next = Object.keys(SERIES).length;
  return models.map((model) => ({ model, series: model.role === 'other' ? next++ : SERIES[model.role] }));
}

function numbersTable(models: readonly ModelNumbers[], names: readonly string[], split: string): Html {
  const cell = (estimate: Estimate | undefined) =>
    estimate === undefined ? '–' : `${percent(estimate.accuracy)} (${range(estimate)})`;
  return renderDataTable({
    caption: `Accuracy on the ${split} split, with intervals of 95 %`,
    columns: ['Model', ...names, ...(names.length > 1 ? ['Mean'] : [])],
    rows: models.map(({ label, tasks, mean }) => [
      label,
      ...names.map((name) => cell(tasks[name])),
      ...(names.length > 1 ? [cell(mean)] : []),
    ]),
  });
}

/** Paired tests of the merge against each other model, and what it keeps of the fine-tuned ones; undefined where there is nothing to pair. */
export function differencesSection({ split, differences, kept, models: [merged] }: SplitNumbers): Html | undefined {
  if (differences.length === 0) return undefined;
  const names = Object.keys(merged.tasks);
  return section({
    id: `differences-${split}`,
    title: `Is the difference more than chance? (${split} split)`,
    body: [
      html`<p>Percentage points by which the merged model is ahead of the other on the same rows, and how easily chance makes a difference as large: below 0.05 it is usually taken for real.${
        kept ? ' Share kept is its accuracy over that of the model that was fine-tuned for the task.' : ''
      }</p>`,
      differencesTable({
        caption: 'The merged model against the others',
        heading: (entry) => `against ${shownName(entry)}`,
        names,
        differences,
        kept,
      }),
    ],
  });
}

/** What a table of paired tests shows. */
export interface DifferencesTable {
  caption: string;
  /** The heading of each of `differences`. */
  heading: (entry: Differences) => string;
  names: readonly string[];
  differences: readonly Differences[];
  kept?: SplitNumbers['kept'];
}

export function differencesTable({ caption, heading, names, differences, kept }: DifferencesTable): Html {
  const several = names.length > 1;
  const row = (label: string, of: (entry: Differences) => Differences['mean'] | undefined, share?: number) => [
    label,
    ...(kept ? [percent(share)] : []),
    ...differences.map((entry) => {
      const test = of(entry);
      return test ? `${points(test.difference)} (${probability(test.p)})${isBeyondChance(test) ? '' : ' ≈'}` : '–';
    }),
  ];
  const table = renderDataTable({
    caption: `${caption}; ≈ marks what may be chance`,
    columns: ['Task', ...(kept ? ['Share kept'] : []), ...differences.map(heading)],
    rows: [
      ...names.map((name) => row(name, ({ tasks }) => tasks[name], kept?.tasks[name])),
      ...(several ? [row('mean', ({ mean }) => mean, kept?.mean)] : []),
    ],
    summary: several,
    stacked: true,
  });
  return table;
}

/** Which rows the trials were scored on: one line per task where they are a part of the split. */
export function rowsWords(rows: Record<string, { rows: number; of: number }>): string {
  const all = Object.entries(rows);
  const [taken, there] = [
    all.reduce((total, [, { rows: some }]) => total + some, 0),
    all.reduce((total, [, { of }]) => total + of, 0),
  ];
  if (all.length === 0) return '';
  return taken === there
    ? `on all ${count(there)} validation rows`
    : `on the same ${count(taken)} of ${count(there)} validation rows`;
}
