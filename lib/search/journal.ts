import { existsSync } from 'node:fs';
import { z } from 'zod';
import { DfMergeError } from '../core/errors.js';
import type { Seconds } from '../core/timing.js';
import type { SkippedChoices } from '../engine/fisher.js';
import type { Candidate } from '../objectives/objective.js';
import type { Score } from '../tasks/scores.js';
import { JournalFile, readLines } from './journal_file.js';
import { checkSameSearch, type JournalHeader } from './journal_header.js';
import type { TrialOutcome } from './trial.js';

/** Another way to use the same models, to set beside the merged one. */
export interface ComparisonRecord {
  /** The row's name in tables, such as `base` or `fine-tuned (each on its own task)`. */
  label: string;
  /** The unweighted mean of `accuracy`. */
  mean: number;
  /** The accuracies by task name. */
  accuracy: Record<string, number>;
  /** Bitsets as in `Score`, by task name. */
  correct?: Record<string, string>;
  /** One coefficient per model, where the comparison is a merge. */
  coefficients?: number[];
  /** What was left out of the Fishers, by task name; absent unless the comparison has Fishers and `min_weight` is above 0. */
  skipped?: Record<string, SkippedChoices>;
  split: 'validation' | 'test';
}

/** What happens in a search, in the order in which it happened. */
export type JournalEvent =
  /** Coefficients were proposed. Trials are asked in order, and several may be in flight. */
  | ({ event: 'asked' } & Candidate)
  /** A trial has its score. */
  | { event: 'told'; trial: number; outcome: TrialOutcome; seconds: Seconds }
  /** A trial has no score; `reason` is the message of the error. */
  | { event: 'failed'; trial: number; reason: string; seconds: Seconds }
  /** A comparison was evaluated; `name` is what `--compare` calls it. */
  | { event: 'compared'; name: string; comparison: ComparisonRecord; seconds: Seconds }
  /** The merge at these coefficients was evaluated on a split of every task that has it. */
  | {
      event: 'final';
      split: 'validation' | 'test';
      coefficients: number[];
      scores: [task: string, score: Score][];
      seconds: Seconds;
    };

/** The append-only record of a search, in lines of JSON: a header, and then the events. */
export interface Journal {
  readonly path: string;
  /** The events that were read back and then those that were appended, in order. */
  readonly events: readonly JournalEvent[];
  /**
   * Returns when the line is on the disk. Throws INVALID_ARGUMENT for an event that cannot follow (a number that is not finite, a trial out
   * of order); CLOSED; IO.
   */
  append(event: JournalEvent): void;
  close(): void;
}

/**
 * Opens the journal of a search. A new one starts with `header`. An existing one needs `resume`, and gives back its events
 * after dropping a last line that was cut short (the process was killed in mid-write).
 *
 * Throws EXISTS (the file is there and `resume` is not set), MISMATCH (another search's header), INVALID_DATA (a line that
 * cannot be read and is not the last), IO.
 */
export function openJournal(path: string, header: JournalHeader, options: { resume?: boolean } = {}): Journal {
  const exists = existsSync(path);
  if (exists && !options.resume) {
    throw new DfMergeError(
      'EXISTS',
      `${path} holds the journal of an earlier search; add --resume (resume: true) to go on with it, or give another output folder`,
    );
  }
  const { lines, length } = exists ? readLines(path) : { lines: [], length: 0 };
  const first = { event: 'header', ...header };
  if (lines.length > 0) checkSameSearch(path, lines[0], first);
  const order = new EventOrder();
  const events = lines.slice(1).map((line, index) => {
    const problem = order.problemOf(line);
    if (problem !== undefined) throw new DfMergeError('INVALID_DATA', `${path}:${index + 2}: ${problem}`);
    return line as unknown as JournalEvent;
  });
  const file = new JournalFile(path, length);
  if (lines.length === 0) file.append(first);
  return {
    path,
    events,
    append(event) {
      const problem = order.problemOf(event);
      if (problem !== undefined) throw new DfMergeError('INVALID_ARGUMENT', `the journal ${path}: ${problem}`);
      file.append(event);
      events.push(event);
    },
    close: () => file.close(),
  };
}

const trial = z.int().positive();
const coefficients = z.array(z.number());
const seconds = z.record(z.string(), z.number());
const accuracy = z.record(z.string(), z.number());
const split = z.enum(['validation', 'test']);

/** The shapes of events, as far as a resumed search relies on them; zod's numbers are finite ones, which JSON keeps. */
const EVENTS = {
  asked: z.looseObject({ trial, coefficients }),
  told: z.looseObject({ trial, outcome: z.looseObject({ objective: z.number(), accuracy }), seconds }),
  failed: z.looseObject({ trial, reason: z.string(), seconds }),
  compared: z.looseObject({ name: z.string(), comparison: z.looseObject({ mean: z.number(), accuracy }), seconds }),
  final: z.looseObject({
    split,
    coefficients,
    scores: z.array(z.tuple([z.string(), z.looseObject({ accuracy: z.number(), examples: z.number() })])),
    seconds,
  }),
};

/** Which trials are in flight, so that an event out of turn is noticed when it is read and before it is written. */
class EventOrder {
  #asked = 0;
  readonly #inFlight = new Set<number>();

  /** What is wrong with the next event; undefined where it may follow, which it then has. */
  problemOf(value: unknown): string | undefined {
    const kind = (value as { event?: unknown } | null)?.event;
    if (typeof kind !== 'string' || !Object.hasOwn(EVENTS, kind))
      return `expected an event, one of ${Object.keys(EVENTS).join(', ')}, found ${JSON.stringify(kind) ?? 'none'}`;
    const result = EVENTS[kind as keyof typeof EVENTS].safeParse(value);
    if (!result.success) {
      const [{ path, message }] = result.error.issues;
      return `the event "${kind}" is wrong at ${path.join('.') || 'its top'}: ${message}`;
    }
    if (kind === 'compared' || kind === 'final') return undefined;
    return this.#problemOfTrial(kind, (value as { trial: number }).trial);
  }

  #problemOfTrial(kind: string, trial: number): string | undefined {
    if (kind === 'asked') {
      if (trial !== this.#asked + 1) return `trial ${this.#asked + 1} is the next to be asked, found trial ${trial}`;
      this.#asked = trial;
      this.#inFlight.add(trial);
    } else if (!this.#inFlight.delete(trial)) {
      return `trial ${trial} is ${kind}, but it was not asked, or has ended already`;
    }
    return undefined;
  }
}
