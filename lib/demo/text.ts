import type { RandomStream } from '../data/random.js';
import { pick, pickSome, shuffled } from './draw.js';
import { BLAME, COLOURS, GRIEF, JOY, PEOPLE, PLACES, PRAISE, REVIEWED, THINGS, TOPICS, TOPIC_NAMES, WHEN } from './words.js';

/** A sentence or a few that belong together, from the demo's world. */
export type Story = (stream: RandomStream) => string;

/** "the soup was cold , the bed was great and the staff was rude ."; `verdicts`: praise or blame, clause by clause. */
export function review(stream: RandomStream, verdicts: readonly boolean[]): string {
  const subjects = pickSome(stream, REVIEWED, verdicts.length);
  const clauses = verdicts.map((good, i) => `the ${subjects[i]} was ${pick(stream, good ? PRAISE : BLAME)}`);
  return `${listed(clauses)} .`;
}

/** "the striker won the race near the stadium today ."; `odd` is the slot (0 … 3) that is of another topic, if any. */
export function scene(stream: RandomStream, topic: string, odd?: number): string {
  const other = pick(stream, TOPIC_NAMES.filter((name) => name !== topic));
  const [who, does, what, where] = (['who', 'does', 'what', 'where'] as const).map((slot, i) => pick(stream, TOPICS[i === odd ? other : topic][slot]));
  return `the ${who} ${does} the ${what} near the ${where} ${pick(stream, WHEN)} .`;
}

/** "anna carried the lamp to the hall from the attic past the shed ." */
export function journey(stream: RandomStream, way: { from: string; past: string; to: string }): string {
  const parts = shuffled(stream, Object.entries(way)).map(([word, place]) => `${word} the ${place}`);
  return `${pick(stream, PEOPLE)} carried the ${pick(stream, COLOURS)} ${pick(stream, THINGS)} ${parts.join(' ')} .`;
}

/** "anna has a pen , a stove and a leaf ." */
export function load(stream: RandomStream, things: readonly string[]): string {
  return `${pick(stream, PEOPLE)} has ${listed(things.map((thing) => `a ${thing}`))} .`;
}

/** "x , y and z". */
function listed(parts: readonly string[]): string {
  return `${parts.slice(0, -1).join(' , ')} and ${parts.at(-1)}`;
}

const opinion: Story = (stream) => {
  const good = stream.below(2) === 1;
  return `${review(stream, [good, good, good])} ${pick(stream, PEOPLE)} ${pick(stream, good ? JOY : GRIEF)} it .`;
};

const episode: Story = (stream) => {
  const topic = pick(stream, TOPIC_NAMES);
  return `${scene(stream, topic)} ${scene(stream, topic)}`;
};

/** The second journey begins where the first one ended. */
const errand: Story = (stream) => {
  const [from, past, to, next, last] = pickSome(stream, PLACES, 5);
  return `${journey(stream, { from, past, to })} ${journey(stream, { from: to, past: next, to: last })}`;
};

const belongings: Story = (stream) => {
  const things = pickSome(stream, THINGS, 3);
  return `${load(stream, things)} ${pick(stream, PEOPLE)} took the ${pick(stream, things)} .`;
};

/** What plain text is made of. */
export const STORIES: readonly Story[] = [opinion, episode, errand, belongings];
