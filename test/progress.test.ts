import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import test from 'ava';
import stringWidth from 'string-width';
import { ProgressDisplay } from '../lib/cli/progress.js';
import { barLine, progressWords } from '../lib/cli/progress_line.js';
import { search } from '../lib/commands/search.js';
import { merge } from '../lib/commands/merge.js';
import { evaluate } from '../lib/commands/evaluate.js';
import { finetune } from '../lib/commands/finetune.js';
import { fisher } from '../lib/commands/fisher.js';
import { COMPARISONS } from '../lib/run/comparison.js';
import { digestFiles } from '../lib/core/file_digest.js';
import { Course, inStage, type PlannedStage } from '../lib/core/course.js';
import type { ProgressEvent } from '../lib/core/progress.js';
import { DemoCourse } from '../lib/demo/course.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace } from './support/workspace.js';

/** A course whose clock goes on by what a test says, and the events that it has told. */
function watched(stages: readonly PlannedStage[]) {
  const told: ProgressEvent[] = [];
  let time = 0;
  const course = new Course(
    (event) => told.push(event),
    () => time,
  );
  course.plan(stages);
  const learn = (trial: number, evaluate: number) => course.learn(trial, { evaluate });
  /** Tells of an event that ends `seconds` of work. */
  const after = (seconds: number, event: ProgressEvent): ProgressEvent => {
    time += 1000 * seconds;
    course.report(event);
    return told[told.length - 1];
  };
  return { told, after, learn };
}

const TRIAL = { phase: 'evaluate', subject: 'a', cost: 100 } as const;
const FINAL = { phase: 'evaluate', subject: 'a', cost: 1000 } as const;
const STAGES: PlannedStage[] = [
  { stage: 'trials', trial: 1, work: [TRIAL] },
  { stage: 'trials', trial: 2, work: [TRIAL] },
  { stage: 'comparison base', work: [{ phase: 'load', cost: 1 }, FINAL] },
  { stage: 'validation', work: [FINAL] },
  { stage: 'writing', work: [{ phase: 'write', cost: 1 }] },
];
const scored = (stage: ProgressEvent['stage'], done: number, trial?: number): ProgressEvent => ({
  stage,
  phase: 'evaluate',
  subject: 'a',
  done,
  total: 2,
  ...(trial === undefined ? {} : { trial }),
});

test('the time left is that of the whole run: comparisons and final evaluations count while trials go on', (t) => {
  const { after } = watched(STAGES);
  const searching = (done: number): ProgressEvent => ({ stage: 'trials', phase: 'search', done, total: 2 });
  t.is(after(0, searching(0)).secondsLeft, undefined);
  t.is(after(0, scored('trials', 0, 1)).secondsLeft, undefined);
  // 50 tokens took 5 s: 2150 are left to be scored, and what a load and a write take is judged by the same speed.
  const left = after(5, scored('trials', 1, 1)).secondsLeft ?? Number.NaN;
  t.true(left >= 215, `${left}`);
  after(5, scored('trials', 2, 1));
  after(0, searching(1));
  after(0, scored('trials', 0, 2));
  after(10, scored('trials', 2, 2));
  const ending = after(0, searching(2));
  t.true((ending.secondsLeft ?? 0) >= 200, `${ending.secondsLeft}`);
  t.true((ending.fraction ?? 1) < 0.15, `${ending.fraction}`);
  after(2, { stage: 'comparison base', phase: 'load', done: 1, total: 1 });
  after(0, scored('comparison base', 0));
  const compared = after(100, scored('comparison base', 2));
  t.true((compared.secondsLeft ?? 0) >= 100);
  after(0, scored('validation', 0));
  after(100, scored('validation', 2));
  const last = after(3, { stage: 'writing', phase: 'write', done: 1, total: 1 });
  t.is(last.secondsLeft, 0);
  t.is(last.fraction, 1);
});

