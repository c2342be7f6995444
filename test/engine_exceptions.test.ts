// No exception of any type crosses the boundary between native code and JavaScript: each becomes an error, wherever it is thrown.
import test from 'ava';
import { testing, type Thrown } from '../bindings/testing/index.js';

const { faults } = testing();

const EXPECTED: Record<Thrown, { code: string; message: RegExp }> = {
  error: { code: 'NUMERIC', message: /^an error of the engine$/ },
  'error without message': { code: 'NUMERIC', message: /^$/ },
  bad_alloc: { code: 'IO', message: /^out of memory$/ },
  length_error: { code: 'IO', message: /^a vector too long$/ },
  system_error: { code: 'IO', message: /unavailable/i },
  number: { code: 'IO', message: /for a reason that it cannot name/ },
  text: { code: 'IO', message: /for a reason that it cannot name/ },
};
const KINDS = Object.entries(EXPECTED) as [Thrown, { code: string; message: RegExp }][];

for (const [kind, expected] of KINDS) {
  test(`${kind}: a call throws it as an error with a code`, (t) => {
    t.throws(() => faults.guarded(kind), expected);
  });

  for (const place of ['work', 'item', 'result', 'done'] as const)
    test(`${kind}: a job that meets it in its ${place} rejects, once, with that error`, async (t) => {
      await t.throwsAsync(faults.job(place, kind), expected);
    });

  test(`${kind}: where nothing guards, a call or a constructor still throws an error`, (t) => {
    t.throws(() => faults.unguarded(kind), { instanceOf: Error });
    t.throws(() => new faults.Faulty(kind), { instanceOf: Error });
  });
}

test('a job that meets nothing resolves', async (t) => {
  await t.notThrowsAsync(faults.job('nowhere' as 'work', 'number'));
});
