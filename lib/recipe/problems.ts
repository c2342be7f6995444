import type { z } from 'zod';
import { DfMergeError } from '../core/errors.js';
import { MERGEKIT_METHODS } from '../methods/index.js';
import { KNOWN_KEYS, MERGEKIT_KEYS } from './schema.js';
import { nearest } from '../core/nearest.js';
import { hintAt } from './hints.js';
import { valueAt, type KeyPath, type Problem, type RecipeSource } from './source.js';

/** How many problems one error shows: enough to mend a recipe in one go, and few enough to read. */
const SHOWN = 10;

type Issue = z.core.$ZodIssue;

/** One error that tells all problems, a line each, in the order of the text. */
export function recipeError(source: RecipeSource, problems: readonly Problem[]): DfMergeError {
  const sorted = [...problems].sort((a, b) => source.offsetOf(a) - source.offsetOf(b));
  const lines = sorted.slice(0, SHOWN).map((problem) => `${source.prefixOf(problem)}${problem.message}`);
  if (sorted.length > SHOWN) lines.push(`… and ${sorted.length - SHOWN} more`);
  return new DfMergeError('INVALID_RECIPE', lines.join('\n'));
}

/** What zod found, as problems in the words of recipes. */
export function problemsOf(issues: readonly Issue[], root: unknown): Problem[] {
  return issues.flatMap(withinUnion).flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...issue.path, key]));
    const found = valueAt(root, issue.path);
    return [
      {
        path: issue.path,
        atKey: issue.code === 'invalid_key',
        message: `${describe(issue.path, found)}; expected ${expectedBy(issue, found)}${hintAt(issue.path, found, root)}`,
      },
    ];
  });
}

/** A key path as text, such as `models[0].parameters.weight`. */
export function showPath(path: KeyPath): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index > 0 ? '.' : ''}${String(key)}`))
    .join('');
}

/** Words such as `one of: a, b (did you mean a?)`; the question is asked where a name is near to what was given. */
export function oneOf(names: readonly string[], given: unknown): string {
  const likely = typeof given === 'string' ? nearest(given, names) : undefined;
  return `one of: ${names.join(', ')}${likely === undefined ? '' : ` (did you mean ${likely}?)`}`;
}

/** A value of the right general shape but wrong inside is told by its inner problems, not as "none of the alternatives". */
function withinUnion(issue: Issue): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inner = issue.errors.find(
    (errors) => errors.length > 0 && errors.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  return inner === undefined ? [issue] : inner.map((deeper) => ({ ...deeper, path: [...issue.path, ...deeper.path] }));
}

function unknownKey(path: KeyPath): Problem {
  const key = String(path.at(-1));
  const section = path.slice(0, -1);
  const known = KNOWN_KEYS[sectionPattern(section)] ?? [];
  const likely = nearest(key, known);
  const place = section.length === 0 ? 'a recipe' : showPath(section);
  if (likely === undefined && MERGEKIT_KEYS.has(key)) {
    return {
      path,
      atKey: true,
      message: `${showPath(path)} is not supported by dfmerge (it is a key of mergekit); expected only: ${known.join(', ')}`,
    };
  }
  return {
    path,
    atKey: true,
    meant: likely,
    message: `${key} is not a key of ${place}; expected ${oneOf(known, key)}`,
  };
}

/** The path of a section as in `KNOWN_KEYS`, with `*` for list positions and task names. */
function sectionPattern(path: KeyPath): string {
  return path
    .map((key, index) => (typeof key === 'number' || (index === 1 && path[0] === 'tasks') ? '*' : String(key)))
    .join('.');
}

function describe(path: KeyPath, value: unknown): string {
  const name = showPath(path) || 'the recipe';
  if (value === undefined) return `${name} is missing`;
  if (path.length === 1 && path[0] === 'merge_method' && typeof value === 'string' && MERGEKIT_METHODS.has(value))
    return `${name} ${value} is not supported yet`;
  return `${name} is ${showValue(value)}`;
}

function showValue(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a section';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'symbol') return value.toString();
  if (typeof value !== 'string') return 'undefined';
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section of keys and values',
  record: 'a section of names and values',
};

/** What would have been right, to go after the word "expected". */
function expectedBy(issue: Issue, found: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      // A message of the schema's own says more than the type.
      return issue.message.startsWith('Invalid input') ? (TYPE_WORDS[issue.expected] ?? issue.expected) : issue.message;
    case 'invalid_value':
      return issue.message.startsWith('Invalid') ? oneOf(issue.values.map(String), found) : issue.message;
    case 'too_small':
      return limitWords(issue, { limit: issue.minimum, inclusive: 'at least', exclusive: 'more than' });
    case 'too_big':
      return limitWords(issue, { limit: issue.maximum, inclusive: 'at most', exclusive: 'less than' });
    case 'invalid_key':
      return 'a name of letters, digits, spaces and ._:/- that starts with a letter or digit';
    default:
      return issue.message;
  }
}

function limitWords(
  issue: { origin: string; message: string; inclusive?: boolean },
  words: { limit: number | bigint; inclusive: string; exclusive: string },
): string {
  if (!/^(Too|Invalid)/.test(issue.message)) return issue.message;
  if (issue.origin === 'array') return `${words.inclusive} ${words.limit} in the list`;
  if (issue.origin === 'string') return 'a path or name';
  return `a number of ${issue.inclusive === false ? words.exclusive : words.inclusive} ${words.limit}`;
}
