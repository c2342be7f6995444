import type { RandomStream } from '../core/random_stream.js';
import type { TaskRow } from '../tasks/rows.js';
import { pickSome, shuffled } from './draw.js';
import { belongings, parcel, review, scene } from './stories.js';
import { CAPITALS, COUNTRIES, THINGS, TOPIC_NAMES } from './words.js';

/** A kind of question that a model can learn to answer. */
export interface Skill {
  name: string;
  /** What is asked, in words for people. */
  question: string;
  /** Makes row `index`. Rows that follow each other go round the labels, so that these are balanced. */
  row: (stream: RandomStream, index: number) => TaskRow;
}

/** Reviews of three clauses, of which one may say the contrary. */
const mood: Skill = {
  name: 'mood',
  question: 'is a review good or bad on the whole?',
  row(stream, index) {
    const good = index % 2 === 0;
    const mixed = stream.below(2) === 1;
    const text = review(stream, shuffled(stream, [good, good, mixed ? !good : good]));
    return { input: `${text} is it good or bad ?`, choices: ['good', 'bad'], label: good ? 0 : 1 };
  },
};

/** Sentences of a topic, in which one word may belong to another. */
const topic: Skill = {
  name: 'topic',
  question: 'which of four topics is a sentence about?',
  row(stream, index) {
    const right = TOPIC_NAMES[Math.floor(index / 4) % TOPIC_NAMES.length];
    const wrong = pickSome(
      stream,
      TOPIC_NAMES.filter((name) => name !== right),
      3,
    );
    return { input: `${scene(stream, right, stream.below(6)).text} what is it about ?`, ...among(right, wrong, index) };
  },
};

/** Parcels to a country. Which capital it has stands nowhere in the text and has to be learned from the answers. */
const capital: Skill = {
  name: 'capital',
  question: 'what is the capital of the country that is named?',
  row(stream, index) {
    const country = COUNTRIES[Math.floor(index / 4) % COUNTRIES.length];
    const wrong = pickSome(
      stream,
      COUNTRIES.filter((name) => name !== country),
      3,
    ).map((name) => CAPITALS[name]);
    return {
      input: `${parcel(stream, country).text} what is its capital ?`,
      ...among(CAPITALS[country], wrong, index),
    };
  },
};

/** Three belongings. Which is the heaviest has to be learned from the answers too. */
const weight: Skill = {
  name: 'weight',
  question: 'which of three things is the heaviest?',
  row(stream, index) {
    const things = pickSome(stream, THINGS, 3);
    const heaviest = THINGS[Math.max(...things.map((thing) => THINGS.indexOf(thing)))];
    return {
      input: `${belongings(stream, things).text} which is the heaviest ?`,
      ...among(
        heaviest,
        shuffled(
          stream,
          things.filter((thing) => thing !== heaviest),
        ),
        index,
      ),
    };
  },
};

/** The choices, with the right one at a place that goes round with the rows. */
function among(right: string, wrong: readonly string[], index: number): Pick<TaskRow, 'choices' | 'label'> {
  const label = index % (wrong.length + 1);
  return { choices: [...wrong.slice(0, label), right, ...wrong.slice(label)], label };
}

export const SKILLS: readonly Skill[] = [mood, topic, capital, weight];
