import { readFileSync, writeFileSync } from 'node:fs';

const STATUS = '/proc/self/status';
const EVERY_MS = 50;

/** A field of /proc/self/status in bytes; undefined where the system has none. */
function statusField(name: string): number | undefined {
  try {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(STATUS, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** The most memory that this process held since `start`. */
export class MemoryWatch {
  #anonymous = 0;
  readonly #timer = setInterval(() => this.#look(), EVERY_MS).unref();

  /** Begins to watch, and forgets what was held before. */
  static start(): MemoryWatch {
    globalThis.gc?.();
    try {
      writeFileSync('/proc/self/clear_refs', '5'); // This resets the high-water mark.
    } catch {
      // Off Linux, or where it is not allowed, the peak is that of the whole process.
    }
    return new MemoryWatch();
  }

  #look(): void {
    this.#anonymous = Math.max(this.#anonymous, statusField('RssAnon') ?? 0);
  }

  /**
   * Ends watching and tells the most bytes held. `anonymous` leaves out mapped files; it is sampled, and absent where the system does not
   * say.
   */
  stop(): { peak: number; anonymous?: number } {
    this.#look();
    clearInterval(this.#timer);
    return {
      peak: statusField('VmHWM') ?? process.resourceUsage().maxRSS * 1024,
      ...(this.#anonymous > 0 ? { anonymous: this.#anonymous } : {}),
    };
  }
}
