import type { ComputeDtype } from '../../bindings/index.js';
import { DfMergeError } from '../core/errors.js';
import { checkCall } from '../core/kinds.js';
import { Pace } from '../core/pace.js';
import type { RunOptions } from '../core/progress.js';
import { Queue } from '../core/queue.js';
import { sum } from '../core/statistics.js';
import type { TokenizedRows } from '../engine/batch.js';
import { evaluateRows, scoringRows } from '../engine/evaluate.js';
import { Session, type ComputeOptions } from '../engine/session.js';
import type { Tokenizer } from '../tasks/text/tokenizer.js';
import { tokenizeChoices, tokenizeInput, tokenizerOf } from '../tasks/tokenize.js';
import { readQuestions, type Question, type QuestionArguments } from './questions.js';

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

interface Parts {
  session: Session;
  tokenizer: Tokenizer;
  maxInputTokens: number;
}

/** How a model is opened. */
type OpenOptions = ComputeOptions & Pick<RunOptions, 'signal' | 'onWarning'> & Pick<Parts, 'maxInputTokens'>;

/**
 * A model that is open for use, as openModel returns it. Calls may be made at any time: one is worked on and the others wait for it in the order
 * in which they came. Every call takes an AbortSignal, which ends it wherever it is.
 */
export class Model {
  /** How many token ids of an input the model reads; longer ones are cut. */
  readonly maxInputTokens: number;
  readonly #session: Session;
  readonly #tokenizer: Tokenizer;
  readonly #queue = new Queue();
  #closed: Promise<void> | undefined;

  private constructor({ session, tokenizer, maxInputTokens }: Parts) {
    this.#session = session;
    this.#tokenizer = tokenizer;
    this.maxInputTokens = maxInputTokens;
  }

  /** Opens a model whose options have been checked; see openModel. Errors: as openModel has them. */
  static async open(dir: string, { maxInputTokens, signal, ...options }: OpenOptions): Promise<Model> {
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
function checkedOptions(call: string, options: unknown): RunOptions {
  if (options === undefined) return {};
  checkCall(call, options as RunOptions, { kinds: {} });
  return options as RunOptions;
}
