import { mean } from '../core/statistics.js';
import { evaluateRows, type Evaluation, type PartialEvaluation } from '../engine/evaluate.js';
import type { BatchedRows } from '../engine/batch.js';
import type { Session } from '../engine/session.js';
import type { PreparedTask } from '../tasks/prepare.js';
import { accuracies, bitsets, meanAccuracy, scoreOf, type Score } from '../tasks/scores.js';
import type { Candidate, EvaluationContext, Objective, TrialScore } from './objective.js';

/** How far below the best a candidate is still scored to its end. */
export interface EarlyStopping {
  /** Percentage points of mean accuracy by which a candidate must certainly miss the best before it is scored no further. */
  margin: number;
}

/**
 * The mean accuracy over the tasks' validation subsets (paper, section 3.2). With early stopping the scoring of a candidate ends where not
 * even all of the rows left, answered rightly, would bring it to the best so far; scored to its end it could therefore not have been better.
 *
 * The objective of a stopped trial is an estimate for the optimiser: the mean over tasks of the accuracy on the rows seen, or, for a task
 * that was not seen, of its mean accuracy over the finished trials. It is below the best less the margin too, since
 * each part is at most what the bound had in its place.
 */
export class TaskAccuracy implements Objective {
  /** The scores of the trials that were not stopped, in the order in which they ended. */
  readonly #finished: TrialScore[] = [];
  readonly #subsets: readonly { name: string; rows: BatchedRows }[];

  constructor(
    private readonly session: Session,
    tasks: readonly PreparedTask[],
    private readonly stopping?: EarlyStopping,
  ) {
    this.#subsets = tasks.flatMap(({ name, subset }) => (subset ? [{ name, rows: subset.rows }] : []));
  }

  async evaluate(_: Candidate, context: EvaluationContext = {}): Promise<TrialScore> {
    const score = await this.#score(context);
    this.#remember(score);
    return score;
  }

  recall(trial: Candidate & TrialScore): void {
    this.#remember(trial);
  }

  #remember(score: TrialScore): void {
    if (!score.stopped) this.#finished.push(score);
  }

  /** What a candidate must still be able to reach; -Infinity where it is scored to its end whatever comes. */
  get #least(): number {
    if (!this.stopping || this.#finished.length === 0) return -Infinity;
    return Math.max(...this.#finished.map(({ objective }) => objective)) - this.stopping.margin / 100;
  }

  async #score({ signal, report }: EvaluationContext): Promise<TrialScore> {
    const least = this.#least;
    const highest = this.#subsets.map(() => 1);
    const isHopeless = () => mean(highest) < least;
    const results = new Map<string, Evaluation>();
    for (const [i, { name, rows }] of this.#subsets.entries()) {
      const onPartial = ({ done, total, correct }: PartialEvaluation) => {
        highest[i] = (correct + total - done) / total;
        return isHopeless();
      };
      results.set(
        name,
        await evaluateRows(this.session, rows, { signal, onProgress: report, subject: name, onPartial }),
      );
      if (isHopeless()) break;
    }
    const seen = (name: string) => results.get(name)?.results.length ?? 0;
    const scores = scoresOf(results);
    if (this.#subsets.every(({ name, rows }) => seen(name) === rows.indices.length)) {
      return { objective: meanAccuracy(scores), accuracy: accuracies(scores), correct: bitsets(scores) };
    }
    return {
      objective: mean(this.#subsets.map(({ name }) => scores.get(name)?.accuracy ?? this.#usual(name))),
      accuracy: accuracies(scores),
      correct: bitsets(scoresOf([...results].filter(([, { stopped }]) => !stopped))),
      stopped: true,
      rowsSeen: Object.fromEntries(this.#subsets.map(({ name }) => [name, seen(name)])),
    };
  }

  /** The mean accuracy of a task over the finished trials, of which there are some wherever a trial is stopped. */
  #usual(name: string): number {
    return mean(this.#finished.map(({ accuracy }) => accuracy[name]));
  }
}

function scoresOf(results: Iterable<[string, Evaluation]>): Map<string, Score> {
  return new Map([...results].map(([name, evaluation]) => [name, scoreOf(evaluation)]));
}
