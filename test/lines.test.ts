import { Readable } from 'node:stream';
import test from 'ava';
import { DfMergeError } from '../lib/core/errors.js';
import { lineGroups, type Line } from '../lib/core/lines.js';

/** The groups that chunks of bytes give, and what was thrown at their end. */
async function groupsOf<T = Line>(
  chunks: Iterable<string | Buffer>,
  options: { most?: number; signal?: AbortSignal; read?: (line: Line) => T | undefined } = {},
): Promise<{ groups: T[][]; error?: unknown; destroyed: boolean }> {
  const stream = Readable.from(Array.from(chunks, (chunk) => Buffer.from(chunk)));
  const { most = 100, signal, read = (line: Line) => line as T } = options;
  const groups: T[][] = [];
  try {
    for await (const group of lineGroups(stream, { name: 'in.txt', most, signal, read })) groups.push(group);
    return { groups, destroyed: stream.destroyed };
  } catch (error) {
    return { groups, error, destroyed: stream.destroyed };
  }
}

const texts = (groups: Line[][]) => groups.map((group) => group.map(({ text }) => text));

test('lines that came together are a group, whatever the chunks cut', async (t) => {
  const { groups } = await groupsOf(['one\ntwo\nth', 'ree\n', '', 'fo', 'ur', '\n\nlast']);
  t.deepEqual(texts(groups), [['one', 'two'], ['three'], ['four', ''], ['last']]);
  t.deepEqual(
    groups.flat().map(({ number }) => number),
    [1, 2, 3, 4, 5, 6],
  );
});

test('a group has no more lines than it may', async (t) => {
  const { groups } = await groupsOf(['1\n2\n3\n4\n5\n', '6\n'], { most: 2 });
  t.deepEqual(texts(groups), [['1', '2'], ['3', '4'], ['5'], ['6']]);
});

test('characters may be cut by chunks; a byte-order mark, CRLF and a missing last end are tolerated', async (t) => {
  const bytes = Buffer.from('\uFEFFä€\r\n\uFEFFx\r\n\r\n😀');
  const { groups } = await groupsOf(Array.from(bytes, (byte) => Buffer.of(byte)));
  t.deepEqual(texts(groups).flat(), ['ä€', '\uFEFFx', '', '😀']);
  t.deepEqual((await groupsOf([])).groups, []);
  t.deepEqual(texts((await groupsOf(['\n'])).groups), [['']]);
});

test('what is wrong with a line is told with its number, after the lines before it', async (t) => {
  const { groups, error, destroyed } = await groupsOf(['a\nb\n', Buffer.from([0x63, 0x0a, 0xff, 0x0a, 0x64, 0x0a])]);
  t.deepEqual(texts(groups), [['a', 'b'], ['c']]);
  t.like(error, { code: 'INVALID_DATA', message: 'in.txt:4: not UTF-8' });
  t.true(destroyed);
  const refusing = await groupsOf(['1\n2\n3\n'], {
    read: ({ text }) => {
      if (text === '3') throw new DfMergeError('INVALID_DATA', 'no three');
      return Number(text);
    },
  });
  t.deepEqual(refusing.groups, [[1, 2]]);
  t.like(refusing.error, { message: 'no three' });
});

test('what read makes nothing of is passed over', async (t) => {
  const { groups } = await groupsOf(['a\n\nb\n', '\n', 'c'], { read: ({ text }) => text || undefined });
  t.deepEqual(groups, [['a', 'b'], ['c']]);
});

test('a line without end is refused before it fills the memory', async (t) => {
  const chunk = Buffer.alloc(2 ** 20, 'x');
  let made = 0;
  function* endless(): Generator<Buffer> {
    for (;;) {
      made++;
      yield chunk;
    }
  }
  const stream = Readable.from(endless());
  const error = await t.throwsAsync(async () => {
    for await (const group of lineGroups(stream, { name: 'in.txt', most: 9, read: (line) => line }))
      t.fail(`${group.length} lines`);
  });
  t.like(error, { code: 'INVALID_DATA', message: 'in.txt:1: over 64 MiB long' });
  t.true(made < 100);
});

test('a signal ends the waiting for a line that never comes, and whoever stops reading ends the stream', async (t) => {
  const controller = new AbortController();
  const stream = new Readable({ read: () => undefined });
  stream.push('first\n');
  const reason = new Error('enough');
  const seen: string[] = [];
  const error = await t.throwsAsync(async () => {
    for await (const group of lineGroups(stream, {
      name: 'x',
      most: 9,
      signal: controller.signal,
      read: ({ text }) => text,
    })) {
      seen.push(...group);
      setImmediate(() => controller.abort(reason));
    }
  });
  t.is(error, reason);
  t.deepEqual(seen, ['first']);
  t.true(stream.destroyed);
  const other = Readable.from([Buffer.from('a\nb\n'), Buffer.from('c\n')]);
  for await (const group of lineGroups(other, { name: 'x', most: 1, read: ({ text }) => text })) {
    t.deepEqual(group, ['a']);
    break;
  }
  t.true(other.destroyed);
});

test('no more is read than what is worked on needs', async (t) => {
  let made = 0;
  function* endless(): Generator<Buffer> {
    for (;;) yield Buffer.from(`${made++}\n`.repeat(10));
  }
  const seen: string[] = [];
  for await (const group of lineGroups(Readable.from(endless()), { name: 'x', most: 5, read: ({ text }) => text })) {
    seen.push(...group);
    await new Promise((resolve) => setTimeout(resolve, 2)); // Time enough to read ahead, if anything did.
    if (seen.length >= 200) break;
  }
  t.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, i) => String(Math.floor(i / 10))),
  );
  t.true(made < 60, `${made} chunks were made for 20`);
});
