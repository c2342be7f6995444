// The loop of a search over parts made here: what it asks, tells, records and repeats.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import type { Session } from '../lib/engine/session.js';
import type { Candidate, Objective, TrialScore } from '../lib/objectives/objective.js';
import type { SearchSettings } from '../lib/recipe/recipe.js';
import { openJournal, type Journal } from '../lib/search/journal.js';
import type { JournalEvent } from '../lib/search/journal_event.js';
import { BayesianProposals, ListedProposals, type Proposals } from '../lib/search/proposals.js';
import { replay } from '../lib/search/replay.js';
import { searchCoefficients } from '../lib/search/search.js';
import { plainPlan } from './support/passes.js';
import { nearbyWeights, openT5, randomWeights, V1_0 } from './support/random_t5.js';
import { temporaryFolder } from './support/tiny_t5.js';

const HEADER = { version: '0.0.0', seed: 1 };

const SETTINGS: SearchSettings = {
  acquisition: 'ei',
  xi: 0.01,
  kappa: 2.576,
  init: 3,
  iterations: 4,
  validationRatio: 1,
  earlyStopping: false,
  earlyStoppingMargin: 0,
  seed: 7,
  optimizer: 'default',
  bounds: [0, 1],
};

/** A base and two models, a journal in a folder of its own. */
async function parts(): Promise<{ session: Session; path: string }> {
  const base = randomWeights(V1_0, 1);
  const session = await openT5(V1_0, [base, nearbyWeights(base, 2), nearbyWeights(base, 3)], { threads: 1 });
  return { session, path: join(await temporaryFolder(), 'journal.jsonl') };
}

/** An objective that is highest at [0.6, 0.2] and notes what it was asked for. */
class Hill implements Objective {
  readonly evaluated: number[] = [];
  readonly recalled: number[] = [];

  evaluate({ trial, coefficients: [x, y] }: Candidate): Promise<TrialScore> {
    this.evaluated.push(trial);
    return Promise.resolve({ objective: 1 - (x - 0.6) ** 2 - (y - 0.2) ** 2, accuracy: {} });
  }

  recall({ trial }: Candidate): void {
    this.recalled.push(trial);
  }
}

function written(path: string): JournalEvent[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.slice(1).map((line) => JSON.parse(line) as JournalEvent);
}

test('a list of points is tried in its order by an objective written in code, which finds the merge in the session', async (t) => {
  const { session } = await parts();
  await session.load(1);
  const models = session.engine.parameter('parameters', 'shared.weight');
  const merged: boolean[] = [];
  const objective: Objective = {
    evaluate: ({ coefficients: [x] }, { report }) => {
      report?.({ phase: 'evaluate', done: 0, total: 1 });
      const values = session.engine.parameter('parameters', 'shared.weight');
      merged.push(values.every((value, i) => Math.abs(value - models[i]) <= 1e-6));
      return Promise.resolve({ objective: x, accuracy: {} });
    },
  };
  const events: (number | undefined)[] = [];
  const found = await searchCoefficients(
    {
      session,
      proposals: new ListedProposals([
        [0.5, 0],
        [1, 0],
        [1, 1],
      ]),
      plan: plainPlan(),
      objective,
    },
    { onProgress: ({ phase, trial }) => phase === 'evaluate' && events.push(trial) },
  );
  t.deepEqual(
    found.trials.map(({ trial, coefficients }) => [trial, ...coefficients]),
    [
      [1, 0.5, 0],
      [2, 1, 0],
      [3, 1, 1],
    ],
  );
  t.deepEqual(merged, [false, true, false], 'θ0 + τ_1 is the first model');
  t.deepEqual(events, [1, 2, 3]);
  t.is(found.best.trial, 2, 'the first of equals');
  session.close();
});

test('a trial that is not finite fails, is not proposed again and not repeated after an interruption', async (t) => {
  const { session, path } = await parts();
  const objective = (log: number[]): Objective => ({
    evaluate: ({ trial, coefficients: [x, y] }) => {
      log.push(trial);
      if (trial === 3) throw new DfMergeError('NUMERIC', 'row 7 scores NaN');
      return Promise.resolve({ objective: trial === 5 ? NaN : x - y, accuracy: {} });
    },
  });
  const run = async (log: number[], iterations: number) => {
    const journal = openJournal(path, HEADER, { resume: true });
    const proposals = new BayesianProposals(2, { ...SETTINGS, iterations });
    const reasons: string[] = [];
    const onFailure = ({ reason }: { reason: string }) => void reasons.push(reason);
    const found = await searchCoefficients(
      { session, proposals, plan: plainPlan(), objective: objective(log), journal },
      { onFailure },
    );
    journal.close();
    t.deepEqual(
      reasons,
      found.failed.map(({ reason }) => reason),
    );
    return found;
  };
  const log: number[] = [];
  const { trials, failed } = await run(log, 4);
  t.deepEqual(log, [1, 2, 3, 4, 5, 6, 7]);
  t.deepEqual(
    trials.map(({ trial }) => trial),
    [1, 2, 4, 6, 7],
  );
  t.deepEqual(
    failed.map(({ trial, reason }) => [trial, reason]),
    [
      [3, 'row 7 scores NaN'],
      [5, 'trial 5: its objective is NaN'],
    ],
  );
  const tried = [...trials, ...failed].map(({ coefficients }) => coefficients.join());
  t.is(new Set(tried).size, 7);
  t.deepEqual(written(path).filter(({ event }) => event === 'failed').length, 2);

  const again: number[] = [];
  const longer = await run(again, 5);
  t.deepEqual(again, [8]);
  t.deepEqual(longer.failed, failed);
  session.close();
});

