import { once } from 'node:events';

/**
 * Writes texts to standard output as they come, as fast as they are read there. A reader that goes away (`| head`) ends it quietly, and with it
 * whatever makes the texts.
 */
export async function writeToStandardOutput(texts: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  const { stdout } = process;
  const gone = new AbortController();
  const leave = () => gone.abort();
  stdout.once('error', leave).once('close', leave);
  try {
    for await (const text of texts) {
      const more = stdout.write(text);
      if (!more && !gone.signal.aborted)
        await once(stdout, 'drain', { signal: AbortSignal.any([gone.signal, signal]) }).catch(() =>
          signal.throwIfAborted(),
        );
      if (gone.signal.aborted) return;
    }
  } finally {
    stdout.off('error', leave).off('close', leave);
  }
}
