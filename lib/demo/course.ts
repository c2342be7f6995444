import type { ProgressEvent } from '../core/progress.js';

/** The part of the demo's time that each of its stages usually takes. */
const SHARES = { pretrain: 0.76, finetune: 0.08, evaluate: 0.02, search: 0.14 };

/** Turns the progress of the demo's stages into that of the whole demo. */
export class DemoCourse {
  readonly #began: number;
  #fraction = 0;

  /**
   * @param tell is called with every event
   * @param now the time in milliseconds; tests put in one of their own
   */
  constructor(
    private readonly tell: ((event: ProgressEvent) => void) | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#began = now();
  }

  /** What a stage tells its events to. Where they do not say how much of it is done, `done` and `total` do. */
  of(stage: keyof typeof SHARES): (event: ProgressEvent) => void {
    const names = Object.keys(SHARES) as (keyof typeof SHARES)[];
    const before = names.slice(0, names.indexOf(stage)).reduce((sum, name) => sum + SHARES[name], 0);
    return ({ secondsLeft: _, ...event }) => {
      const { fraction: part = event.total > 0 ? event.done / event.total : 0 } = event;
      const fraction = Math.min(1, Math.max(this.#fraction, before + SHARES[stage] * part));
      this.#fraction = fraction;
      const seconds = (this.now() - this.#began) / 1000;
      // Until a few parts in a hundred are done, nobody knows how fast the machine is.
      const known = fraction > 0.02 ? { secondsLeft: (seconds * (1 - fraction)) / fraction } : {};
      this.tell?.({ ...event, fraction, ...known });
    };
  }
}