test('reading is a part of the run, and its speed tells nothing of how fast the machine computes', (t) => {
  const reading: PlannedStage = { stage: 'reading', work: [{ phase: 'read', cost: 2 }] };
  const read = (done: number): ProgressEvent => ({ stage: 'reading', phase: 'read', done, total: 100, subject: 'x' });
  const one = watched([reading, ...STAGES]);
  one.after(60, read(0));
  const half = one.after(600, read(50)).fraction ?? 0;
  t.true(half > 0 && half < 1);
  const whole = one.after(600, read(100));
  t.true(Math.abs((whole.fraction ?? 0) - 2 * half) < 1e-12);
  t.is(whole.secondsLeft, undefined);
  one.after(0, scored('trials', 0, 1));
  const left = one.after(5, scored('trials', 1, 1)).secondsLeft;
  // Where the digests are remembered nothing is read, and the bar begins at its beginning.
  const remembered = watched([reading, ...STAGES]);
  t.is(remembered.after(0, scored('trials', 0, 1)).fraction, 0);
  t.is(remembered.after(5, scored('trials', 1, 1)).secondsLeft, left);
});

test('what a stage leaves undone is not waited for, and trials that are stopped early shorten those to come', (t) => {
  const stages = [1, 2, 3].map((trial): PlannedStage => ({ stage: 'trials', trial, work: [TRIAL] }));
  const { after } = watched(stages);
  const searching = (done: number): ProgressEvent => ({ stage: 'trials', phase: 'search', done, total: 3 });
  after(0, searching(0));
  after(0, scored('trials', 0, 1));
  after(10, scored('trials', 1, 1)); // stopped half-way: 50 tokens in 10 s
  t.is(after(0, searching(1)).secondsLeft, 20);
  after(0, searching(2)); // a trial that nothing is known of, as where a run is resumed
  t.is(after(0, searching(3)).secondsLeft, 0);
});

test('a resumed run knows its speed from the trials that were made before', (t) => {
  const { after, learn } = watched(STAGES);
  learn(1, 20);
  const first = after(0, { stage: 'trials', phase: 'search', done: 1, total: 2 });
  // 100 tokens took 20 s, and 2100 are left.
  t.true((first.secondsLeft ?? 0) >= 420, `${first.secondsLeft}`);
  t.true((first.fraction ?? 0) > 0);
});

test('the best so far stays in the events of later stages', (t) => {
  const { after } = watched(STAGES);
  after(0, { ...scored('trials', 2, 1), best: { trial: 1, objective: 0.5 } });
  t.deepEqual(after(0, scored('validation', 0)).best, { trial: 1, objective: 0.5 });
});

test('events that nobody planned and clocks that go back do no harm', (t) => {
  const { after, told } = watched(STAGES);
  after(1, { phase: 'load', done: 3, total: 5, subject: 'x' });
  after(1, scored('test', 1));
  after(-5, scored('trials', 2, 1));
  after(0, { stage: 'validation', phase: 'evaluate', subject: 'a', done: 0, total: 0 });
  after(1, scored('trials', 2, 1));
  checkCourse(told).forEach((wrong) => t.fail(wrong));
  t.pass();
});

test('the stages of the demo are parts of one course', (t) => {
  const told: ProgressEvent[] = [];
  let time = 0;
  const course = new DemoCourse(
    (event) => told.push(event),
    () => time,
  );
  for (const stage of ['pretrain', 'finetune', 'evaluate', 'search'] as const)
    for (let done = 0; done <= 4; done++, time += 1000)
      course.of(stage)({ phase: 'train', done, total: 4, secondsLeft: 0 });
  t.deepEqual(checkCourse(told), []);
  t.is(told[0].secondsLeft, undefined);
  t.true((told[5].secondsLeft ?? 0) > 1, 'the search is to come');
  t.is(told.at(-1)?.fraction, 1);
  t.is(told.at(-1)?.secondsLeft, 0);
});

test('a stage that is named already keeps its name', (t) => {
  const events: ProgressEvent[] = [];
  const outer = inStage({ onProgress: (event: ProgressEvent) => events.push(event) }, 'validation');
  inStage(outer, 'merge').onProgress({ phase: 'merge', done: 1, total: 1 });
  t.is(events[0].stage, 'merge');
});

/** What is wrong with the events of a whole run. */
function checkCourse(events: readonly ProgressEvent[]): string[] {
  const wrong: string[] = [];
  let before = 0;
  for (const event of events) {
    const { fraction = Number.NaN, secondsLeft = 0 } = event;
    if (!(fraction >= before && fraction <= 1)) wrong.push(`fraction ${before}, then ${JSON.stringify(event)}`);
    if (!(secondsLeft >= 0 && secondsLeft < Infinity)) wrong.push(JSON.stringify(event));
    before = Math.max(before, fraction);
  }
  return wrong;
}

