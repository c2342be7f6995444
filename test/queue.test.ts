import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { Queue } from '../lib/core/queue.js';

/** Work that begins at once, says so, and ends when it is told to. */
function manual(name: string, seen: string[]): { work: () => Promise<string>; end: () => void } {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const work = async (): Promise<string> => {
    seen.push(`${name} begins`);
    await ended;
    seen.push(`${name} ends`);
    return name;
  };
  return { work, end: () => end() };
}

test('one piece of work is done at a time, in the order in which they came', async (t) => {
  const queue = new Queue();
  const seen: string[] = [];
  const pieces = ['a', 'b', 'c'].map((name) => manual(name, seen));
  const runs = pieces.map(({ work }) => queue.run(work));
  t.is(queue.waiting, 2);
  for (const { end } of pieces.toReversed()) end();
  t.deepEqual(await Promise.all(runs), ['a', 'b', 'c']);
  t.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('work that fails hands the turn on, and what it threw goes to its caller alone', async (t) => {
  const queue = new Queue();
  const failing = queue.run(() => Promise.reject(new Error('broken')));
  const after = queue.run(() => 2);
  await t.throwsAsync(failing, { message: 'broken' });
  t.is(await after, 2);
  t.is(await queue.run(() => 3), 3);
});

test('a signal that fires takes waiting work out of the queue at once, and leaves no listener behind', async (t) => {
  const queue = new Queue();
  const seen: string[] = [];
  const first = manual('first', seen);
  const last = manual('last', seen);
  const controller = new AbortController();
  const running = queue.run(first.work);
  const aborted = queue.run(manual('aborted', seen).work, controller.signal);
  const waiting = queue.run(last.work, new AbortController().signal);
  const reason = new Error('not any more');
  controller.abort(reason);
  t.is(await aborted.catch((error: unknown) => error), reason);
  t.is(queue.waiting, 1);
  t.deepEqual(seen, ['first begins']);
  first.end();
  last.end();
  await Promise.all([running, waiting]);
  t.deepEqual(seen, ['first begins', 'first ends', 'last begins', 'last ends']);
  t.deepEqual(getEventListeners(controller.signal, 'abort'), []);
});

test('a signal that has fired before begins nothing, and one that fires after work began is the work’s own affair', async (t) => {
  const queue = new Queue();
  let begun = 0;
  await t.throwsAsync(
    queue.run(() => begun++, AbortSignal.abort(new Error('too late'))),
    { message: 'too late' },
  );
  t.is(begun, 0);
  const controller = new AbortController();
  const seen: string[] = [];
  const { work, end } = manual('a', seen);
  const running = queue.run(work, controller.signal);
  const next = manual('b', seen);
  const waited = queue.run(next.work, controller.signal);
  end();
  await running;
  await setImmediate();
  controller.abort(new Error('during b'));
  next.end();
  t.is(await waited, 'b');
});
