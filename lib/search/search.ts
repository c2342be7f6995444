import { DfMergeError } from '../core/errors.js';
import { checkAborted, type ProgressEvent, type RunOptions } from '../core/progress.js';
import { Pace } from '../core/pace.js';
import { sumOfSeconds, timed, totalSeconds, type Phase, type Seconds } from '../core/timing.js';
import { runMerge, type MergePlan } from '../engine/merge.js';
import type { Session } from '../engine/session.js';
import type { Candidate, Objective } from '../objectives/objective.js';
import type { Journal, JournalOfPart } from './journal.js';
import type { Proposals } from './proposals.js';
import { replay } from './replay.js';
import { better, type FailedTrial, type SearchEvents, type TrialOutcome, type TrialRecord } from './trial.js';

/** What a search is made of. */
export interface SearchParts {
  /** The base and the models; it holds the merge of one candidate at a time. */
  session: Session;
  /** Which candidates are tried. */
  proposals: Proposals;
  /** How a candidate's models are merged. */
  plan: MergePlan;
  /** How good the merge is. */
  objective: Objective;
  /** Without one nothing is kept, and an interrupted search begins anew. */
  journal?: Journal | JournalOfPart;
}

/** What a search found. */
export interface SearchResult {
  /** The trials with a score, in the order in which they ended. */
  trials: TrialRecord[];
  /** Trials without a score; mostly there are none. */
  failed: FailedTrial[];
  /** The first of the best trials. A stopped trial is never it. */
  best: TrialRecord;
  /** Wall seconds of all trials, those read back included. */
  seconds: Record<Phase, number>;
}

/**
 * Looks for the coefficients λ whose merge has the highest objective (paper, section 3): ask for a candidate, merge there, evaluate the
 * merge, tell what came of it. With the plan of DF-Merge a merge moves θ to θ0 + λ_i τ_i for each model i, measures F_i there and folds it
 * in, and ends with θ = θ0 + M Σ F_i λ_i τ_i / Σ F_i.
 *
 * Each step is on the disk before the next begins. A search that was killed goes on from its journal: what was told is told again, and what
 * was asked and not told is evaluated again, at the recorded coefficients. A trial whose merge or score is not finite is recorded as failed;
 * where no trial has had a score yet, the fault lies in the models rather than in the coefficients, and the error ends the search.
 * Errors: NUMERIC where the first trial fails; INVALID_RECIPE where there are no trials; those of the parts.
 */
export async function searchCoefficients(parts: SearchParts, options: SearchEvents = {}): Promise<SearchResult> {
  const { session, proposals, plan, objective, journal } = parts;
  const { trials, failed, inFlight, ...past } = replay(parts, options);
  const pace = new Pace(options.signal);
  let { best } = past;
  const spent: Seconds[] = [past.seconds];
  for (;;) {
    checkAborted(options.signal);
    const tell = (event: ProgressEvent) => options.onProgress?.({ ...event, ...(best ? { best: ofBest(best) } : {}) });
    tell({ phase: 'search', done: trials.length + failed.length, total: proposals.total });
    const asked = await timed(async () => inFlight.shift() ?? (await ask(parts, pace)));
    const candidate = asked.value;
    if (!candidate) break;
    const { trial, coefficients } = candidate;
    const run: RunOptions = { ...options, onProgress: (event) => tell({ ...event, trial }) };
    run.onProgress?.({ phase: 'suggest', done: 1, total: 1 });
    const seconds: Seconds = { suggest: asked.seconds };
    spent.push(seconds);
    let outcome: TrialOutcome;
    try {
      const merged = await runMerge(session, plan.passes(coefficients), { ...run, fishers: plan.fishers });
      Object.assign(seconds, merged.seconds);
      const context = { signal: run.signal, report: run.onProgress };
      const evaluated = await timed(() => objective.evaluate(candidate, context));
      seconds.evaluate = evaluated.seconds;
      checkFinite(trial, evaluated.value.objective);
      outcome = { ...evaluated.value, ...(merged.skipped ? { skipped: merged.skipped } : {}) };
    } catch (error) {
      if (!best || !(error instanceof DfMergeError) || error.code !== 'NUMERIC') throw error;
      journal?.append({ event: 'failed', trial, reason: error.message, seconds });
      proposals.failed(candidate);
      failed.push({ trial, coefficients, reason: error.message });
      options.onFailure?.(failed[failed.length - 1]);
      continue;
    }
    journal?.append({ event: 'told', trial, outcome, seconds });
    proposals.tell(candidate, outcome.objective);
    const record: TrialRecord = { trial, coefficients, ...outcome };
    trials.push(record);
    best = better(record, best);
    options.onTrial?.(record, best, totalSeconds(seconds));
  }
  if (!best) throw new DfMergeError('INVALID_RECIPE', 'a search needs at least one trial');
  return { trials, failed, best, seconds: sumOfSeconds(spent) };
}

function ofBest({ trial, objective }: TrialRecord): ProgressEvent['best'] {
  return { trial, objective };
}

/** The next candidate, which is on the disk before anything is done for it. */
async function ask({ proposals, journal }: SearchParts, pace: Pace): Promise<Candidate | undefined> {
  const candidate = await proposals.ask(pace);
  if (candidate) journal?.append({ event: 'asked', ...candidate });
  return candidate;
}

/** An objective may be written by anyone, and NaN would neither be kept by JSON nor be ranked by the proposals. */
function checkFinite(trial: number, objective: number): void {
  if (!Number.isFinite(objective)) throw new DfMergeError('NUMERIC', `trial ${trial}: its objective is ${objective}`);
}