test('every command tells how much of the whole run is done, from its stages to 1', async (t) => {
  const space = await makeWorkspace();
  const run = async (call: (onProgress: (event: ProgressEvent) => void) => Promise<unknown>) => {
    const events: ProgressEvent[] = [];
    await call((event) => events.push(event));
    t.deepEqual(checkCourse(events), []);
    t.is(events.at(-1)?.fraction, 1);
    t.is(events.at(-1)?.secondsLeft, 0);
    return { events, stages: [...new Set(events.map(({ stage }) => stage))] };
  };
  const compare = COMPARISONS;
  const out = (name: string) => space.path(name);
  const searched = await run((onProgress) => search(space.recipe, { out: out('s'), compare, onProgress, threads: 1 }));
  t.deepEqual(
    searched.stages.filter((stage) => stage !== 'opening'),
    [
      'reading',
      'trials',
      ...compare.map((name) => `comparison ${name}` as const),
      'merge',
      'validation',
      'test',
      'writing',
    ],
  );
  // Everything that was planned has happened: each stage begins where the one before has ended.
  const begun = searched.events.filter(({ stage }, i) => i > 0 && searched.events[i - 1].stage !== stage);
  t.true(begun.every(({ fraction = 0 }) => fraction < 1));
  const afterTrials = searched.events.findLast(({ phase }) => phase === 'search');
  t.is(afterTrials?.done, 8);
  t.true((afterTrials?.secondsLeft ?? 0) > 0);
  t.truthy(searched.events.at(-1)?.best);

  const once = await space.variant('once.yaml', (text) =>
    text.replace('df_merge', 'gta').replaceAll(/( +)task: .\n/g, '$&$1parameters: { weight: 0.5 }\n'),
  );
  const merged = await run((onProgress) => merge(once, { out: out('m'), onProgress, threads: 1 }));
  t.deepEqual(
    merged.stages.filter((stage) => stage !== 'opening'),
    ['merge', 'validation', 'test', 'writing'],
  );
  const [model, data] = [space.path('models', 'a'), space.path('data', 'a')];
  await run((onProgress) => evaluate({ model, data, onProgress, threads: 1 }));
  const measured = await run((onProgress) =>
    fisher({ model, data, out: out('f.safetensors'), cache: false, onProgress, threads: 1 }),
  );
  t.deepEqual(measured.stages, ['fisher', 'reading', 'writing']);
  await run((onProgress) =>
    finetune({ model, data, out: out('t'), steps: 7, evaluateEvery: 3, batchSize: 4, onProgress, threads: 1 }),
  );
});

const EVENT: ProgressEvent = {
  stage: 'trials',
  phase: 'evaluate',
  subject: 'sst2',
  trial: 7,
  done: 1,
  total: 4,
  fraction: 0.427,
  best: { trial: 4, objective: 0.8123 },
};

test('the bar fits the columns of the terminal, wide characters too', (t) => {
  const state = { event: EVENT, trials: 30, secondsLeft: 80 };
  t.is(
    barLine(state, 120),
    `[${'='.repeat(10)}${' '.repeat(14)}] 42% 1 min 20 s left  trial 7/30 evaluating sst2  best 0.8123 (trial 4)`,
  );
  t.is(barLine(state, 80), '[====      ] 42% 1 min 20 s left  trial 7/30 evaluating sst2  best 0.8123');
  t.is(barLine(state, 40), '[==    ] 42% 1 min 20 s left  trial 7/…');
  for (const subject of ['sst2', '情感分析'.repeat(20), '👩‍👩‍👧'.repeat(30), 'x'.repeat(200)])
    for (let columns = 1; columns < 130; columns++) {
      const line = barLine({ ...state, event: { ...EVENT, subject } }, columns);
      t.true(stringWidth(line) < Math.max(2, columns), `${columns}: ${line}`);
    }
});

