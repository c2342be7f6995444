import { DfMergeError } from '../core/errors.js';
import { shown } from '../core/kinds.js';
import { isObject } from '../core/files.js';

/** A text and the continuations that it may have, one of which is to be picked. */
export interface Question {
  /** The text that the model reads. */
  input: string;
  /** The texts that may follow, at least one, none of them empty. */
  choices: readonly string[];
}

/** The arguments of a call that is about choices, as they were given. */
export type QuestionArguments = readonly [first: unknown, second?: unknown, third?: unknown];

/** What the arguments of such a call ask. */
export interface Asked {
  questions: Question[];
  /** Whether one question was asked and not a list of them. */
  single: boolean;
  options: unknown;
}

/**
 * Reads `(text, choices, options)`, `(texts, choices, options)`, `(question, options)` or `(questions, options)`.
 * Errors: INVALID_ARGUMENT naming the call and the argument.
 */
export function readQuestions(call: string, [first, second, third]: QuestionArguments): Asked {
  const single = !Array.isArray(first);
  const inputs: readonly unknown[] = Array.isArray(first) ? first : [first];
  const nameOf = (i: number) => (single ? 'input' : `inputs[${i}]`);
  const together = Array.isArray(second);
  const shared = together ? checkedChoices(`${call}: choices`, second) : undefined;
  const questions = inputs.map((input, i): Question => {
    const name = `${call}: ${nameOf(i)}`;
    if (typeof input === 'string') {
      if (shared) return { input, choices: shared };
      throw wrong(`${call}: choices`, second, 'a list of texts');
    }
    if (!isObject(input)) throw wrong(name, input, 'a text, or an object {input, choices}');
    if (shared)
      throw new DfMergeError('INVALID_ARGUMENT', `${name} has choices of its own, and choices are given beside it`);
    return {
      input: checkedText(`${name}.input`, input.input),
      choices: checkedChoices(`${name}.choices`, input.choices),
    };
  });
  return { questions, single, options: together ? third : second };
}

/** Reads a text or a list of texts. Errors: INVALID_ARGUMENT naming the call and the argument. */
export function readTexts(call: string, given: unknown): { texts: string[]; single: boolean } {
  if (!Array.isArray(given)) return { texts: [checkedText(`${call}: input`, given)], single: true };
  return { texts: given.map((text, i) => checkedText(`${call}: inputs[${i}]`, text)), single: false };
}

function checkedText(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw wrong(name, value, 'a text');
}

function checkedChoices(name: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw wrong(name, value, 'a list of texts');
  if (value.length === 0)
    throw new DfMergeError('INVALID_ARGUMENT', `${name} is an empty list; expected at least one text`);
  const at = value.findIndex((choice) => typeof choice !== 'string' || choice === '');
  if (at >= 0) throw wrong(`${name}[${at}]`, value[at], 'a text that is not empty');
  return value as string[];
}

function wrong(name: string, value: unknown, expected: string): DfMergeError {
  return new DfMergeError('INVALID_ARGUMENT', `${name} is ${shown(value)}; expected ${expected}`);
}
