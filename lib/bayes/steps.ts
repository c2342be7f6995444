/** Work that yields every fraction of a millisecond or so, so that whoever does it may do something else in between, or stop. */
export type Steps<T> = Generator<void, T>;

/** Does work in one go. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
