import cliProgress from 'cli-progress';
import type { ProgressEvent } from '../progress.js';

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

/** Shows a command's progress on standard error: a bar with the time left on a terminal, plain lines elsewhere. */
export class ProgressDisplay {
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #quiet: boolean;
  #started = 0;
  #phase = '';
  #lastLine = 0;

  constructor(options: { quiet: boolean }) {
    this.#quiet = options.quiet;
    if (options.quiet || !process.stderr.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      format: '{what} [{bar}] {percentage}%{left}',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 24,
      gracefulExit: false,
    });
  }

  /** For a call's onProgress. Within a search, the phases of a trial are named beside the trial. */
  readonly update = (event: ProgressEvent): void => {
    if (this.#quiet) return;
    const key = `${event.phase} ${event.subject ?? ''}`;
    if (key !== this.#phase) {
      this.#phase = key;
      this.#started = performance.now();
    }
    if (this.#bar) this.#draw(event);
    else this.#printRarely(event);
  };

  /** A line that stays, whatever is drawn. */
  readonly line = (text: string): void => {
    if (this.#quiet) return;
    this.#bar?.stop();
    process.stderr.write(`${text}\n`);
  };

  stop(): void {
    this.#bar?.stop();
  }

  #draw(event: ProgressEvent): void {
    const bar = this.#bar as cliProgress.SingleBar;
    const payload = { what: words(event), left: this.#left(event) };
    if (!bar.isActive) bar.start(Math.max(1, event.total), event.done, payload);
    bar.setTotal(Math.max(1, event.total));
    bar.update(event.done, payload);
  }

  #printRarely(event: ProgressEvent): void {
    if (event.trial !== undefined) return; // a search prints a line per trial
    const now = performance.now();
    if (event.done === 0 || event.total < 2 || now - this.#lastLine < 10_000) return;
    this.#lastLine = now;
    process.stderr.write(`${words(event)}: ${event.done} of ${event.total}${this.#left(event)}\n`);
  }

  #left({ done, total }: ProgressEvent): string {
    const elapsed = (performance.now() - this.#started) / 1000;
    return done > 0 && elapsed > 1 ? `, ${duration((elapsed / done) * (total - done))} left` : '';
  }
}

function words({ phase, subject, trial, message }: ProgressEvent): string {
  const what = [PHASE_WORDS[phase], subject].filter(Boolean).join(' ');
  return message ?? (trial === undefined ? what : `trial ${trial}: ${what}`);
}

/** Seconds as people say them: 42 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 100) return `${s} s`;
  if (s < 5400) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}
