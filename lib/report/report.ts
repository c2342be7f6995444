import { stringify } from 'yaml';
import { PHASES } from '../core/timing.js';
import { sum } from '../core/statistics.js';
import { methodNamed } from '../methods/index.js';
import type { RunRecord } from '../run/record.js';
import { accuracySection, differencesSection } from './accuracy.js';
import { barTable } from './bars.js';
import { checkRecord } from './check_record.js';
import { findingsList, findingsOf } from './findings.js';
import { bound, coefficient, count, counted, duration, percent, range } from './format.js';
import { html, renderDataTable, unbroken, type DataTable, type Html } from './html.js';
import { numbersOf, type Estimate, type RunNumbers } from './numbers.js';
import { glossary, renderPage, section } from './page.js';
import { searchSections } from './search_section.js';
import { wordsOf } from './words.js';

export { numbersInSteps } from './numbers.js';

/**
 * One HTML file that shows a run: it has no script and refers to no network, and the same record gives the same bytes.
 * Errors: INVALID_ARGUMENT, which names the first key that is wrong, for what is no record of a run.
 */
export function renderReport(record: RunRecord): string {
  checkRecord('renderReport', record);
  return renderRun(record, numbersOf(record));
}

/** As renderReport, with the numbers of the record. */
export function renderRun(record: RunRecord, numbers: RunNumbers): string {
  const title = titleOf(record);
  const [first, ...others] = numbers.splits;
  return renderPage({
    title,
    body: [
      html`<p>Merged into ${record.recipe.base_model} by dfmerge ${record.dfmerge}.</p>`,
      findingsList(findingsOf(record, numbers)),
      facts(record, numbers),
      warnings(record),
      ...(first ? [accuracySection(first), differencesSection(first)] : []),
      section({ id: 'merged', title: 'The merged model', body: [renderDataTable(summaryTable(record, numbers))] }),
      record.skipped === undefined
        ? undefined
        : section({
            id: 'skipped',
            title: 'Left out of the Fishers',
            body: [renderDataTable(skippedTable(record.skipped))],
          }),
      ...(numbers.search ? searchSections(record, numbers.search) : []),
      ...others.flatMap((split) => [accuracySection(split), differencesSection(split)]),
      timeSection(record),
      recipeSection(record),
      glossary(wordsOf(record, numbers)),
    ],
    footer: environment(record),
  });
}

/** As renderRun, for a search that has not finished: its record holds the trials so far and nothing of the end. */
export function renderUnfinished(record: RunRecord, numbers: RunNumbers): string {
  const done = counted(record.trials.length + (record.failed?.length ?? 0), 'trial');
  return renderPage({
    title: `${titleOf(record)}: a search that has not finished`,
    body: [
      html`<p>${done} so far. Nothing has been merged and evaluated in the end yet; <code>dfmerge search … --resume</code> goes on where the search stopped, if it is not running.</p>`,
      findingsList(findingsOf(record, numbers)),
      facts(record, numbers),
      ...(numbers.search ? searchSections(record, numbers.search) : []),
      timeSection(record),
      glossary(wordsOf(record, numbers)),
    ],
  });
}

/** What was merged and how, as a heading. */
export function titleOf(record: RunRecord): string {
  const { length } = record.models;
  return `${methodNamed(record.method)?.title ?? record.method} of ${length} ${length === 1 ? 'model' : 'models'}`;
}

function warnings({ warnings: messages = [] }: RunRecord): Html | undefined {
  if (messages.length === 0) return undefined;
  return section({
    id: 'warnings',
    title: 'Warnings',
    body: [html`<ul class="notes">${messages.map((message) => html`<li>${message}</li>`)}</ul>`],
  });
}

/** The few numbers to see first. */
function facts({ best, trials, failed = [], seed, timing }: RunRecord, { splits, search }: RunNumbers): Html {
  const entries: [name: string, value: string, note?: string][] = [];
  for (const { split, models } of splits)
    entries.push([
      split === 'test' ? 'Test, mean' : 'Validation, mean',
      percent(models[0].mean.accuracy),
      range(models[0].mean),
    ]);
  const kept = splits.at(0)?.kept;
  if (kept) entries.push(['Share kept', percent(kept.mean), 'of the fine-tuned models']);
  if (best !== undefined)
    entries.push(
      ['Best objective', percent(best.objective)],
      ['Found at trial', `${best.trial} of ${trials.length + failed.length}`],
    );
  if (search && search.stopped > 0) entries.push(['Stopped early', `${search.stopped} of ${trials.length}`]);
  if (failed.length > 0) entries.push(['Failed', `${failed.length} of ${trials.length + failed.length}`]);
  entries.push(['Seed', String(seed)], ['Wall time', duration(timing.totalSeconds)]);
  return html`<dl class="facts">
${entries.map(([name, value, note]) => html`<div><dt>${name}</dt><dd>${unbroken(value)}${note === undefined ? undefined : html`<small>${unbroken(note)}</small>`}</dd></div>\n`)}</dl>`;
}

