import cliProgress from 'cli-progress';
import type { ProgressEvent } from '../core/progress.js';
import { roughDuration } from '../report/format.js';

const PHASE_WORDS: Record<ProgressEvent['phase'], string> = {
  load: 'loading',
  fisher: 'measuring Fisher',
  merge: 'merging',
  evaluate: 'evaluating',
  suggest: 'suggesting',
  write: 'writing',
  train: 'training',
  search: 'searching',
};

/** How far something has come, and since when. */
interface Span {
  key: string;
  started: number;
  /** How many steps were done at `started`. */
  first: number;
}

/** Shows a command's progress on standard error: a bar with the time left on a terminal, plain lines elsewhere. */
export class ProgressDisplay {
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #quiet: boolean;
  #span: Span = { key: '', started: 0, first: 0 };
  #search: ProgressEvent | undefined;
  #lastLine = 0;

  constructor(options: { quiet: boolean }) {
    this.#quiet = options.quiet;
    if (options.quiet || !process.stderr.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      format: '[{bar}] {percentage}%{left}  {what}',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 24,
      gracefulExit: false,
    });
  }

  /** Takes the progress events of a call. Within a search the bar counts trials, and the phase of the trial is named beside it. */
  readonly update = (event: ProgressEvent): void => {
    if (this.#quiet) return;
    if (event.phase === 'search') this.#search = event;
    const counted = event.trial !== undefined && this.#search ? this.#search : event;
    const key = counted.phase === 'search' ? 'search' : `${event.phase} ${event.subject ?? ''}`;
    if (key !== this.#span.key) this.#span = { key, started: performance.now(), first: counted.done };
    if (this.#bar) this.#draw(counted, words(event));
    else this.#printRarely(event);
  };

  /** Prints a line that stays, whatever is drawn after it. */
  readonly line = (text: string): void => {
    if (this.#quiet) return;
    this.stop();
    process.stderr.write(`${text}\n`);
  };

  /** Prints a warning, with --quiet too. */
  readonly warning = (message: string): void => {
    this.stop();
    process.stderr.write(`warning: ${message}\n`);
  };

  stop(): void {
    if (!this.#bar?.isActive) return;
    this.#bar.stop();
    process.stderr.write('\r\x1b[K'); // Where the terminal was busy, the bar's last state is still there.
  }

  #draw(event: ProgressEvent, what: string): void {
    const bar = this.#bar as cliProgress.SingleBar;
    const payload = { what, left: this.#left(event) };
    if (!bar.isActive) bar.start(Math.max(1, event.total), event.done, payload);
    bar.setTotal(Math.max(1, event.total));
    bar.update(event.done, payload);
  }

  #printRarely(event: ProgressEvent): void {
    // A search prints a line per trial, and a merge is short.
    if (event.trial !== undefined || event.phase === 'search' || event.phase === 'merge') return;
    const now = performance.now();
    if (event.done === 0 || event.total < 2 || now - this.#lastLine < 10_000) return;
    this.#lastLine = now;
    process.stderr.write(`${words(event)}: ${event.done} of ${event.total}${this.#left(event)}\n`);
  }

  #left({ done, total }: ProgressEvent): string {
    const { started, first } = this.#span;
    const elapsed = (performance.now() - started) / 1000;
    return done > first && elapsed > 1 ? `, ${roughDuration((elapsed / (done - first)) * (total - done))} left` : '';
  }
}

function words({ phase, subject, trial }: ProgressEvent): string {
  const what = [PHASE_WORDS[phase], subject].filter(Boolean).join(' ');
  return trial === undefined ? what : `trial ${trial}: ${what}`;
}
