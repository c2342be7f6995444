import { setImmediate } from 'node:timers/promises';
import { checkAborted } from './progress.js';

/** How long work in JavaScript goes on before it lets the event loop have its turn, in milliseconds. */
export const SLICE_MS = 20;

/** How many items are worked off before the clock is read. */
const ITEMS = 16;

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

  /** Does an action for every item in their order, and rests wherever a slice is over. Throws what it throws, and the signal's reason. */
  async forEach<T>(items: Iterable<T>, action: (item: T) => void): Promise<void> {
    let done = 0;
    for (const item of items) {
      action(item);
      if (++done % ITEMS === 0 && this.isOver) await this.rest();
    }
  }

  /** The items that pass a test, in their order. It rests, and throws, as forEach does. */
  async filter<T>(items: Iterable<T>, test: (item: T) => boolean): Promise<T[]> {
    const passed: T[] = [];
    await this.forEach(items, (item) => {
      if (test(item)) passed.push(item);
    });
    return passed;
  }

  /** What a function makes of every item. It rests, and throws, as forEach does. */
  async map<T, Made>(items: Iterable<T>, make: (item: T) => Made): Promise<Made[]> {
    const made: Made[] = [];
    await this.forEach(items, (item) => made.push(make(item)));
    return made;
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

/** Does the work of a generator in one go, where it is known to be short or may hold up everything else. Throws what it throws. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
