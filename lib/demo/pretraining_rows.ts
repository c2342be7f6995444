import type { RandomStream } from '../core/random_stream.js';
import type { TaskRow } from '../tasks/rows.js';
import { pick } from './draw.js';
import type { Story } from './stories.js';
import { SENTINELS, sentinel } from './tokenizer.js';

/** The share of a text's words that is taken out. */
const NOISE = 0.2;
/** The most words in a row that are taken out. */
const LONGEST_SPAN = 3;
/** The most words that the model has to go on with after a cut. */
const LONGEST_REST = 4;

/**
 * One row of pre-training. Half of all rows are corrupted spans; the others are cut texts, and questions that the story answers in so
 * many words.
 */
export function pretrainingRow(stream: RandomStream, story: Story): TaskRow {
  const kind = stream.below(8);
  if (kind < 4) return corruptSpans(stream, story.text);
  return kind < 5 || story.asked.length === 0 ? cutText(stream, story.text) : readStory(stream, story);
}

/**
 * T5's own pre-training: spans of a text are taken out, a sentinel takes the place of each, and the model has to give them back. For
 * example "the soup was cold ." becomes "the <extra_id_0> cold ." with the answer "<extra_id_0> soup was <extra_id_1>".
 */
export function corruptSpans(stream: RandomStream, text: string): TaskRow {
  const words = text.split(' ');
  const input: string[] = [];
  const taken: string[] = [];
  let spans = 0;
  let left = Math.max(1, Math.round(NOISE * words.length));
  for (let at = 0; at < words.length;) {
    // The words still to be taken make spans of mean length (1 + LONGEST_SPAN) / 2, spread over the words that are left.
    const chance = (2 * left) / (1 + LONGEST_SPAN) / (words.length - at);
    if (left === 0 || spans === SENTINELS - 1 || stream.below(1000) >= 1000 * chance) {
      input.push(words[at++]);
      continue;
    }
    const length = Math.min(left, words.length - at, 1 + stream.below(LONGEST_SPAN));
    input.push(sentinel(spans));
    taken.push(sentinel(spans), ...words.slice(at, at + length));
    spans++;
    left -= length;
    at += length;
    if (at < words.length) input.push(words[at++]); // Two spans never touch.
  }
  if (spans === 0) return corruptSpans(stream, text);
  return { input: input.join(' '), choices: [[...taken, sentinel(spans)].join(' ')], label: 0 };
}

/** Prefix language modelling, another objective of the T5 paper: the first words of a text, and how it goes on. */
function cutText(stream: RandomStream, text: string): TaskRow {
  const words = text.split(' ');
  const at = 1 + stream.below(words.length - 1);
  return { input: words.slice(0, at).join(' '), choices: [words.slice(at, at + LONGEST_REST).join(' ')], label: 0 };
}

function readStory(stream: RandomStream, { text, asked }: Story): TaskRow {
  const [question, answer] = pick(stream, asked);
  return { input: `${text} ${question}`, choices: [answer], label: 0 };
}
