import { sha256 } from '../core/digest.js';
import type { Pace } from '../core/pace.js';
import { sum } from '../core/statistics.js';
import { packRows, type TokenizedRows } from '../engine/batch.js';

/**
 * A file begins with MAGIC (8 bytes), the key (32 bytes) and the SHA-256 of all other bytes (32 bytes). The rest is Int32 in the machine's
 * order of bytes: the numbers of rows R, choices C, input ids and choice ids; R+1 offsets of inputs, R+1 of the rows' choices and C+1 of
 * choices; R labels; the input ids; the choice ids.
 */
const MAGIC = Buffer.from('DFMROWS1');
const DIGEST = 32;
const START = MAGIC.length + 2 * DIGEST;
const COUNTS = 4;

/** How many bytes the file of encodeRows has. */
export function encodedBytes({ inputIds, choices }: TokenizedRows): number {
  const segments = choices.flat();
  const ids = sum([...inputIds, ...segments].map(({ length }) => length));
  return START + 4 * (COUNTS + 3 * inputIds.length + 2 + segments.length + 1 + ids);
}

/**
 * Lays out tokenized rows as the bytes of a file.
 * @param key 64 hexadecimal digits that say what the rows were made from
 */
export async function encodeRows(rows: TokenizedRows, key: string, pace?: Pace): Promise<Buffer> {
  const all = rows.inputIds.map((_, row) => row);
  const { inputIds, inputOffsets, labelIds, labelOffsets, choiceOffsets } = packRows(rows, all);
  const counts = Int32Array.of(all.length, labelOffsets.length - 1, inputIds.length, labelIds.length);
  const parts = [counts, inputOffsets, choiceOffsets, labelOffsets, rows.labels, inputIds, labelIds];
  const body = Buffer.concat(
    parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
  const name = Buffer.from(key, 'hex');
  return Buffer.concat([MAGIC, name, await digestOf(name, body, pace), body]);
}

/** The rows of a file's bytes, or undefined where the bytes are not those that encodeRows made for this key. */
export async function decodeRows(bytes: Uint8Array, key: string, pace?: Pace): Promise<TokenizedRows | undefined> {
  if (bytes.length < START + 4 * COUNTS || bytes.length % 4 !== 0) return undefined;
  const name = Buffer.from(key, 'hex');
  const body = bytes.subarray(START);
  const head = Buffer.concat([MAGIC, name, await digestOf(name, body, pace)]);
  return head.equals(bytes.subarray(0, START)) ? rowsOf(body) : undefined;
}

function digestOf(name: Uint8Array, body: Uint8Array, pace: Pace | undefined): Promise<Buffer> {
  return sha256([MAGIC, name, body], pace);
}

/** The rows as parts of one array, because ids are most of the bytes and need no copy. */
function rowsOf(body: Uint8Array): TokenizedRows {
  const aligned = body.byteOffset % 4 === 0 ? body : Uint8Array.from(body);
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  let at = 0;
  const take = (length: number) => words.subarray(at, (at += length));
  const [rows, segments, inputTokens, choiceTokens] = take(COUNTS);
  const inputOffsets = take(rows + 1);
  const choiceOffsets = take(rows + 1);
  const labelOffsets = take(segments + 1);
  const labels = take(rows);
  const inputIds = split(take(inputTokens), inputOffsets);
  const choices = split(take(choiceTokens), labelOffsets);
  return {
    inputIds,
    choices: inputIds.map((_, row) => choices.slice(choiceOffsets[row], choiceOffsets[row + 1])),
    labels,
  };
}

function split(ids: Int32Array, offsets: Int32Array): Int32Array[] {
  return Array.from({ length: offsets.length - 1 }, (_, i) => ids.subarray(offsets[i], offsets[i + 1]));
}
