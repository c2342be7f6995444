import { z } from 'zod';
import type { Seconds } from '../core/timing.js';
import type { SkippedChoices } from '../engine/fisher.js';
import type { Candidate } from '../objectives/objective.js';
import type { Score } from '../tasks/scores.js';
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

/**
 * What an event belongs to besides the search itself: `part` is a comparison or the final evaluation, and `inputs` a digest of all it depends
 * on beside the header. An event whose inputs are not those of now stays in the journal and counts for nothing.
 */
export interface JournalPart {
  part: string;
  inputs: string;
}

/** What happens in a search, or in the small search of a comparison, in the order in which it happened. */
export type SearchEvent =
  /** Coefficients were proposed. Trials are asked in order, and several may be in flight. */
  | ({ event: 'asked' } & Candidate)
  /** A trial has its score. */
  | { event: 'told'; trial: number; outcome: TrialOutcome; seconds: Seconds }
  /** A trial has no score; `reason` is the message of the error. */
  | { event: 'failed'; trial: number; reason: string; seconds: Seconds };

/** A model was scored on a split of a task. */
export interface ScoredEvent {
  event: 'scored';
  split: 'validation' | 'test';
  task: string;
  score: Score;
  /** What was left out of the Fishers of the merge that was scored, where it was made for this. */
  skipped?: Record<string, SkippedChoices>;
  seconds: Seconds;
}

/** A comparison is complete; its part has the name that `--compare` calls it. */
export interface ComparedEvent {
  event: 'compared';
  comparison: ComparisonRecord;
  seconds: Seconds;
}

/** What happens in one part. */
export type PartEvent = SearchEvent | ScoredEvent | ComparedEvent;

/** All that happens in a run with a search. */
export type JournalEvent =
  | (SearchEvent & Partial<JournalPart>)
  | ((ScoredEvent | ComparedEvent) & JournalPart)
  /** The comparisons that a run was asked for, which hold until the next such event. */
  | { event: 'comparisons'; names: string[] };

const trial = z.int().positive();
const coefficients = z.array(z.number());
const seconds = z.record(z.string(), z.number());
const accuracy = z.record(z.string(), z.number());
const maybePart = { part: z.string().optional(), inputs: z.string().optional() };
const part = { part: z.string(), inputs: z.string() };
const split = z.enum(['validation', 'test']);
const score = z.looseObject({ accuracy: z.number(), examples: z.number() });

/** The shapes of events, as far as a resumed search relies on them; zod's numbers are finite ones, which JSON keeps. */
const EVENTS = {
  asked: z.looseObject({ trial, coefficients, ...maybePart }),
  told: z.looseObject({ trial, outcome: z.looseObject({ objective: z.number(), accuracy }), seconds, ...maybePart }),
  failed: z.looseObject({ trial, reason: z.string(), seconds, ...maybePart }),
  scored: z.looseObject({ split, task: z.string(), score, seconds, ...part }),
  compared: z.looseObject({ comparison: z.looseObject({ mean: z.number(), accuracy }), seconds, ...part }),
  comparisons: z.looseObject({ names: z.array(z.string()) }),
};

/** Which trials are in flight, so that an event out of turn is noticed when it is read and before it is written. */
export class EventOrder {
  /** By part, since each counts its own trials. */
  readonly #searches = new Map<string, { asked: number; inFlight: Set<number> }>();

  /** @param models how many coefficients a trial has; undefined where that is not known */
  constructor(private readonly models?: number) {}

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
    const isTrial = kind === 'asked' || kind === 'told' || kind === 'failed';
    return isTrial ? this.#problemOfTrial(value as SearchEvent & Partial<JournalPart>) : undefined;
  }

  #problemOfTrial(event: SearchEvent & Partial<JournalPart>): string | undefined {
    const { event: kind, trial, part, inputs } = event;
    const key = JSON.stringify([part, inputs]);
    const search = this.#searches.get(key) ?? { asked: 0, inFlight: new Set() };
    this.#searches.set(key, search);
    if (event.event === 'asked') {
      if (trial !== search.asked + 1) return `trial ${search.asked + 1} is the next to be asked, found trial ${trial}`;
      const given = event.coefficients.length;
      if (this.models !== undefined && given !== this.models)
        return `trial ${trial} has ${given} coefficients, and there are ${this.models} models`;
      search.asked = trial;
      search.inFlight.add(trial);
    } else if (!search.inFlight.delete(trial)) {
      return `trial ${trial} is ${kind}, but it was not asked, or has ended already`;
    }
    return undefined;
  }
}
