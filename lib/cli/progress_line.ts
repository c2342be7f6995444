import { basename, dirname, join } from 'node:path';
import stringWidth from 'string-width';
import type { ProgressEvent, Stage } from '../core/progress.js';
import { roughDuration } from '../report/format.js';

const PHASE_WORDS: Record<ProgressEvent['phase'], string> = {
  read: 'reading',
  load: 'loading',
  fisher: 'measuring Fisher',
  merge: 'merging',
  evaluate: 'evaluating',
  suggest: 'suggesting',
  write: 'writing',
  train: 'training',
  generate: 'generating',
  search: 'searching',
};

/** Stages whose name adds something to what is being done in them. */
const STAGE_WORDS: { [stage in Stage]?: string } = {
  merge: 'final merge',
  validation: 'final validation',
  test: 'final test',
};

/** What a bar is drawn from. */
export interface BarState {
  event: ProgressEvent;
  /** How many trials the search has; 0 or absent where there is none. */
  trials?: number;
  /** How many seconds the run has left by now, where that is known. */
  secondsLeft?: number;
}

/** What is being done, and in which stage. */
export function progressWords({ phase, subject, trial, stage, done, total }: ProgressEvent, trials = 0): string {
  if (phase === 'search' && done < total) return `trial ${done + 1}/${total}`;
  if (phase === 'read')
    return `reading ${done} of ${total} MiB${subject === undefined ? '' : `: ${shortPath(subject)}`}`;
  const doing = [PHASE_WORDS[phase], subject].filter(Boolean).join(' ');
  const what = phase === 'train' ? `${doing}, step ${Math.min(done + 1, total)} of ${total}` : doing;
  if (trial !== undefined) return `trial ${trial}${trials > 0 ? `/${trials}` : ''} ${what}`;
  if (stage?.startsWith('comparison ')) return `comparing ${stage.slice('comparison '.length)}: ${what}`;
  const named = stage && STAGE_WORDS[stage];
  return named === undefined ? what : phase === 'merge' ? named : `${named}: ${what}`;
}

/** A file's name and that of its folder: weights are called the same in every model. */
function shortPath(file: string): string {
  return join(basename(dirname(file)), basename(file));
}

/**
 * The line of a bar, which is narrower than the terminal's columns: the bar, the part that is done, the time left of the whole run, what is
 * being done and the best so far. Where they are too few, the best goes before the rest is cut.
 */
export function barLine({ event, trials, secondsLeft }: BarState, columns: number): string {
  const { done, total, best } = event;
  // What tells of nothing but the files that it reads has no course.
  const { fraction = event.phase === 'read' && total > 0 ? done / total : 0 } = event;
  const size = columns < 60 ? 6 : columns < 100 ? 10 : 24;
  const full = Math.min(size, Math.floor(size * fraction));
  const bar = `[${'='.repeat(full)}${' '.repeat(size - full)}]`;
  const left = secondsLeft === undefined ? '' : ` ${roughDuration(secondsLeft)} left`;
  const line = `${bar} ${Math.floor(100 * fraction)}%${left}  ${progressWords(event, trials)}`;
  const bests = best ? [`  best ${best.objective.toFixed(4)}`, ''] : [''];
  if (best) bests.unshift(`${bests[0]} (trial ${best.trial})`);
  const fits = (text: string) => stringWidth(text) < columns;
  const whole = bests.map((text) => line + text).find(fits);
  return whole ?? cut(line, columns - 1);
}

/** A text cut to a width in columns; `…` stands for what is left out. */
function cut(text: string, width: number): string {
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(kept + segment) > width - 1) return width > 0 ? `${kept}…` : '';
    kept += segment;
  }
  return kept;
}
