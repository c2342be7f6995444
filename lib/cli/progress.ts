import cliProgress from 'cli-progress';
import type { ProgressEvent } from '../core/progress.js';
import { roughDuration } from '../report/format.js';
import { barLine, progressWords } from './progress_line.js';

/** How often the bar is drawn again, in milliseconds, so that its time goes on while nothing happens. */
const REDRAW_MS = 500;

/** How a command's progress is shown. */
export interface DisplayOptions {
  /** Whether nothing but warnings is shown. */
  quiet: boolean;
  /** Where it is shown, by default standard error. */
  stream?: NodeJS.WriteStream;
  /** The time in milliseconds; tests put in one of their own. */
  now?: () => number;
}

/** Shows a command's progress on standard error: a bar with the time left of the whole run on a terminal, plain lines elsewhere. */
export class ProgressDisplay {
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #quiet: boolean;
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  #event: ProgressEvent | undefined;
  #eventAt = 0;
  #trials = 0;
  #lastLine = 0;

  constructor({ quiet, stream = process.stderr, now = () => performance.now() }: DisplayOptions) {
    this.#quiet = quiet;
    this.#stream = stream;
    this.#now = now;
    if (quiet || !stream.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      format: () => this.#line(),
      stream,
      hideCursor: true,
      clearOnComplete: true,
      fps: 1000 / REDRAW_MS,
      gracefulExit: false,
    });
  }

  /** How many seconds the whole run has left by now; undefined where that is not known. */
  get secondsLeft(): number | undefined {
    const { secondsLeft } = this.#event ?? {};
    return secondsLeft === undefined ? undefined : Math.max(0, secondsLeft - (this.#now() - this.#eventAt) / 1000);
  }

  /** Takes the progress events of a call. */
  readonly update = (event: ProgressEvent): void => {
    this.#event = event;
    this.#eventAt = this.#now();
    if (event.phase === 'search') this.#trials = event.total;
    if (this.#quiet) return;
    if (this.#bar) this.#draw(this.#bar, event);
    else this.#printRarely(event);
  };

  /** Prints a line that stays, whatever is drawn after it. */
  readonly line = (text: string): void => {
    if (this.#quiet) return;
    this.stop();
    this.#stream.write(`${text}\n`);
  };

  /** Prints a warning, with --quiet too. */
  readonly warning = (message: string): void => {
    this.stop();
    this.#stream.write(`warning: ${message}\n`);
  };

  stop(): void {
    if (!this.#bar?.isActive) return;
    this.#bar.stop();
    this.#stream.write('\r\x1b[K'); // Where the terminal was busy, the bar's last state is still there.
  }

  #draw(bar: cliProgress.SingleBar, { fraction = 0 }: ProgressEvent): void {
    if (bar.isActive) bar.update(fraction);
    else bar.start(1, fraction);
  }

  #line(): string {
    const event = this.#event as ProgressEvent; // The bar is drawn from the first event on.
    const { secondsLeft } = this;
    return barLine({ event, trials: this.#trials, secondsLeft }, this.#stream.columns || 80);
  }

  #printRarely(event: ProgressEvent): void {
    // A search prints a line per trial, and a merge is short.
    if (event.trial !== undefined || event.phase === 'search' || event.phase === 'merge') return;
    const now = this.#now();
    if (event.done === 0 || event.total < 2 || now - this.#lastLine < 10_000) return;
    this.#lastLine = now;
    const counted = event.phase === 'read' || event.phase === 'train' ? '' : `: ${event.done} of ${event.total}`;
    this.#stream.write(`${progressWords(event)}${counted}${leftWords(this.secondsLeft)}\n`);
  }
}

/** `, 42 s left`, or nothing where it is not known. */
export function leftWords(seconds: number | undefined): string {
  return seconds === undefined ? '' : `, ${roughDuration(seconds)} left`;
}