/** A row per model with its task's accuracies, then a row per task that belongs to no model. */
function summaryTable({ models, tasks }: RunRecord, { splits, search }: RunNumbers): DataTable {
  const scores = (name: string | undefined) => {
    const of = (split: string) =>
      shownScore(splits.find((one) => one.split === split)?.models[0].tasks[name ?? ''], name !== undefined);
    const kept = splits.find((split) => split.kept)?.kept?.tasks;
    return {
      validation: of('validation'),
      test: of('test'),
      kept: percent(name === undefined ? undefined : kept?.[name]),
    };
  };
  const owned = new Set(models.map(({ task }) => task));
  const importance = (index: number) => percent(search?.importance?.total[index], { digits: 0 });
  const rows = [
    ...models.map(({ model, task, coefficient: value }, index) => ({
      task: task ?? '–',
      coefficient: coefficient(value),
      importance: importance(index),
      ...scores(task),
      model,
    })),
    ...tasks
      .filter(({ name }) => !owned.has(name))
      .map(({ name }) => ({ task: name, coefficient: '–', importance: '–', ...scores(name), model: '–' })),
  ];
  const has = (split: string) => splits.some((one) => one.split === split);
  // The models' paths are long: in the last column they leave the numbers in sight in a narrow window.
  const columns = (
    [
      ['task', 'Task', rows.some(({ task }) => task !== '–')],
      ['coefficient', 'Coefficient λ', true],
      ['importance', 'Importance', search?.importance !== undefined],
      ['validation', 'Validation accuracy', has('validation')],
      ['test', 'Test accuracy', has('test')],
      ['kept', 'Share kept', splits.some(({ kept }) => kept)],
      ['model', 'Model', true],
    ] as const
  ).filter(([, , shown]) => shown);
  return {
    caption: 'Coefficients and accuracies by model',
    columns: columns.map(([, heading]) => heading),
    rows: rows.map((row) => columns.map(([key]) => row[key])),
    words: columns.flatMap(([key], index) => (key === 'task' || key === 'model' ? [index] : [])),
    stacked: true,
  };
}

function shownScore(estimate: Estimate | undefined, named: boolean): string {
  return !named || estimate === undefined ? '–' : `${percent(estimate.accuracy)} of ${count(estimate.rows)}`;
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
    stacked: true,
  };
}

function timeSection({ timing }: RunRecord): Html {
  const named: [string, number][] = PHASES.map((phase) => [phase, timing.phases[phase] ?? 0]);
  const other = timing.totalSeconds - sum(named.map(([, seconds]) => seconds));
  // Below a twentieth of a second the remainder is the rounding of the clock.
  const phases = other > 0.05 ? [...named, ['other', other] satisfies [string, number]] : named;
  const words = (seconds: number) =>
    `${duration(seconds)}${timing.totalSeconds > 0 ? ` (${percent(seconds / timing.totalSeconds)})` : ''}`;
  return section({
    id: 'time',
    title: 'Wall time by phase',
    body: [
      barTable({
        caption: `${unbroken(duration(timing.totalSeconds))} in all`,
        columns: ['Phase', 'Time'],
        most: Math.max(...phases.map(([, seconds]) => seconds)) || 1,
        bars: phases.map(([label, seconds]) => ({ label, length: seconds, text: words(seconds), series: 0 })),
        single: true,
        long: true,
      }),
    ],
  });
}

function recipeSection({ recipe, recipeFolder }: RunRecord): Html {
  return section({
    id: 'recipe',
    title: 'Recipe',
    body: [
      html`<p>With every default spelled out. Its relative paths start in the folder ${recipeFolder} as seen from this one; <code>dfmerge merge --from dfmerge.json</code> merges again, at any trial.</p>`,
      html`<pre tabindex="0" role="region" aria-label="Recipe">${stringify(recipe, { lineWidth: 0 })}</pre>`,
    ],
  });
}

function environment({ environment: at }: RunRecord): string {
  return `Computed in ${at.computeDtype} on ${at.cpu} (${at.isa}, ${at.matmul === undefined ? '' : `products by ${at.matmul}, `}${at.threads} ${at.threads === 1 ? 'thread' : 'threads'}), ${at.platform}, Node ${at.node}.`;
}
