import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { check } from '../lib/commands/check.js';
import { evaluate } from '../lib/commands/evaluate.js';
import { finetune } from '../lib/commands/finetune.js';
import { fisher } from '../lib/commands/fisher.js';
import { merge } from '../lib/commands/merge.js';
import { search } from '../lib/commands/search.js';
import { Pace } from '../lib/core/pace.js';
import { demo } from '../lib/demo/demo.js';
import { recipeForMerge, recipeForSearch } from '../lib/recipe/read.js';
import { TINY } from './support/tiny_plan.js';
import { temporaryFolder } from './support/tiny_t5.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

interface Options {
  signal: AbortSignal;
  cache: string;
  out: string;
}

const COMMANDS: Record<string, (space: Workspace, options: Options) => Promise<unknown>> = {
  evaluate: (space, { signal, cache }) => evaluate({ ...inputs(space), signal, cache }),
  fisher: (space, options) => fisher({ ...inputs(space), samples: 2, ...options }),
  finetune: (space, options) => finetune({ ...inputs(space), steps: 1, learningRate: 0.1, batchSize: 1, ...options }),
  search: (space, options) => search(recipeForSearch(space.recipe), options),
  check: (space, { signal, cache }) => check(space.recipe, { signal, cache, time: false }),
  demo: (_, { signal, out }) => demo({ signal, out, plan: TINY }),
  merge: async (space, options) => {
    const weighted = await space.variant('weighted.yaml', (text) =>
      text
        .replace('task: a', 'task: a\n    parameters: { weight: 0.3 }')
        .replace('task: b', 'task: b\n    parameters: { weight: 0.8 }'),
    );
    return merge(recipeForMerge(weighted), options);
  },
};

const inputs = (space: Workspace) => ({ model: space.path('models', 'a'), data: space.path('data', 'a') });

/** Aborts at the given rest of whatever is worked off in slices, where every slice is over at once. Restored by what it returns. */
function abortAtRest(
  number: number,
  controller: AbortController,
  reason: Error,
): { rests: () => number; end: () => void } {
  const proto = Object.getOwnPropertyDescriptors(Pace.prototype);
  const rest = proto.rest.value as (this: Pace) => Promise<void>;
  let rests = 0;
  Object.defineProperty(Pace.prototype, 'isOver', { configurable: true, get: () => true });
  Pace.prototype.rest = function (this: Pace): Promise<void> {
    if (++rests === number) controller.abort(reason);
    return rest.call(this);
  };
  return { rests: () => rests, end: () => Object.defineProperties(Pace.prototype, proto) };
}

for (const [name, command] of Object.entries(COMMANDS)) {
  for (const at of [2, 12]) {
    test.serial(`${name} that is aborted at slice ${at} of its data ends there with the reason`, async (t) => {
      t.timeout(120_000);
      const space = await makeWorkspace();
      const cache = await temporaryFolder();
      const out = join(await temporaryFolder(), 'out');
      const controller = new AbortController();
      const reason = new Error('enough');
      const pace = abortAtRest(at, controller, reason);
      try {
        const error = await t.throwsAsync(command(space, { signal: controller.signal, cache, out }));
        t.is(error, reason);
      } finally {
        pace.end();
      }
      t.is(pace.rests(), at);
      t.deepEqual(
        (await readdir(cache)).filter((file) => file.endsWith('.rows')),
        [],
      );
      t.false(existsSync(join(out, 'config.json')));
    });
  }
}