test('where the first trial fails the search fails, and what was asked is kept', async (t) => {
  const { session, path } = await parts();
  const journal = openJournal(path, HEADER);
  const objective: Objective = { evaluate: () => Promise.reject(new DfMergeError('NUMERIC', 'all is NaN')) };
  const proposals = new ListedProposals([
    [0, 0],
    [1, 1],
  ]);
  await t.throwsAsync(searchCoefficients({ session, proposals, plan: plainPlan(), objective, journal }), {
    code: 'NUMERIC',
  });
  journal.close();
  t.deepEqual(written(path), [{ event: 'asked', trial: 1, coefficients: [0, 0] }]);
  session.close();
});

/** Asks for several candidates before the first is told, as workers would, and writes the same to a journal. */
async function inFlight(proposals: Proposals, journal: Journal): Promise<void> {
  const score = ({ coefficients: [x, y] }: Candidate) => 1 - (x - 0.6) ** 2 - (y - 0.2) ** 2;
  const open = new Map<number, Candidate>();
  const ask = async () => {
    const candidate = (await proposals.ask())!;
    open.set(candidate.trial, candidate);
    journal.append({ event: 'asked', ...candidate });
  };
  const tell = (trial: number) => {
    const candidate = open.get(trial)!;
    const objective = score(candidate);
    proposals.tell(candidate, objective);
    journal.append({ event: 'told', trial, outcome: { objective, accuracy: {} }, seconds: { evaluate: 2 } });
  };
  for (let i = 0; i < 3; i++) await ask();
  tell(2);
  tell(1);
  await ask(); // This is the first that the model of the objective proposes, and trial 3 is pending meanwhile.
  await ask();
  tell(4);
}

for (const optimizer of ['default', 'bayes_opt'] as const) {
  test(`${optimizer}: with several trials in flight a journal brings proposals to where they were, to the bit`, async (t) => {
    const path = join(await temporaryFolder(), 'journal.jsonl');
    const settings = { ...SETTINGS, optimizer };
    const proposals = new BayesianProposals(2, settings);
    const journal = openJournal(path, HEADER);
    await inFlight(proposals, journal);
    journal.close();

    const resumed = new BayesianProposals(2, settings);
    const hill = new Hill();
    const past = replay(
      { proposals: resumed, objective: hill, journal: openJournal(path, HEADER, { resume: true }) },
      {},
    );
    t.deepEqual(hill.recalled, [2, 1, 4], 'in the order in which they ended');
    t.deepEqual(
      past.trials.map(({ trial }) => trial),
      [2, 1, 4],
    );
    t.deepEqual(
      past.inFlight.map(({ trial }) => trial),
      [3, 5],
    );
    t.is(past.seconds.evaluate, 6);
    const next = async (from: Proposals) => [await from.ask(), await from.ask(), await from.ask()];
    const expected = await next(proposals);
    t.is(expected[2], undefined);
    t.deepEqual(await next(resumed), expected);
  });
}

test('what was asked and not told is evaluated first, at the coefficients of the journal', async (t) => {
  const { session, path } = await parts();
  const first = openJournal(path, HEADER);
  await inFlight(new BayesianProposals(2, SETTINGS), first);
  first.close();
  const asked = written(path).flatMap((entry) => (entry.event === 'asked' ? [entry.coefficients] : []));
  const journal = openJournal(path, HEADER, { resume: true });
  const objective = new Hill();
  const proposals = new BayesianProposals(2, SETTINGS);
  const { trials } = await searchCoefficients({ session, proposals, plan: plainPlan(), objective, journal });
  journal.close();
  t.deepEqual(objective.evaluated, [3, 5, 6, 7]);
  t.deepEqual(
    trials.map(({ trial }) => trial),
    [2, 1, 4, 3, 5, 6, 7],
  );
  t.deepEqual(
    [...trials]
      .sort((a, b) => a.trial - b.trial)
      .slice(0, 5)
      .map(({ coefficients }) => coefficients),
    asked,
  );
  session.close();
});
