/** The warnings of one run: each is told once, as soon as it is known, and kept for the record. */
export class Warnings {
  readonly #messages = new Set<string>();

  /** @param tell is called with every message that is new */
  constructor(private readonly tell?: (message: string) => void) {}

  /** The messages in the order in which they came. */
  get messages(): string[] {
    return [...this.#messages];
  }

  /** Adds a warning, which names the file, task or key that it is about. To be handed on as `onWarning`. */
  readonly add = (message: string): void => {
    if (this.#messages.has(message)) return;
    this.#messages.add(message);
    this.tell?.(message);
  };
}
