import { stringify } from 'yaml';
import { renderChart } from './chart.js';
import { bound, coefficient, duration, mean, percent } from './format.js';
import { Html, html, renderDataTable, type DataTable } from './html.js';
import { methodNamed } from '../methods/index.js';
import { plotsOf, type Plot } from './plots.js';
import type { RunRecord, Score } from '../run/record.js';
import { STYLE } from './style.js';

/** One HTML file that shows a run: no script, no reference to any network, the same bytes for the same record. */
export function renderReport(record: RunRecord): string {
  const title = `${methodName(record)} of ${record.models.length} ${record.models.length === 1 ? 'model' : 'models'}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>Merged into ${record.recipe.base_model} by dfmerge ${record.dfmerge}.</p>
${facts(record)}
${renderDataTable(summaryTable(record))}
${record.skipped === undefined ? undefined : renderDataTable(skippedTable(record.skipped))}${plotsOf(record).map(figure)}
<h2>Recipe</h2>
<p>With every default spelled out; it can be run again as it is.</p>
<pre tabindex="0">${stringify(record.recipe, { lineWidth: 0 })}</pre>
<footer>${environment(record)}</footer>
</main>
</body>
</html>
`.text;
}

function methodName({ method }: RunRecord): string {
  return methodNamed(method)?.title ?? method;
}

/** The few numbers to see first. */
function facts(record: RunRecord): Html {
  const { best, trials, tasks, seed, timing } = record;
  const test = mean(tasks.flatMap((task) => task.test?.accuracy ?? []));
  const validation = mean(tasks.map((task) => task.validation.accuracy));
  const entries: [string, string][] = [];
  const stopped = trials.filter((trial) => trial.stopped).length;
  if (best !== undefined)
    entries.push(['Best objective', percent(best.objective)], ['Found at trial', `${best.trial} of ${trials.length}`]);
  if (stopped > 0) entries.push(['Stopped early', `${stopped} of ${trials.length}`]);
  if (validation !== undefined) entries.push(['Validation, mean', percent(validation)]);
  if (test !== undefined) entries.push(['Test, mean', percent(test)]);
  entries.push(['Seed', String(seed)], ['Wall time', duration(timing.totalSeconds)]);
  return html`<dl class="facts">
${entries.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}

/** A row per model with its task's accuracy, then tasks that no model belongs to. */
function summaryTable({ models, tasks }: RunRecord): DataTable {
  const scores = (name: string | undefined) => {
    const task = tasks.find((candidate) => candidate.name === name);
    return { validation: shownScore(task?.validation), test: shownScore(task?.test) };
  };
  const owned = new Set(models.map(({ task }) => task));
  const rows = [
    ...models.map(({ model, task = '–', coefficient: value }) => ({
      task,
      coefficient: coefficient(value),
      ...scores(task),
      model,
    })),
    ...tasks
      .filter(({ name }) => !owned.has(name))
      .map(({ name }) => ({ task: name, coefficient: '–', ...scores(name), model: '–' })),
  ];
  // The models' paths are long: last, they leave the numbers in sight in a narrow window.
  const columns = (
    [
      ['task', 'Task', rows.some(({ task }) => task !== '–')],
      ['coefficient', 'Coefficient', true],
      ['validation', 'Validation accuracy', tasks.length > 0],
      ['test', 'Test accuracy', tasks.some(({ test }) => test !== undefined)],
      ['model', 'Model', true],
    ] as const
  ).filter(([, , shown]) => shown);
  return {
    caption: 'The merged model',
    columns: columns.map(([, heading]) => heading),
    rows: rows.map((row) => columns.map(([key]) => row[key])),
    words: columns.flatMap(([key], index) => (key === 'task' || key === 'model' ? [index] : [])),
  };
}

/** What `min_weight` left out of the Fishers of the merge. */
function skippedTable(skipped: NonNullable<RunRecord['skipped']>): DataTable {
  const rows = Object.entries(skipped).map(([task, { skipped: left, choices, meanMass, maxMass }]) => [
    task,
    `${left} of ${choices}`,
    bound(meanMass),
    bound(maxMass),
  ]);
  return {
    caption: 'Choices left out of the Fishers',
    columns: ['Task', 'Choices', 'p̃ per input, mean', 'p̃ per input, most'],
    rows,
  };
}

function shownScore(score: Score | undefined): string {
  return score === undefined ? '–' : `${percent(score.accuracy)} of ${score.examples}`;
}

function figure(plot: Plot): Html {
  const drawing = (name: 'wide' | 'narrow') => {
    const { option, size } = plot.draw(name === 'narrow');
    return html`<div class="${name}" role="img" aria-label="${plot.title}. ${plot.description}">${renderChart(`${plot.id}-${name}`, option, size)}</div>\n`;
  };
  const legend = plot.legend.map(
    ({ label, color }) => html`<li><span style="background:${color}"></span>${label}</li>`,
  );
  return html`<h2>${plot.title}</h2>
<figure>
${legend.length > 0 ? html`<ul class="legend">${legend}</ul>\n` : undefined}${drawing('wide')}${drawing('narrow')}<figcaption>${plot.caption}</figcaption>
<details><summary>Numbers</summary>
${renderDataTable(plot.table)}
</details>
</figure>
`;
}

function environment({ environment: at }: RunRecord): string {
  return `Computed in ${at.dtype} on ${at.cpu} (${at.isa}, ${at.matmul === undefined ? '' : `products by ${at.matmul}, `}${at.threads} ${at.threads === 1 ? 'thread' : 'threads'}), ${at.platform}, Node ${at.node}.`;
}
