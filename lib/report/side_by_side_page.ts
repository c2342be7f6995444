import { methodNamed } from '../methods/index.js';
import { differencesTable } from './accuracy.js';
import { barTable, panels, type Bar } from './bars.js';
import { isBeyondChance, type Finding, findingsList } from './findings.js';
import { coefficient, count, counted, duration, percent, points, probability, range } from './format.js';
import { html, renderDataTable, type Html } from './html.js';
import type { Estimate } from './numbers.js';
import { glossary, renderPage, section, unfolded } from './page.js';
import { bestTrialSoFar } from './search_section.js';
import type { NamedRun, RunColumn, SideBySide } from './side_by_side.js';
import { trialPanel } from './trial_chart.js';
import { wordsOfComparison } from './words.js';

/** One HTML file that shows runs side by side; as renderReport, it needs nothing else. */
export function renderSideBySide(runs: readonly NamedRun[], compared: SideBySide): string {
  const { differences, notes } = compared;
  return renderPage({
    title: `${counted(runs.length, 'run')} side by side`,
    body: [
      findingsList(findingsOfRuns(compared)),
      notes.length > 0 ? html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>` : undefined,
      section({ id: 'runs', title: 'The runs', body: [runsTable(compared.runs)] }),
      compared.tasks.length > 0 ? accuracies(compared) : undefined,
      differences.length > 0 ? tests(compared) : undefined,
      coefficients(compared.runs),
      courses(runs),
      glossary(wordsOfComparison({ kept: compared.runs.some(({ kept }) => kept), tested: differences.length > 0 })),
    ],
  });
}

/** What the comparison comes to, in sentences. */
export function findingsOfRuns({ runs, split, shared, differences }: SideBySide): Finding[] {
  const scored = runs.flatMap(({ name, mean }) => (mean ? [{ name, mean }] : []));
  if (scored.length < 2) return [];
  const best = scored.reduce((one, other) => (other.mean.accuracy > one.mean.accuracy ? other : one));
  const over = shared.length === 1 ? `on ${shared[0]}` : `over ${counted(shared.length, 'task')}`;
  return [
    {
      text: `The highest ${shared.length === 1 ? '' : 'mean '}accuracy on the ${split} split ${over} is ${percent(best.mean.accuracy)}, of ${best.name}.`,
    },
    ...differences.map(({ name, mean }) => ({
      text: `${name} against ${runs[0].name}: ${points(mean.difference)} points (${probability(mean.p)}), ${isBeyondChance(mean) ? 'more than chance explains' : 'which chance alone may explain'}.`,
    })),
  ];
}

function runsTable(runs: readonly RunColumn[]): Html {
  return renderDataTable({
    caption: 'What was run',
    columns: ['Run', 'Method', 'Seed', 'Trials', 'Best objective', 'Wall time', 'Folder'],
    rows: runs.map(({ name, method, seed, trials, failed, best, seconds, path }) => [
      name,
      methodNamed(method)?.title ?? method,
      String(seed),
      trials === 0 ? 'one merge' : `${count(trials)}${failed > 0 ? ` (${failed} failed)` : ''}`,
      percent(best?.objective),
      duration(seconds),
      path,
    ]),
    words: [0, 1, 6],
    stacked: true,
  });
}

function accuracies({ runs, tasks, shared, split }: SideBySide): Html {
  const panel = (caption: string, note: string, of: (run: RunColumn) => Estimate | undefined) =>
    barTable({
      caption,
      note,
      columns: ['Run', 'Accuracy'],
      most: 1,
      bars: runs.flatMap((run, series): Bar[] => {
        const estimate = of(run);
        return estimate
          ? [
              {
                label: run.name,
                length: estimate.accuracy,
                interval: estimate,
                text: percent(estimate.accuracy),
                series,
              },
            ]
          : [];
      }),
    });
  const rowsOf = (task: string) => {
    const counts = new Set(runs.flatMap((run) => (Object.hasOwn(run.tasks, task) ? [run.tasks[task].rows] : [])));
    if (shared.includes(task)) return counted([...counts][0], 'row');
    return runs.every((run) => Object.hasOwn(run.tasks, task)) ? 'other rows in each run' : 'not in every run';
  };
  const cell = (estimate: Estimate | undefined) =>
    estimate ? `${percent(estimate.accuracy)} (${range(estimate)})` : '–';
  return section({
    id: 'accuracy',
    title: split === 'test' ? 'Test accuracy by task' : 'Validation accuracy by task',
    body: [
      html`<p>The dark line over the end of a bar is the interval of 95 %: where two overlap widely, the difference may be chance.</p>`,
      panels([
        ...(shared.length > 1 ? [panel('Mean', counted(shared.length, 'task'), ({ mean }) => mean)] : []),
        ...tasks.map((task) => panel(task, rowsOf(task), (run) => run.tasks[task])),
      ]),
      keptTable(runs, shared),
      unfolded(
        'Numbers',
        renderDataTable({
          caption: `Accuracy on the ${split} split, with intervals of 95 %`,
          columns: ['Run', ...tasks, ...(shared.length > 1 ? ['Mean'] : [])],
          rows: runs.map(({ name, tasks: ofRun, mean }) => [
            name,
            ...tasks.map((task) => cell(ofRun[task])),
            ...(shared.length > 1 ? [cell(mean)] : []),
          ]),
        }),
      ),
    ],
  });
}

/** What each run keeps of the fine-tuned models, of the runs that were compared with them. */
function keptTable(runs: readonly RunColumn[], tasks: readonly string[]): Html | undefined {
  const having = runs.filter(({ kept }) => kept);
  if (having.length === 0) return undefined;
  return renderDataTable({
    caption: 'Share kept of the accuracy of the models that were fine-tuned for the tasks',
    columns: ['Run', ...tasks, 'all'],
    rows: having.map(({ name, kept }) => [
      name,
      ...tasks.map((task) => percent(kept?.tasks[task])),
      percent(kept?.mean),
    ]),
    stacked: true,
  });
}

function tests({ runs, shared, differences, split }: SideBySide): Html {
  return section({
    id: 'differences',
    title: `Is the difference more than chance? (${split} split)`,
    body: [
      html`<p>Percentage points by which a run is ahead of ${runs[0].name} on the same rows, and how easily chance makes a difference as large: below 0.05 it is usually taken for real.</p>`,
      differencesTable({
        caption: `Against ${runs[0].name}`,
        heading: ({ label }) => label,
        names: shared,
        differences: differences.map((entry) => ({ ...entry, role: 'other' })),
      }),
    ],
  });
}

function coefficients(runs: readonly RunColumn[]): Html {
  const nameOf = ({ model, task }: RunColumn['models'][number]) => task ?? model;
  const names = [...new Set(runs.flatMap(({ models }) => models.map(nameOf)))];
  return section({
    id: 'coefficients',
    title: 'Coefficients',
    body: [
      html`<p>λ of each fine-tuned model in the merge that was written. Coefficients of different methods do not mean the same.</p>`,
      renderDataTable({
        caption: 'Coefficients by model',
        columns: ['Model of', ...runs.map(({ name }) => name)],
        rows: names.map((name) => [
          name,
          ...runs.map(({ models }) => coefficient(models.find((model) => nameOf(model) === name)?.coefficient)),
        ]),
        stacked: true,
      }),
    ],
  });
}

/** How the searches went: the objective of each trial and the best so far, on one scale for all. */
function courses(runs: readonly NamedRun[]): Html | undefined {
  const searched = runs.filter(({ record }) => record.trials.length > 0);
  if (searched.length === 0) return undefined;
  const trials = searched.flatMap(({ record }) => record.trials);
  const objectives = trials.map(({ objective }) => 100 * objective);
  const bounds = [Math.floor(Math.min(...objectives)), Math.ceil(Math.max(...objectives) + 0.5)] as const;
  const numbers = trials.map(({ trial }) => trial);
  const range = [Math.min(...numbers), Math.max(...numbers)] as const;
  const parts = searched.map(({ name, record }) => {
    const running = bestTrialSoFar(record.trials).map((index) => record.trials[index].objective);
    const { best } = record;
    const words = best ? `${percent(best.objective)} at trial ${best.trial} of ${record.trials.length}` : '';
    const chart = {
      marks: record.trials.map(({ trial, objective, stopped }) => ({
        trial,
        value: 100 * objective,
        kind: stopped ? ('stopped' as const) : ('trial' as const),
      })),
      line: record.trials.map(({ trial }, index) => ({ trial, value: 100 * running[index] })),
      bounds,
      trials: range,
      ...(best ? { best: { trial: best.trial, value: 100 * best.objective } } : {}),
    };
    return html`<figure><h3>${name}</h3><p>${words}</p><div role="img" aria-label="Objective of ${name} by trial: ${words}.">${trialPanel(chart)}</div></figure>`;
  });
  return section({
    id: 'searches',
    title: 'The searches: objective by trial',
    body: [
      html`<p>Points are trials, the line is the best so far, the star the best; in percent, on one scale. Objectives are measured on validation rows, and searches that used different rows have objectives that cannot be compared.</p>`,
      panels(parts),
    ],
  });
}
