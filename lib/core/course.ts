import type { ProgressEvent, Stage } from './progress.js';
import { sum } from './statistics.js';
import { PHASES, type Seconds } from './timing.js';

/** A piece of work that is known in advance. */
export interface PlannedWork {
  phase: ProgressEvent['phase'];
  /** The task or model; without it events about any subject count. */
  subject?: string;
  /** How much work it is: tokens in `evaluate`, gradients times tokens in `fisher` and `train`, passes over the weights in `merge`, files in `read`, and 1 elsewhere. */
  cost: number;
}

/** A stage of a run, or one trial of it, and all that it does. Stages follow one another. */
export interface PlannedStage {
  stage: Stage;
  trial?: number;
  work: readonly PlannedWork[];
}

interface Work extends PlannedWork {
  /** The part that is done, from 0 to 1. */
  done: number;
}

interface Leg {
  stage: Stage;
  trial: number | undefined;
  work: Work[];
}

/**
 * What a unit of each phase's cost takes compared with a token that is scored. A pass over the weights moves some bytes per weight, a token
 * multiplies with each, and a file is slower than memory by far. It is used until the phase itself has been measured.
 */
const USUAL: Record<ProgressEvent['phase'], number> = {
  read: 300,
  load: 300,
  fisher: 3,
  merge: 300,
  evaluate: 1,
  suggest: 0,
  write: 3000,
  train: 3,
  generate: 20,
  search: 0,
};

/** The seconds that a phase has taken and what it has done in them. */
interface Measured {
  seconds: number;
  cost: number;
}

/**
 * The course of a run through its planned stages. It adds to each event how much of the whole run is done and how long the rest will take.
 * The time between two events is that of the later one's phase, and so the speed of each phase is learned as the run goes on. What a stage
 * has left undone when the next one begins is not done any more.
 */
export class Course {
  #legs: Leg[] = [];
  #at = 0;
  #stage: Stage = 'opening';
  #best: ProgressEvent['best'];
  #fraction = 0;
  #last: number;
  readonly #measured = new Map<ProgressEvent['phase'], Measured>();
  /** What trials that have ended were planned to do, and what they did: one that is hopeless is stopped. */
  readonly #trials = new Map<ProgressEvent['phase'], { planned: number; done: number }>();

  /**
   * @param tell is called with every event
   * @param now the time in milliseconds; tests put in one of their own
   */
  constructor(
    private readonly tell?: (event: ProgressEvent) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#last = now();
  }

