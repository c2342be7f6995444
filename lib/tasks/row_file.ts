import { sha256 } from '../core/digest.js';
import { Pace } from '../core/pace.js';
import { sum } from '../core/statistics.js';
import { packing, type TokenizedRows } from '../engine/batch.js';

/**
 * A file begins with MAGIC (8 bytes), the key (32 bytes) and the SHA-256 of all other bytes (32 bytes). The rest is Int32 in the machine's
 * order of bytes: the numbers of rows R, choices C, input ids and choice ids; R+1 offsets of inputs, R+1 of the rows' choices and C+1 of
 * choices; R labels; the input ids; the choice ids.
 */
const MAGIC = Buffer.from('DFMROWS1');
const DIGEST = 32;
const START = MAGIC.length + 2 * DIGEST;
const COUNTS = 4;

/** How many bytes the file of encodeRows has. Throws the reason of the pace's signal. */
export async function encodedBytes({ inputIds, choices }: TokenizedRows, pace = new Pace()): Promise<number> {
  let segments = 0;
  let ids = 0;
  await pace.forEach(inputIds.keys(), (row) => {
    ids += inputIds[row].length;
    segments += choices[row].length;
    for (const { length } of choices[row]) ids += length;
  });
  return START + 4 * (COUNTS + 3 * inputIds.length + 2 + segments + 1 + ids);
}

/** How many bytes are copied before the clock is read. */
const COPIED = 2 ** 20;

/**
 * Lays out tokenized rows as the bytes of a file. Throws the reason of the pace's signal.
 * @param key 64 hexadecimal digits that say what the rows were made from
 */
export async function encodeRows(rows: TokenizedRows, key: string, pace = new Pace()): Promise<Buffer> {
  const all = rows.inputIds.map((_, row) => row);
  const { inputIds, inputOffsets, labelIds, labelOffsets, choiceOffsets } = await pace.finish(packing(rows, all));
  const counts = Int32Array.of(all.length, labelOffsets.length - 1, inputIds.length, labelIds.length);
  const parts = [counts, inputOffsets, choiceOffsets, labelOffsets, rows.labels, inputIds, labelIds];
  const file = Buffer.allocUnsafe(START + sum(parts.map(({ byteLength }) => byteLength)));
  let at = START;
  for (const { buffer, byteOffset, byteLength } of parts)
    for (let start = 0; start < byteLength; start += COPIED) {
      const bytes = Buffer.from(buffer, byteOffset + start, Math.min(COPIED, byteLength - start));
      at += bytes.copy(file, at);
      if (pace.isOver) await pace.rest();
    }
  const name = Buffer.from(key, 'hex');
  Buffer.concat([MAGIC, name, await digestOf(name, file.subarray(START), pace)]).copy(file);
  return file;
}

/** The rows of a file's bytes, or undefined where the bytes are not those that encodeRows made for this key. Throws the reason of the pace's signal. */
export async function decodeRows(
  bytes: Uint8Array,
  key: string,
  pace = new Pace(),
): Promise<TokenizedRows | undefined> {
  if (bytes.length < START + 4 * COUNTS || bytes.length % 4 !== 0) return undefined;
  const name = Buffer.from(key, 'hex');
  const body = bytes.subarray(START);
  const head = Buffer.concat([MAGIC, name, await digestOf(name, body, pace)]);
  return head.equals(bytes.subarray(0, START)) ? rowsOf(body, pace) : undefined;
}

function digestOf(name: Uint8Array, body: Uint8Array, pace: Pace): Promise<Buffer> {
  return sha256([MAGIC, name, body], pace);
}

/** The rows as parts of one array, because ids are most of the bytes and need no copy. */
async function rowsOf(body: Uint8Array, pace: Pace): Promise<TokenizedRows> {
  const aligned = body.byteOffset % 4 === 0 ? body : Uint8Array.from(body);
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  let at = 0;
  const take = (length: number) => words.subarray(at, (at += length));
  const [rows, segments, inputTokens, choiceTokens] = take(COUNTS);
  const inputOffsets = take(rows + 1);
  const choiceOffsets = take(rows + 1);
  const labelOffsets = take(segments + 1);
  const labels = take(rows);
  const inputIds = await split(take(inputTokens), inputOffsets, pace);
  const choices = await split(take(choiceTokens), labelOffsets, pace);
  return {
    inputIds,
    choices: await pace.map(inputIds.keys(), (row) => choices.slice(choiceOffsets[row], choiceOffsets[row + 1])),
    labels,
  };
}

function split(ids: Int32Array, offsets: Int32Array, pace: Pace): Promise<Int32Array[]> {
  return pace.map(offsets.subarray(1).keys(), (i) => ids.subarray(offsets[i], offsets[i + 1]));
}
