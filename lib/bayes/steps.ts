/** Work that yields every fraction of a millisecond or so, so that whoever does it may do something else in between, or stop. */
export type Steps<T> = Generator<void, T>;
