import type { ComputeDtype } from '../../bindings/index.js';
import { DfMergeError } from '../core/errors.js';
import { checkCall, type OptionsShape } from '../core/kinds.js';
import { Pace } from '../core/pace.js';
import type { RunOptions } from '../core/progress.js';
import { Queue } from '../core/queue.js';
import { sum } from '../core/statistics.js';
import type { TokenizedRows } from '../engine/batch.js';
import { evaluateRows, scoringRows } from '../engine/evaluate.js';
import { readGenerationTokens, type GenerationTokens } from '../architectures/index.js';
import { generateRows, GENERATION_KINDS, type GenerationOptions } from '../engine/generate.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import { DEFAULT_MAX_INPUT_TOKENS, type Tokenizer } from '../tasks/text/tokenizer.js';
import { tokenizeChoices, tokenizeInput, tokenizerOf } from '../tasks/tokenize.js';
import { readQuestions, readTexts, type Question, type QuestionArguments } from './questions.js';

/** What a model makes of the choices of one input, in their order. */
export interface ChoiceScores {
  /** The negative log-likelihood of each choice after the input, in nats: a sum over its tokens, `</s>` included. The lower, the likelier. */
  nll: number[];
  /** How many tokens each choice has, `</s>` included. */
  tokens: number[];
  /** Whether the input was longer than the model reads, so that its end was cut off. */
  truncated: boolean;
}

/** The choice that a model picks for one input. */
export interface Classification extends ChoiceScores {
  /** The text of the choice of lowest `nll / tokens`, the first of equals, by which `evaluate` counts too. */
  choice: string;
  /** Its index among the choices. */
  prediction: number;
  /** Its probability. */
  probability: number;
  /** The softmax of −`nll / tokens` over the choices, in their order. They add up to 1. */
  probabilities: number[];
}

/** A text that a model has written after one input. */
export interface Generation {
  /** The text, without special tokens such as `</s>`, as the tokenizer's decoder gives it. */
  text: string;
  /** Its token ids; where it has come to its end, the last one is that of the end token. */
  ids: number[];
  /** Its log-probability in nats, divided by the number of its tokens to the power of `lengthPenalty`. */
  score: number;
  /** Whether it came to its end by itself, and not by `maxNewTokens`. */
  finished: boolean;
  /** Whether the input was longer than the model reads, so that its end was cut off. */
  truncated: boolean;
}

/** How texts are generated. */
export interface GenerateOptions extends RunOptions, Partial<GenerationOptions> {
  /** How many tokens a text gets at most. The default is 64. */
  maxNewTokens?: number;
}

interface Parts {
  session: Session;
  tokenizer: Tokenizer;
  maxInputTokens: number;
}

/** How a model is opened. */
export interface OpenModelOptions extends ComputeOptions, Pick<RunOptions, 'signal' | 'onWarning'> {
  /** How many token ids of an input the model reads, `</s>` included; longer inputs are cut. The default is 512, as for tasks. */
  maxInputTokens?: number;
}

/** How many tokens a generated text gets at most, unless told otherwise. */
export const DEFAULT_MAX_NEW_TOKENS = 64;

/**
 * A model that is open for use, as openModel returns it. Calls may be made at any time: one is worked on and the others wait for it in the order
 * in which they came. Every call takes an AbortSignal, which ends it wherever it is.
 */
export class Model {
  /** How many token ids of an input the model reads; longer ones are cut. */
  readonly maxInputTokens: number;
  readonly #session: Session;
  readonly #tokenizer: Tokenizer;
  #generationTokens: GenerationTokens | undefined;
  readonly #queue = new Queue();
  #closed: Promise<void> | undefined;

  private constructor({ session, tokenizer, maxInputTokens }: Parts) {
    this.#session = session;
    this.#tokenizer = tokenizer;
    this.maxInputTokens = maxInputTokens;
  }

