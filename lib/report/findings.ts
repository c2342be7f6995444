import type { RunRecord } from '../run/record.js';
import { count, counted, listed, percent, points, probability, range } from './format.js';
import { html, unbroken, type Html } from './html.js';
import type { Differences, RunNumbers, SearchNumbers, SplitNumbers } from './numbers.js';

/** What a run came to, in a sentence. */
export interface Finding {
  text: string;
  /** True for what speaks against using the merge, or for reading the numbers with care. */
  caution?: boolean;
}

/** Below this a difference counts as more than chance explains. */
const LEVEL = 0.05;

/** What a reader should know before the figures, the most important first. */
export function findingsOf(record: RunRecord, { splits, search }: RunNumbers): Finding[] {
  const [split] = splits as (SplitNumbers | undefined)[];
  return [
    ...(split ? [...whole(split), ...beside(split), ...below(split)] : []),
    ...(search ? searched(record, search) : []),
  ];
}

export function findingsList(findings: readonly Finding[]): Html | undefined {
  if (findings.length === 0) return undefined;
  const items = findings.map(
    ({ text, caution }) => html`<li${caution ? html` class="caution"` : undefined}>${unbroken(text)}</li>\n`,
  );
  return html`<ul class="findings">\n${items}</ul>`;
}

function whole({ split, models: [{ tasks, mean }, ...others], kept }: SplitNumbers): Finding[] {
  const names = Object.keys(tasks);
  const over = names.length === 1 ? `on ${names[0]}` : `on average over ${names.length} tasks`;
  const findings: Finding[] = [
    {
      text: `The merged model answers ${percent(mean.accuracy)} of the ${split} rows rightly ${over} (95 % interval ${range(mean)}).`,
    },
  ];
  const owners = others.find(({ role }) => role === 'fine-tuned');
  if (kept && owners) {
    const each =
      names.length === 1 ? 'the fine-tuned model reaches' : 'the fine-tuned models reach, each on its own task';
    findings.push({ text: `That is ${percent(kept.mean)} of what ${each} (${percent(owners.mean.accuracy)}).` });
  }
  return findings;
}

/** The merge beside plain averaging, which costs nothing. */
function beside({ models, differences }: SplitNumbers): Finding[] {
  const average = models.find(({ role }) => role === 'average');
  if (!average) return [];
  const tested = differences.find(({ role }) => role === 'average')?.mean;
  const difference = models[0].mean.accuracy - average.mean.accuracy;
  const reaches = `Plain averaging of the same models, which needs no data and no search, reaches ${percent(average.mean.accuracy)}`;
  const chance = tested && ` (${probability(tested.p)})`;
  const apart = points(Math.abs(difference)).replace('+', '');
  const maybe = tested !== undefined && !isBeyondChance(tested);
  if (difference <= 0) {
    const where = difference === 0 ? 'no better' : `${apart} points below that`;
    return [
      {
        text: `${reaches}: the merge is ${where}${maybe ? `, which chance alone may explain` : ''}${chance ?? ''}.`,
        caution: true,
      },
    ];
  }
  const explained = maybe ? ', which chance alone may explain' : tested ? ', more than chance explains' : '';
  return [
    {
      text: `${reaches}: the merge has ${apart} points more${explained}${chance ?? ''}.`,
      ...(maybe ? { caution: true } : {}),
    },
  ];
}

/** Single tasks on which the merge falls below plain averaging, which a mean hides. */
function below({ differences, models }: SplitNumbers): Finding[] {
  const average = differences.find(({ role }) => role === 'average');
  if (!average || Object.keys(models[0].tasks).length < 2) return [];
  const worse = Object.entries(average.tasks).filter(([, { difference }]) => difference < 0);
  if (worse.length === 0) return [];
  const named = worse.map(([name, { difference, p }]) => `${name} (${points(difference)} points, ${probability(p)})`);
  return [{ text: `Below plain averaging: ${listed(named)}.`, caution: true }];
}

function searched({ failed = [] }: RunRecord, { trials, best, start, stopped }: SearchNumbers): Finding[] {
  const findings: Finding[] = [];
  const all = trials + failed.length;
  if (best && start && !start.beaten)
    findings.push({
      text: `The search found nothing better than its start: its best is trial ${best.trial}, and ${start.trials === 1 ? 'the first trial was' : `the first ${count(start.trials)} trials were`} laid out before it had anything to go by.`,
      caution: true,
    });
  else if (best && start?.objective !== undefined)
    findings.push({
      text: `The best of ${counted(all, 'trial')} is trial ${best.trial}; its objective is ${points(best.objective - start.objective).replace('+', '')} points above the best of the start.`,
    });
  else if (best) findings.push({ text: `The best of ${counted(all, 'trial')} is trial ${best.trial}.` });
  if (failed.length > 0)
    findings.push({
      text: `${counted(failed.length, 'trial')} failed and ${failed.length === 1 ? 'has' : 'have'} no score.`,
      caution: true,
    });
  if (stopped > 0)
    findings.push({
      text: `${counted(stopped, 'trial')} ${stopped === 1 ? 'was' : 'were'} stopped early, since ${stopped === 1 ? 'it' : 'they'} could no longer be the best.`,
    });
  return findings;
}

/** Whether a difference is more than chance explains. */
export function isBeyondChance({ p }: Differences['mean']): boolean {
  return p < LEVEL;
}