  /** Sets what is to be done from here on. */
  plan(stages: readonly PlannedStage[]): void {
    this.#at = 0;
    this.#last = this.now();
    this.#legs = stages.map(({ stage, trial, work }) => ({
      stage,
      trial,
      work: work.map((one) => ({ ...one, done: 0 })),
    }));
  }

  /** Learns the speed of each phase from a trial that an earlier process has made; phases without seconds are left out. */
  learn(trial: number, seconds: Seconds): void {
    const work = this.#legs.find((leg) => leg.trial === trial)?.work ?? [];
    for (const phase of PHASES) {
      const cost = sum(work.flatMap((one) => (one.phase === phase ? one.cost : [])));
      const took = seconds[phase];
      if (cost === 0 || took === undefined) continue;
      const measured = this.#measured.get(phase) ?? { seconds: 0, cost: 0 };
      this.#measured.set(phase, { seconds: measured.seconds + took, cost: measured.cost + cost });
    }
  }

  /** Takes an event and hands it on with what the course adds. An event that names no stage belongs to the one before it. */
  readonly report = (event: ProgressEvent): void => {
    const time = this.now();
    const seconds = Math.max(0, time - this.#last) / 1000;
    this.#last = time;
    this.#stage = event.stage ?? this.#stage;
    this.#best = event.best ?? this.#best;
    this.#enter(event);
    this.#advance(event, seconds);
    const { left, total } = this.#estimate();
    if (total > 0) this.#fraction = Math.min(1, Math.max(this.#fraction, 1 - left / total));
    const known = this.#telling.length > 0;
    this.tell?.({
      ...event,
      stage: this.#stage,
      fraction: this.#fraction,
      ...(known ? { secondsLeft: left } : {}),
      ...(this.#best ? { best: this.#best } : {}),
    });
  };

  /** Goes on to the stage of an event, if that is ahead. */
  #enter({ phase, trial, done }: ProgressEvent): void {
    const number = phase === 'search' ? done + 1 : trial;
    const isThere = (leg: Leg) => leg.stage === this.#stage && (number === undefined || leg.trial === number);
    let next = this.#legs.findIndex((leg, i) => i >= this.#at && isThere(leg));
    // After the last trial there is no next one.
    if (next < 0 && phase === 'search') next = this.#legs.findLastIndex(({ stage }) => stage === this.#stage) + 1;
    for (; this.#at < next; this.#at++) this.#leave(this.#legs[this.#at]);
  }

  #leave({ trial, work }: Leg): void {
    if (trial === undefined || work.every(({ done }) => done === 0)) return;
    for (const { phase, cost, done } of work) {
      const share = this.#trials.get(phase) ?? { planned: 0, done: 0 };
      this.#trials.set(phase, { planned: share.planned + cost, done: share.done + cost * done });
    }
  }

  #advance({ phase, subject, done, total }: ProgressEvent, seconds: number): void {
    const leg = this.#legs[this.#at];
    if (leg?.stage !== this.#stage) return;
    const ofPhase = leg.work.filter((work) => work.phase === phase && (work.subject ?? subject) === subject);
    const work = ofPhase.find((one) => one.done < 1);
    const measured = this.#measured.get(phase) ?? { seconds: 0, cost: 0 };
    if (ofPhase.length > 0) measured.seconds += seconds;
    if (work) {
      const now = total > 0 ? Math.min(1, Math.max(work.done, done / total)) : 1;
      measured.cost += (now - work.done) * work.cost;
      work.done = now;
    }
    if (ofPhase.length > 0) this.#measured.set(phase, measured);
  }

  /** The seconds that are left and those of the whole plan, or values that are in proportion to them where nothing is measured. */
  #estimate(): { left: number; total: number } {
    let left = 0;
    let total = 0;
    const scale = this.#scale;
    this.#legs.forEach(({ trial, work }, i) => {
      for (const { phase, cost, done } of work) {
        const { planned, done: finished } = (trial !== undefined && this.#trials.get(phase)) || { planned: 0, done: 0 };
        const share = i >= this.#at && planned > 0 ? finished / planned : 1;
        const seconds = cost * this.#rate(phase, scale);
        // Files whose hashes are remembered were never read.
        const counted = i < this.#at && phase === 'read' ? done : done + (1 - done) * share;
        total += seconds * counted;
        if (i >= this.#at) left += seconds * (1 - done) * share;
      }
    });
    return { left, total };
  }

  /** What was measured and tells how fast the machine computes. A disk's speed says nothing of that. */
  get #telling(): [ProgressEvent['phase'], Measured][] {
    return [...this.#measured].filter(([phase, { cost }]) => cost > 0 && USUAL[phase] > 0 && phase !== 'read');
  }

  /** Seconds per unit of USUAL, over all phases that were measured. */
  get #scale(): number {
    const measured = this.#telling;
    const usual = sum(measured.map(([phase, { cost }]) => cost * USUAL[phase]));
    return usual > 0 ? sum(measured.map(([, { seconds }]) => seconds)) / usual : 1;
  }

  #rate(phase: ProgressEvent['phase'], scale: number): number {
    const { seconds = 0, cost = 0 } = this.#measured.get(phase) ?? {};
    // Seconds count beside seconds only.
    return cost > 0 && this.#telling.length > 0 ? seconds / cost : USUAL[phase] * scale;
  }
}

/** Options whose events name a stage, where they do not name one already. */
export function inStage<T extends { onProgress?: (event: ProgressEvent) => void }>(options: T, stage: Stage): T {
  const { onProgress } = options;
  return onProgress ? { ...options, onProgress: (event: ProgressEvent) => onProgress({ stage, ...event }) } : options;
}
