import { stringify } from 'yaml';
import { mean } from '../core/statistics.js';
import { methodNamed } from '../methods/index.js';
import type { RunRecord, Score } from '../run/record.js';
import { checkRecord } from './check_record.js';
import { bound, coefficient, duration, percent } from './format.js';
import { Html, html, renderDataTable, unbroken, type DataTable } from './html.js';
import { plotsOf, type Plot } from './plots.js';
import { STYLE } from './style.js';

/**
 * One HTML file that shows a run: it has no script and refers to no network, and the same record gives the same bytes.
 * Errors: INVALID_ARGUMENT, which names the first key that is wrong, for what is no record of a run.
 */
export function renderReport(record: RunRecord): string {
  checkRecord('renderReport', record);
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
${warnings(record)}${renderDataTable(summaryTable(record))}
${record.skipped === undefined ? undefined : renderDataTable(skippedTable(record.skipped))}${plotsOf(record).map(figure)}
<h2>Recipe</h2>
<p>With every default spelled out. Its relative paths start in the folder ${record.recipeFolder} as seen from this one; <code>dfmerge merge --from dfmerge.json</code> merges again, at any trial.</p>
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

function warnings({ warnings: messages = [] }: RunRecord): Html | undefined {
  if (messages.length === 0) return undefined;
  return html`<h2>Warnings</h2>\n<ul>${messages.map((message) => html`<li>${message}</li>`)}</ul>\n`;
}

/** The few numbers to see first. */
function facts(record: RunRecord): Html {
  const { best, trials, tasks, seed, timing } = record;
  const validation = tasks.map((task) => task.validation.accuracy);
  const test = tasks.flatMap((task) => task.test?.accuracy ?? []);
  const entries: [string, string][] = [];
  const stopped = trials.filter((trial) => trial.stopped).length;
  if (best !== undefined)
    entries.push(['Best objective', percent(best.objective)], ['Found at trial', `${best.trial} of ${trials.length}`]);
  if (stopped > 0) entries.push(['Stopped early', `${stopped} of ${trials.length}`]);
  if (validation.length > 0) entries.push(['Validation, mean', percent(mean(validation))]);
  if (test.length > 0) entries.push(['Test, mean', percent(mean(test))]);
  entries.push(['Seed', String(seed)], ['Wall time', duration(timing.totalSeconds)]);
  return html`<dl class="facts">
${entries.map(([name, value]) => html`<div><dt>${name}</dt><dd>${unbroken(value)}</dd></div>\n`)}</dl>`;
}

/** A row per model with its task's accuracies, then a row per task that belongs to no model. */
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
  // The models' paths are long: in the last column they leave the numbers in sight in a narrow window.
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
  const drawing = (name: 'wide' | 'narrow') =>
    html`<div class="${name}" role="img" aria-label="${plot.title}. ${plot.description}">${plot.draw(name === 'narrow')}</div>\n`;
  const legend = plot.legend.map(
    ({ label, color }) => html`<li><span style="background:${color}"></span>${label}</li>`,
  );
  return html`<h2 id="${plot.id}">${plot.title}</h2>
<figure>
${legend.length > 0 ? html`<ul class="legend">${legend}</ul>\n` : undefined}${drawing('wide')}${drawing('narrow')}<figcaption>${unbroken(plot.caption)}</figcaption>
<details><summary>Numbers</summary>
${renderDataTable(plot.table)}
</details>
</figure>
`;
}

function environment({ environment: at }: RunRecord): string {
  return `Computed in ${at.computeDtype} on ${at.cpu} (${at.isa}, ${at.matmul === undefined ? '' : `products by ${at.matmul}, `}${at.threads} ${at.threads === 1 ? 'thread' : 'threads'}), ${at.platform}, Node ${at.node}.`;
}
