/** The package comes without types; this is the part of it that file_system.ts calls. */
declare module 'fs-native-extensions' {
  /** Locks the whole open file for its descriptor alone; false where another descriptor holds a lock on it. */
  export function tryLock(fd: number): boolean;
  /** Exchanges what two names stand for. */
  export function swap(from: string, to: string): Promise<void>;
}