  /** Opens a model whose options have been checked; see openModel. Errors: as openModel has them. */
  static async open(dir: string, options: OpenModelOptions): Promise<Model> {
    const { maxInputTokens = DEFAULT_MAX_INPUT_TOKENS, signal } = options;
    const session = await Session.open(dir, [], options);
    try {
      const tokenizer = await tokenizerOf(session);
      await session.load(0, signal);
      return new Model({ session, tokenizer, maxInputTokens });
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** The folder that the model was read from. */
  get dir(): string {
    return this.#session.set.base.dir;
  }

  /** How many threads compute. */
  get threads(): number {
    return this.#session.threads;
  }

  /** The dtype of matrix products' operands. */
  get computeDtype(): ComputeDtype {
    return this.#session.computeDtype;
  }

  /** How many bytes of memory outside JavaScript the model holds; 0 once it is closed. */
  get nativeBytes(): number {
    return this.#session.engine.bytes();
  }

  /**
   * The negative log-likelihood of each choice after an input: of one text or question, or of a list of them, whose results come in their order.
   *
   *     const { nll } = await model.score('Is it raining?', ['yes', 'no']);
   *
   * Errors: INVALID_ARGUMENT naming the argument; INVALID_DATA for a word that the tokenizer has no token for; NUMERIC where a score is not
   * finite; CLOSED; the signal's reason.
   */
  score(input: string, choices: readonly string[], options?: RunOptions): Promise<ChoiceScores>;
  score(inputs: readonly string[], choices: readonly string[], options?: RunOptions): Promise<ChoiceScores[]>;
  score(question: Question, options?: RunOptions): Promise<ChoiceScores>;
  score(questions: readonly Question[], options?: RunOptions): Promise<ChoiceScores[]>;
  async score(...args: QuestionArguments): Promise<ChoiceScores | ChoiceScores[]> {
    const { single, results } = await this.#answer('score', args);
    const scores = results.map(({ nll, tokens, truncated }) => ({ nll, tokens, truncated }));
    return single ? scores[0] : scores;
  }

  /**
   * The choice that the model picks for an input, of one text or question, or of a list of them, whose results come in their order.
   *
   *     const { choice, probability } = await model.classify('a film that never ends', ['negative', 'positive']);
   *     const answers = await model.classify(texts, ['negative', 'positive']);
   *     const others = await model.classify([{ input: 'Who wrote it?', choices: ['Austen', 'Eliot'] }]);
   *
   * Errors: as score has them.
   */
  classify(input: string, choices: readonly string[], options?: RunOptions): Promise<Classification>;
  classify(inputs: readonly string[], choices: readonly string[], options?: RunOptions): Promise<Classification[]>;
  classify(question: Question, options?: RunOptions): Promise<Classification>;
  classify(questions: readonly Question[], options?: RunOptions): Promise<Classification[]>;
  async classify(...args: QuestionArguments): Promise<Classification | Classification[]> {
    const { single, results } = await this.#answer('classify', args);
    return single ? results[0] : results;
  }

  /**
   * The text that the model writes after an input, or after each of a list of them: the likeliest token at every step or, with `numBeams`, the best
   * sequence that a beam search finds; nothing is drawn at random. The text of an input does not depend on those beside it.
   *
   *     const { text } = await model.generate('translate English to German: Good morning.', { numBeams: 4 });
   *
   * Errors: INVALID_ARGUMENT naming the argument; INVALID_CONFIG where the tokenizer's decoder is not known; NUMERIC; CLOSED; the signal's reason.
   */
  generate(input: string, options?: GenerateOptions): Promise<Generation>;
  generate(inputs: readonly string[], options?: GenerateOptions): Promise<Generation[]>;
  async generate(given: string | readonly string[], options?: GenerateOptions): Promise<Generation | Generation[]> {
    const { texts, single } = readTexts('generate', given);
    const run = checkedOptions('generate', options, GENERATION_KINDS) as GenerateOptions;
    const generations = await this.#call(run.signal, () => this.#generate(texts, run));
    return single ? generations[0] : generations;
  }

  /**
   * Frees the model's memory as soon as the calls that were made before have ended, and resolves then; to end those at once, abort their signals.
   * Later calls reject with CLOSED. It may be called again. `await using model = await openModel(dir)` calls it at the end of its block.
   */
  close(): Promise<void> {
    this.#closed ??= this.#queue.run(() => this.#session.close());
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Works on a call when its turn has come. */
  async #call<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new DfMergeError('CLOSED', `the model ${this.dir} was closed`);
    return this.#queue.run(work, signal);
  }

  async #answer(call: string, args: QuestionArguments): Promise<{ single: boolean; results: Classification[] }> {
    const { questions, single, options } = readQuestions(call, args);
    const run = checkedOptions(call, options);
    const results = await this.#call(run.signal, () => this.#classify(questions, run));
    return { single, results };
  }

  async #classify(questions: readonly Question[], options: RunOptions): Promise<Classification[]> {
    const { rows, truncated } = await this.#rowsOf(questions, options);
    const indices = questions.map((_, i) => i);
    const batches = await scoringRows(this.#session, { rows, indices }, options.signal);
    const { results } = await evaluateRows(this.#session, batches, { ...options, subject: 'inputs' });
    return results.map(({ nll, tokens, prediction, index }) => {
      const probabilities = probabilitiesOf(nll, tokens);
      return {
        choice: questions[index].choices[prediction],
        prediction,
        probability: probabilities[prediction],
        probabilities,
        nll,
        tokens,
        truncated: truncated[index],
      };
    });
  }

  async #generate(texts: readonly string[], { onWarning, ...options }: GenerateOptions): Promise<Generation[]> {
    const { inputIds, truncated } = await this.#inputsOf(texts, { signal: options.signal, onWarning });
    const tokens = (this.#generationTokens ??= await readGenerationTokens(this.#session.set.base.checkpoint));
    const request = { ...options, maxNewTokens: options.maxNewTokens ?? DEFAULT_MAX_NEW_TOKENS, tokens };
    const sequences = await generateRows(this.#session, inputIds, request);
    return sequences.map(({ ids, score }, i) => ({
      text: this.#tokenizer.decode(ids),
      ids: [...ids],
      score,
      finished: tokens.endTokens.includes(ids.at(-1) ?? -1),
      truncated: truncated[i],
    }));
  }

  async #rowsOf(
    questions: readonly Question[],
    { signal, onWarning }: RunOptions,
  ): Promise<{ rows: TokenizedRows; truncated: boolean[] }> {
    const pace = new Pace(signal);
    const choices: Int32Array[][] = [];
    for (const question of questions) choices.push(await tokenizeChoices(this.#tokenizer, question.choices, pace));
    warnOfEqualChoices(choices, onWarning);
    const { inputIds, truncated } = await this.#inputsOf(
      questions.map(({ input }) => input),
      { signal, onWarning },
    );
    return { rows: { inputIds, choices, labels: new Int32Array(questions.length).fill(-1) }, truncated };
  }

  async #inputsOf(
    texts: readonly string[],
    { signal, onWarning }: RunOptions,
  ): Promise<{ inputIds: Int32Array[]; truncated: boolean[] }> {
    const { maxInputTokens } = this;
    const pace = new Pace(signal);
    const inputIds: Int32Array[] = [];
    const truncated: boolean[] = [];
    for (const text of texts) {
      const input = await tokenizeInput(this.#tokenizer, text, { maxInputTokens, pace });
      inputIds.push(input.ids);
      truncated.push(input.truncated);
    }
    const cut = truncated.filter(Boolean).length;
    if (cut > 0) onWarning?.(truncationWarning({ cut, inputs: texts.length, maxInputTokens }));
    return { inputIds, truncated };
  }
}

/** What is told where inputs were cut. */
export function truncationWarning(found: { cut: number; inputs: number; maxInputTokens: number }): string {
  const { cut, inputs, maxInputTokens } = found;
  const which = inputs === 1 ? 'the input was' : `${cut} of ${inputs} inputs ${cut === 1 ? 'was' : 'were'}`;
  return `${which} longer than ${maxInputTokens} token ids, and the rest of ${cut === 1 ? 'it' : 'each'} was left out`;
}

function warnOfEqualChoices(choices: readonly (readonly Int32Array[])[], onWarning: RunOptions['onWarning']): void {
  const equal = choices.filter((ids) => new Set(ids.map((one) => one.join())).size < ids.length).length;
  if (equal === 0) return;
  const which = choices.length === 1 ? 'the input has' : `${equal} of ${choices.length} inputs have`;
  onWarning?.(`${which} choices of the same token ids, which no model can tell apart`);
}

function probabilitiesOf(nll: readonly number[], tokens: readonly number[]): number[] {
  const logits = nll.map((sum, c) => -sum / tokens[c]);
  const most = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - most));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

/** The options of a call. Errors: INVALID_ARGUMENT naming the call and the option; the reason of a signal that has fired. */
function checkedOptions(call: string, options: unknown, kinds: OptionsShape['kinds'] = {}): RunOptions {
  if (options === undefined) return {};
  checkCall(call, options as RunOptions, { kinds });
  return options as RunOptions;
}
