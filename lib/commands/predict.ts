import { DfMergeError } from '../core/errors.js';
import { parseUniqueKeys } from '../core/duplicate_key.js';
import { isObject } from '../core/files.js';
import { shown } from '../core/kinds.js';
import type { Line } from '../core/lines.js';
import type { Classification, Generation, GenerateOptions, Model } from '../model/model.js';

/** Something that is to be predicted. */
export interface PredictionInput {
  input: string;
  /** The texts that one is to be picked from; without them the model writes a text of its own. */
  choices?: readonly string[];
  /** The whole JSON object that it was read from. */
  fields?: Record<string, unknown>;
}

/** What was predicted. */
export type Prediction = PredictionInput & { answer: Classification | Generation };

/** The keys that an answer has, which a line of the input must not have: they would be lost. */
const ANSWER_KEYS = [
  ...['choice', 'prediction', 'probability', 'probabilities', 'nll', 'tokens', 'truncated'],
  ...['text', 'ids', 'score', 'finished'],
];

/** The input of a line, which is one as it stands. */
export function textInput({ text }: Line): PredictionInput {
  return { input: text };
}

/**
 * The input of a line that is a JSON object {"input", "choices"?}; its other keys go along with the answer. A blank line is none.
 * @param name the file, for messages
 * Errors: INVALID_DATA naming the line and what was expected.
 */
export function jsonInput({ number, text }: Line, name: string): PredictionInput | undefined {
  if (text.trim() === '') return undefined;
  const wrong = (message: string) => new DfMergeError('INVALID_DATA', `${name}:${number}: ${message}`);
  let fields: unknown;
  try {
    fields = parseUniqueKeys(text);
  } catch (error) {
    throw wrong(`not JSON: ${(error as Error).message}`);
  }
  if (!isObject(fields)) throw wrong('expected an object {"input", "choices"}; without --jsonl every line is a text');
  const { input, choices } = fields;
  if (typeof input !== 'string') throw wrong('"input" is missing or not a string');
  if (choices !== undefined && (!Array.isArray(choices) || choices.length === 0))
    throw wrong(`"choices" is ${shown(choices)}; expected a list of at least one string`);
  const bad = choices?.findIndex((choice) => typeof choice !== 'string' || choice === '') ?? -1;
  if (bad >= 0) throw wrong(`choice ${bad} is not a string with text`);
  const lost = ANSWER_KEYS.find((key) => Object.hasOwn(fields, key));
  if (lost !== undefined) throw wrong(`the key "${lost}" is one of the answer; give it another name`);
  return { input, fields, ...(choices === undefined ? {} : { choices: choices as string[] }) };
}

/** What every input without choices of its own gets. */
export interface PredictOptions extends GenerateOptions {
  choices?: readonly string[];
}

/** Predicts inputs together, in their order: those with choices are classified, and for the others a text is generated. */
export async function predictTogether(
  model: Model,
  inputs: readonly PredictionInput[],
  { choices, ...options }: PredictOptions,
): Promise<Prediction[]> {
  const { signal } = options;
  const asked = inputs.map((one) => ({ ...one, choices: one.choices ?? choices }));
  const questions = asked.flatMap((one) => (one.choices ? [{ input: one.input, choices: one.choices }] : []));
  const texts = asked.flatMap((one) => (one.choices ? [] : [one.input]));
  const classified = questions.length > 0 ? (await model.classify(questions, { signal })).values() : [].values();
  const generated = texts.length > 0 ? (await model.generate(texts, options)).values() : [].values();
  return asked.map((one) => ({ ...one, answer: (one.choices ? classified : generated).next().value! }));
}
