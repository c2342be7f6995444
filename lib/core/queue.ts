import { checkAborted } from './progress.js';

/** Work of which one piece is done at a time, in the order in which it was asked for. */
export class Queue {
  #busy = false;
  /** What lets each waiting piece begin, the first to wait first. */
  readonly #waiting = new Set<() => void>();

  /** How many pieces wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Does the work when its turn has come; a signal that fires before takes it out of the queue. Throws the signal's reason, and what the work throws. */
  async run<T>(work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    checkAborted(signal);
    if (this.#busy) await this.#turn(signal);
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(begin);
        reject(signal?.reason as Error);
      };
      const begin = () => {
        this.#waiting.delete(begin);
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      this.#waiting.add(begin);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /** Hands the turn on. Nobody can come in between, because the queue stays busy until the next piece has begun. */
  #next(): void {
    const [begin] = this.#waiting;
    if (begin) begin();
    else this.#busy = false;
  }
}
