import type { RandomStream } from '../data/random.js';
import type { TaskRow } from '../data/task.js';
import { SENTINELS, sentinel } from './tokenizer.js';

const NOISE = 0.2;
const LONGEST_SPAN = 3;

/**
 * T5's pre-training: spans of a text are taken out, a sentinel in the place of each; the model has to give them back.
 * "the soup was cold ." → "the <extra_id_0> cold ." with the answer "<extra_id_0> soup was <extra_id_1>".
 */
export function corruptSpans(stream: RandomStream, text: string): TaskRow {
  const words = text.split(' ');
  const input: string[] = [];
  const taken: string[] = [];
  let spans = 0;
  let left = Math.max(1, Math.round(NOISE * words.length));
  for (let at = 0; at < words.length; ) {
    // The words that are still to be taken, spread over those that are left.
    const chance = left / (words.length - at) / ((1 + LONGEST_SPAN) / 2);
    const begin = left > 0 && spans < SENTINELS - 1 && stream.below(1000) < 1000 * chance;
    if (!begin) {
      input.push(words[at++]);
      continue;
    }
    const length = Math.min(left, words.length - at, 1 + stream.below(LONGEST_SPAN));
    input.push(sentinel(spans));
    taken.push(sentinel(spans), ...words.slice(at, at + length));
    spans++;
    left -= length;
    at += length;
    if (at < words.length) input.push(words[at++]);
  }
  if (spans === 0) return corruptSpans(stream, text);
  return { input: input.join(' '), choices: [[...taken, sentinel(spans)].join(' ')], label: 0 };
}