/** A terminal of so many columns, and what was written to it. */
function terminal(columns: number) {
  const written: string[] = [];
  const stream = new Writable({
    write: (text: Buffer, _, then) => {
      written.push(text.toString());
      then();
    },
  });
  return { written, stream: Object.assign(stream, { isTTY: true, columns }) as unknown as NodeJS.WriteStream };
}

test('on a terminal one line is drawn again and again, and its time goes on between events', (t) => {
  for (const columns of [80, 40]) {
    const { written, stream } = terminal(columns);
    let time = 0;
    const display = new ProgressDisplay({ quiet: false, stream, now: () => time });
    display.update({ ...EVENT, phase: 'search', total: 30 });
    display.update({ ...EVENT, secondsLeft: 80 });
    t.is(display.secondsLeft, 80);
    time += 30_000;
    t.is(display.secondsLeft, 50);
    display.line('trial 6/30');
    time += 60_000;
    t.is(display.secondsLeft, 0);
    display.stop();
    const bars = written.filter((text) => text.includes('['.concat('=')));
    t.true(bars.some((text) => text.includes('50 s left') && text.includes('trial 7')));
    t.true(bars.every((text) => stringWidth(text) < columns));
    t.false(bars.some((text) => text.includes('\n')));
  }
});

test('without a terminal plain lines say the time left of the whole run', (t) => {
  const { written, stream } = terminal(80);
  const display = new ProgressDisplay({
    quiet: false,
    stream: Object.assign(stream, { isTTY: false }),
    now: () => 1e6,
  });
  display.update({
    stage: 'test',
    phase: 'evaluate',
    subject: 'sst2',
    done: 3,
    total: 9,
    secondsLeft: 80,
    fraction: 0.9,
  });
  t.deepEqual(written, ['final test: evaluating sst2: 3 of 9, 1 min 20 s left\n']);
});

test('a training says its step', (t) => {
  const event: ProgressEvent = { stage: 'training', phase: 'train', done: 3, total: 8 };
  t.is(progressWords(event), 'training, step 4 of 8');
  t.is(progressWords({ ...event, subject: 'sst2', done: 8 }), 'training sst2, step 8 of 8');
  const { written, stream } = terminal(80);
  const lines = { quiet: false, stream: Object.assign(stream, { isTTY: false }), now: () => 1e6 };
  new ProgressDisplay(lines).update(event);
  t.deepEqual(written, ['training, step 4 of 8\n']);
});

test('files that are read before a run count by their bytes', async (t) => {
  const reading: ProgressEvent = {
    stage: 'reading',
    phase: 'read',
    subject: '/x/base/w.safetensors',
    done: 30,
    total: 90,
  };
  const words = `reading 30 of 90 MiB: ${join('base', 'w.safetensors')}`;
  t.is(barLine({ event: { ...reading, fraction: 0.01 } }, 80), `[          ] 1%  ${words}`);
  // A check tells of nothing else, and has no course.
  t.is(barLine({ event: reading }, 80), `[===       ] 33%  ${words}`);
  const { written, stream } = terminal(80);
  const lines = { quiet: false, stream: Object.assign(stream, { isTTY: false }), now: () => 1e6 };
  new ProgressDisplay(lines).update(reading);
  t.deepEqual(written, [`${words}\n`]);
  const events: ProgressEvent[] = [];
  const file = join(await temporaryFolder(), 'weights');
  await writeFile(file, Buffer.alloc(3 * 2 ** 20 + 1));
  await digestFiles([file], { cache: false, onProgress: (event) => events.push(event) });
  t.true(events.every(({ stage, phase, total }) => stage === 'reading' && phase === 'read' && total === 4));
  t.deepEqual([events[0].done, events.at(-1)?.done], [0, 4]);
});

test('the stage says what a final evaluation and a comparison are', (t) => {
  const event: ProgressEvent = { ...EVENT, trial: undefined };
  t.is(progressWords({ ...event, stage: 'comparison base' }), 'comparing base: evaluating sst2');
  t.is(progressWords({ ...event, stage: 'test' }), 'final test: evaluating sst2');
  t.is(progressWords({ stage: 'trials', phase: 'search', done: 6, total: 30 }), 'trial 7/30');
  t.is(progressWords({ stage: 'merge', phase: 'merge', done: 1, total: 2 }), 'final merge');
});
