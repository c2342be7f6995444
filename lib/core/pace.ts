import { setImmediate } from 'node:timers/promises';
import { checkAborted } from './progress.js';

/** How long work in JavaScript goes on before it lets the event loop have its turn, in milliseconds. */
export const SLICE_MS = 20;

/** The pace of work in JavaScript that may take long: it is done in slices, and between two of them signals, timers and aborts have their turn. */
export class Pace {
  #begun: number;

  /**
   * @param signal ends the work at the next rest
   * @param now the time in milliseconds; tests put in one of their own
   */
  constructor(
    private readonly signal?: AbortSignal,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#begun = now();
  }

  /** Whether the slice has lasted long enough. Work asks this every few thousand characters or so. */
  get isOver(): boolean {
    return this.now() - this.#begun >= SLICE_MS;
  }

  /** Lets the event loop have its turn and begins the next slice. Throws the signal's reason where it has fired. */
  async rest(): Promise<void> {
    await setImmediate();
    checkAborted(this.signal);
    this.#begun = this.now();
  }

  /** Does the work of a generator, which may rest wherever it yields. Throws what it throws, and the signal's reason. */
  async finish<T>(work: Generator<void, T>): Promise<T> {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      if (this.isOver) await this.rest();
    }
  }
}
