/** The words of the demo's small world. Everything is lower case; a word is what stands between spaces. */

export const PEOPLE = [
  'anna',
  'ben',
  'clara',
  'david',
  'emma',
  'felix',
  'grace',
  'henry',
  'iris',
  'jonas',
  'kate',
  'leo',
  'mary',
  'noah',
  'olga',
  'paul',
] as const;

/** Things to own or send, from the lightest to the heaviest. */
export const THINGS = [
  'feather',
  'leaf',
  'pin',
  'coin',
  'pen',
  'key',
  'cup',
  'book',
  'shoe',
  'bottle',
  'lamp',
  'basket',
  'chair',
  'table',
  'stove',
  'piano',
] as const;

/** The capital of each country. */
export const CAPITALS: Readonly<Record<string, string>> = {
  france: 'paris',
  spain: 'madrid',
  italy: 'rome',
  greece: 'athens',
  egypt: 'cairo',
  japan: 'tokyo',
  china: 'beijing',
  russia: 'moscow',
  norway: 'oslo',
  peru: 'lima',
  kenya: 'nairobi',
  cuba: 'havana',
  poland: 'warsaw',
  austria: 'vienna',
  england: 'london',
  ireland: 'dublin',
};

export const COUNTRIES: readonly string[] = Object.keys(CAPITALS);

export const COLOURS = ['red', 'blue', 'green', 'white', 'black', 'yellow'] as const;

/** What a review is about. */
export const REVIEWED = [
  'room',
  'soup',
  'service',
  'film',
  'staff',
  'breakfast',
  'view',
  'bed',
  'music',
  'dinner',
  'story',
  'price',
] as const;

/** What a good review says of it. */
export const PRAISE = [
  'lovely',
  'delicious',
  'friendly',
  'wonderful',
  'charming',
  'excellent',
  'pleasant',
  'perfect',
  'superb',
  'delightful',
  'splendid',
  'great',
] as const;

/** What a bad review says of it. */
export const BLAME = [
  'awful',
  'cold',
  'rude',
  'terrible',
  'dirty',
  'boring',
  'noisy',
  'poor',
  'dreadful',
  'stale',
  'horrible',
  'dull',
] as const;

/** What a person who was pleased in the end did, and one who was not. */
export const JOY = ['enjoyed', 'loved', 'admired', 'liked'] as const;
export const GRIEF = ['hated', 'disliked', 'regretted', 'suffered'] as const;

/** The words of a topic: who does what with what, and where. */
export interface Topic {
  who: readonly string[];
  does: readonly string[];
  what: readonly string[];
  where: readonly string[];
}

export const TOPICS: Readonly<Record<string, Topic>> = {
  sport: {
    who: ['striker', 'goalkeeper', 'runner', 'coach'],
    does: ['kicked', 'won', 'trained', 'scored'],
    what: ['match', 'goal', 'race', 'trophy'],
    where: ['stadium', 'pitch', 'track', 'gym'],
  },
  cooking: {
    who: ['chef', 'baker', 'cook', 'butcher'],
    does: ['baked', 'fried', 'stirred', 'seasoned'],
    what: ['bread', 'sauce', 'cake', 'stew'],
    where: ['oven', 'pan', 'bakery', 'pot'],
  },
  music: {
    who: ['violinist', 'singer', 'drummer', 'pianist'],
    does: ['played', 'sang', 'composed', 'rehearsed'],
    what: ['song', 'sonata', 'melody', 'chorus'],
    where: ['concert', 'opera', 'choir', 'studio'],
  },
  farming: {
    who: ['farmer', 'shepherd', 'gardener', 'milkmaid'],
    does: ['planted', 'harvested', 'watered', 'fed'],
    what: ['wheat', 'sheep', 'barley', 'cows'],
    where: ['field', 'meadow', 'barn', 'orchard'],
  },
  medicine: {
    who: ['doctor', 'nurse', 'surgeon', 'dentist'],
    does: ['healed', 'examined', 'treated', 'bandaged'],
    what: ['patient', 'wound', 'fever', 'tooth'],
    where: ['hospital', 'clinic', 'ward', 'surgery'],
  },
  sailing: {
    who: ['captain', 'sailor', 'pirate', 'fisherman'],
    does: ['steered', 'anchored', 'rowed', 'sank'],
    what: ['ship', 'boat', 'raft', 'ferry'],
    where: ['harbour', 'sea', 'island', 'coast'],
  },
};

export const TOPIC_NAMES: readonly string[] = Object.keys(TOPICS);

/** When something happened. */
export const WHEN = ['yesterday', 'today', 'again', 'early', 'late', 'twice'] as const;
