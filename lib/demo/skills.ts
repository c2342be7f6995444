import type { RandomStream } from '../data/random.js';
import type { TaskRow } from '../data/task.js';
import { pickSome, shuffled } from './draw.js';
import { journey, load, review, scene } from './text.js';
import { PLACES, THINGS, TOPIC_NAMES } from './words.js';

/** A kind of question that a model can learn to answer. */
export interface Skill {
  name: string;
  /** What is asked, for people. */
  question: string;
  /** Makes row `index`; rows that follow each other go round the labels, so that these are balanced. */
  row: (stream: RandomStream, index: number) => TaskRow;
}

/** One of the three clauses may say the contrary. */
const mood: Skill = {
  name: 'mood',
  question: 'is a review good or bad on the whole?',
  row(stream, index) {
    const good = index % 2 === 0;
    const mixed = stream.below(2) === 1;
    const input = review(stream, shuffled(stream, [good, good, mixed ? !good : good]));
    return { input, choices: ['good', 'bad'], label: good ? 0 : 1 };
  },
};

/** One of the words may be of another topic. */
const topic: Skill = {
  name: 'topic',
  question: 'which of four topics is a sentence about?',
  row(stream, index) {
    const right = TOPIC_NAMES[Math.floor(index / 4) % TOPIC_NAMES.length];
    const wrong = pickSome(stream, TOPIC_NAMES.filter((name) => name !== right), 3);
    return { input: scene(stream, right, stream.below(6)), ...among(right, wrong, index) };
  },
};

const place: Skill = {
  name: 'place',
  question: 'which of three places was a thing carried to?',
  row(stream, index) {
    const [from, past, to] = pickSome(stream, PLACES, 3);
    return { input: `${journey(stream, { from, past, to })} where is it now ?`, ...among(to, shuffled(stream, [from, past]), index) };
  },
};

/** The order of weights is nowhere in the text: it has to be learned from the answers. */
const weight: Skill = {
  name: 'weight',
  question: 'which of three things is the heaviest?',
  row(stream, index) {
    const things = pickSome(stream, THINGS, 3);
    const heaviest = THINGS[Math.max(...things.map((thing) => THINGS.indexOf(thing)))];
    return { input: `${load(stream, things)} which is the heaviest ?`, ...among(heaviest, shuffled(stream, things.filter((thing) => thing !== heaviest)), index) };
  },
};

/** Choices with the right one at a place that goes round with the rows. */
function among(right: string, wrong: readonly string[], index: number): Pick<TaskRow, 'choices' | 'label'> {
  const label = index % (wrong.length + 1);
  return { choices: [...wrong.slice(0, label), right, ...wrong.slice(label)], label };
}

export const SKILLS: readonly Skill[] = [mood, topic, place, weight];
