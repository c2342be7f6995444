import { PATH, text } from '../core/kinds.js';
import { GENERATION_KINDS } from '../engine/generate.js';
import { DEFAULT_MAX_NEW_TOKENS } from '../model/model.js';
import { MAX_INPUT_TOKENS } from '../model/open.js';
import { DEFAULT_MAX_INPUT_TOKENS } from '../tasks/text/tokenizer.js';
import { usage } from './arguments.js';
import { command } from './command.js';
import { COMPUTE, computeOptions, OVERWRITE_FILE, print } from './common.js';
import { flag, option, repeated, required, type ValuesOf } from './options.js';
import { predictAll } from './predict_all.js';

const { maxNewTokens, numBeams, lengthPenalty } = GENERATION_KINDS;

const OPTIONS = {
  model: required(PATH, 'model folder: merged, fine-tuned or downloaded', { value: 'DIR' }),
  choices: option(text('texts with commas between them'), 'answers to pick from; without any, a text is generated', {
    value: 'A,B,...',
  }),
  choice: repeated(text('a text'), 'one answer to pick from, commas and all; to be repeated', { value: 'TEXT' }),
  input: option(PATH, 'file with a text per line, or with JSON lines where it is called .jsonl', { value: 'FILE' }),
  jsonl: flag('the lines of the input are JSON objects {"input", "choices"}; other keys go along to the output'),
  out: option(PATH, 'file for the answers, JSON lines where it is called .jsonl', { value: 'FILE' }),
  ...OVERWRITE_FILE,
  'max-input': option(MAX_INPUT_TOKENS, 'token ids of an input; longer ones are cut', {
    fallback: DEFAULT_MAX_INPUT_TOKENS,
  }),
  'max-new-tokens': option(maxNewTokens, `of a generated text [default: ${DEFAULT_MAX_NEW_TOKENS}]`),
  'num-beams': option(numBeams, 'sequences that a beam search keeps [default: 1, no search]'),
  'length-penalty': option(lengthPenalty, 'of a beam search: above 0 long texts are preferred [default: 1]', {
    value: 'P',
  }),
  'early-stopping': flag('end a beam search with its first full set of texts'),
  ...COMPUTE,
  json: flag('print a JSON object per input and line; errors as JSON too'),
};

const TEXTS = {
  name: 'text',
  value: 'TEXT',
  describe: 'what the model reads; for - or without any, the lines of standard input',
  required: false,
  several: true,
} as const;

const GENERATION_OPTIONS = ['max-new-tokens', 'num-beams', 'length-penalty', 'early-stopping'] as const;

/** The choices of every input: those of --choices without the blanks around commas, and those of --choice as they stand. */
function choicesOf({
  choices,
  choice = [],
}: Pick<ValuesOf<typeof OPTIONS>, 'choices' | 'choice'>): string[] | undefined {
  const all = [...(choices?.split(',').map((one) => one.trim()) ?? []), ...choice];
  return all.length > 0 ? all : undefined;
}

export const predictCommand = command({
  name: 'predict',
  describe: 'Use a model: pick one of several answers for each text, or generate a text after it',
  positional: TEXTS,
  options: OPTIONS,
  examples: [
    ['dfmerge predict --model merged --choices negative,positive "a film that never ends"', 'how likely each is'],
    ['dfmerge predict --model merged --num-beams 4 "translate English to German: Hello."', 'a text by beam search'],
    ['dfmerge predict --model merged --choices no,yes --json < texts.txt > answers.jsonl', 'a line for each line'],
    ['dfmerge predict --model merged --input data/sst2/test.jsonl --out answers.jsonl', 'with choices of each line'],
  ],
  check: (args) => {
    const { text: texts, input, jsonl } = args;
    if (texts.length > 0 && input !== undefined) throw usage('predict: texts and --input are given; only one can be');
    if (texts.includes('-') && texts.length > 1) throw usage('predict: - stands alone, in place of texts');
    if (jsonl && texts.some((word) => word !== '-'))
      throw usage('predict: --jsonl is about lines, and texts are given');
    const choices = choicesOf(args);
    if (choices?.includes('')) throw usage(`predict: --choices ${args.choices}: a choice is empty`);
    if (choices?.length === 1)
      throw usage(`predict: ${choices[0]} is the only choice; give several as --choices A,B or --choice A --choice B`);
    const about = GENERATION_OPTIONS.find((name) => args[name] !== undefined && args[name] !== false);
    if (choices && about !== undefined)
      throw usage(`predict: --${about} is about generated texts, and choices are given`);
  },
  run: async (args, { run }) => {
    const { model, text: texts, input, jsonl, out, overwrite, json } = args;
    const { inputs, truncated } = await predictAll({
      model,
      source: { texts, file: input, jsonl },
      out: { file: out, overwrite, json },
      compute: computeOptions(args),
      maxInputTokens: args['max-input'],
      choices: choicesOf(args),
      generation: {
        maxNewTokens: args['max-new-tokens'],
        numBeams: args['num-beams'],
        lengthPenalty: args['length-penalty'],
        earlyStopping: args['early-stopping'],
      },
      run,
    });
    if (out === undefined) return { show: () => undefined };
    return {
      result: { inputs, truncated, model },
      out,
      show: () => print(`Written: ${out}, ${inputs} ${inputs === 1 ? 'answer' : 'answers'}`),
    };
  },
});
