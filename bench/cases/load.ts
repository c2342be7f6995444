import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseResult, Check, LoadSpec } from '../spec.js';
import { MemoryWatch } from './memory_watch.js';
import { openModel } from './open_model.js';
import { secondsOf } from './timed.js';

const BLOCK = 8 * 2 ** 20;

/** Times opening and loading a checkpoint and, in turn with it, reading the bytes of its file into new memory of their size. */
export async function timeLoading(spec: LoadSpec): Promise<CaseResult> {
  const file = join(spec.base, 'model.safetensors');
  if (spec.cold && !drop(file)) return { seconds: [], skipped: 'dropping a file from the page cache needs GNU dd' };
  const check = await checkLoading(spec, file);
  const memory = MemoryWatch.start();
  const seconds: number[] = [];
  const reading: number[] = [];
  for (let i = 0; i <= spec.repeats; i++) {
    if (spec.cold) drop(file);
    const read = await secondsOf(() => readAll(file));
    if (spec.cold) drop(file);
    const load = await secondsOf(() => loadBase(spec));
    if (i === 0) continue; // The first round warms up.
    reading.push(read);
    seconds.push(load);
  }
  return { seconds, reading, check, ...memory.stop() };
}

/** Opens the model and loads its base. */
async function loadBase(spec: LoadSpec, then?: (embedding: Float32Array) => void): Promise<void> {
  const session = await openModel(spec, { dtype: 'float32' });
  try {
    await session.load(0);
    then?.(session.engine.parameter('parameters', 'shared.weight'));
  } finally {
    session.close();
  }
}

/** Checks that the embedding's bytes in the engine are found in the file. */
async function checkLoading(spec: LoadSpec, file: string): Promise<Check> {
  let same = false;
  await loadBase(spec, (embedding) => {
    const bytes = Buffer.from(embedding.buffer, embedding.byteOffset, 4096);
    const block = Buffer.alloc(BLOCK);
    const fd = openSync(file, 'r');
    for (;;) {
      const count = readSync(fd, block, 0, BLOCK, null);
      same ||= block.subarray(0, count).includes(bytes);
      if (count === 0 || same) break;
    }
    closeSync(fd);
  });
  return { against: 'the bytes of the file', error: same ? 0 : 1, bound: 0 };
}

function readAll(file: string): void {
  const bytes = Buffer.allocUnsafe(statSync(file).size); // New memory each time, as whoever keeps the bytes pays for its pages.
  const fd = openSync(file, 'r');
  for (let at = 0; at < bytes.length;) at += readSync(fd, bytes, at, Math.min(BLOCK, bytes.length - at), at);
  closeSync(fd);
}

/** Drops a file from the page cache; false where that cannot be done. */
function drop(file: string): boolean {
  return spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' }).status === 0;
}
