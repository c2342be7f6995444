import type { RandomStream } from '../core/random_stream.js';
import { pick, pickSome } from './draw.js';
import {
  BLAME,
  CAPITALS,
  COLOURS,
  COUNTRIES,
  GRIEF,
  JOY,
  PEOPLE,
  PRAISE,
  REVIEWED,
  THINGS,
  TOPICS,
  TOPIC_NAMES,
  WHEN,
} from './words.js';

/** A few sentences from the demo's world, and what they answer in so many words. */
export interface Story {
  text: string;
  /** Questions, each with its answer, which consists of words of the text. */
  asked: readonly (readonly [string, string])[];
}

/** Such as "the soup was cold , the bed was great and the staff was rude .", where `verdicts` says which clauses praise. */
export function review(stream: RandomStream, verdicts: readonly boolean[]): string {
  const subjects = pickSome(stream, REVIEWED, verdicts.length);
  const clauses = verdicts.map((good, i) => `the ${subjects[i]} was ${pick(stream, good ? PRAISE : BLAME)}`);
  return `${listed(clauses)} .`;
}

/** Such as "the striker won the race near the stadium today .", where `odd` is the slot, 0 to 3, whose word is of another topic. */
export function scene(stream: RandomStream, topic: string, odd?: number): Story {
  const other = pick(
    stream,
    TOPIC_NAMES.filter((name) => name !== topic),
  );
  const [who, does, what, where] = (['who', 'does', 'what', 'where'] as const).map((slot, i) =>
    pick(stream, TOPICS[i === odd ? other : topic][slot]),
  );
  const when = pick(stream, WHEN);
  return {
    text: `the ${who} ${does} the ${what} near the ${where} ${when} .`,
    asked: [
      ['who was it ?', who],
      ['near what ?', where],
      ['when ?', when],
      ['what was done ?', does],
    ],
  };
}

/** Such as "anna sent the red lamp to france today .". */
export function parcel(stream: RandomStream, country: string): Story {
  const [who, colour, thing, when] = [
    pick(stream, PEOPLE),
    pick(stream, COLOURS),
    pick(stream, THINGS),
    pick(stream, WHEN),
  ];
  return {
    text: `${who} sent the ${colour} ${thing} to ${country} ${when} .`,
    asked: [
      ['who was it ?', who],
      ['which colour ?', colour],
      ['what is it ?', thing],
      ['which country ?', country],
      ['when ?', when],
    ],
  };
}

/** Such as "anna has a pen , a stove and a leaf .". */
export function belongings(stream: RandomStream, things: readonly string[]): Story {
  const who = pick(stream, PEOPLE);
  return {
    text: `${who} has ${listed(things.map((thing) => `a ${thing}`))} .`,
    asked: [
      ['who was it ?', who],
      ['which is the first ?', things[0]],
      ['which is the last ?', things[things.length - 1]],
    ],
  };
}

/** The parts as "x , y and z". */
function listed(parts: readonly string[]): string {
  return `${parts.slice(0, -1).join(' , ')} and ${parts.at(-1)}`;
}

/** The story as it is or, with equal chance, with one sentence more; nothing is asked about the longer one. */
function perhapsLonger(stream: RandomStream, { text, asked }: Story, more: () => string): Story {
  return stream.below(2) === 0 ? { text, asked } : { text: `${text} ${more()}`, asked: [] };
}

const opinion = (stream: RandomStream): Story => {
  const good = stream.below(2) === 1;
  const [who, verdict] = [pick(stream, PEOPLE), pick(stream, good ? JOY : GRIEF)];
  return {
    text: `${review(stream, [good, good, good])} ${who} ${verdict} it .`,
    asked: [
      ['who was it ?', who],
      ['what was done ?', verdict],
    ],
  };
};

const episode = (stream: RandomStream): Story => {
  const topic = pick(stream, TOPIC_NAMES);
  return perhapsLonger(stream, scene(stream, topic), () => scene(stream, topic).text);
};

/** A parcel's story, in which countries and capitals appear, but never a country beside its own capital. */
const post = (stream: RandomStream): Story => {
  const [there, here] = pickSome(stream, COUNTRIES, 2);
  return perhapsLonger(stream, parcel(stream, there), () => `${pick(stream, PEOPLE)} lives in ${CAPITALS[here]} .`);
};

const loan = (stream: RandomStream): Story => {
  const things = pickSome(stream, THINGS, 3);
  return perhapsLonger(
    stream,
    belongings(stream, things),
    () => `${pick(stream, PEOPLE)} took the ${pick(stream, things)} .`,
  );
};

/** The kinds of plain text, which have the language of the tasks and none of their answers. */
export const STORIES: readonly ((stream: RandomStream) => Story)[] = [opinion, episode, post, loan];
