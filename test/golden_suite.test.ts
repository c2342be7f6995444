// The engine's results on the trained T5s of ../shared/models/mini are compared with PyTorch's, in ../shared/golden/suite.json.
// DFMERGE_WHOLE_SUITE=1 adds the accuracies on the test splits, which would double the time.
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { packRows, type TokenizedRows } from '../lib/engine/batch.js';
import { tokenizeRows, tokenizerOf } from '../lib/tasks/tokenize.js';
import { loadSplit, type SplitName } from '../lib/tasks/rows.js';
import { runMerge } from '../lib/engine/merge.js';
import { Session } from '../lib/engine/session.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { relativeError } from './support/tensors.js';
import { measure, measuredPlan, plainPlan, score } from './support/passes.js';

interface Digest {
  sum: number;
  max: number;
  index: number[];
  value: number[];
}

interface Suite {
  tasks: string[];
  tokens: Record<string, { input: number[]; choices: number[][] }[]>;
  nll: Record<string, Record<string, number[][]>>;
  accuracy: Record<string, Record<string, Record<SplitName, number>>>;
  merges: {
    method: string;
    coefficients: number[];
    fisher: string | null;
    accuracy_first_300_validation: Record<string, number>;
    mean: number;
  }[];
  fisher: Record<string, Digest>;
  fisher_of: { task: string; coefficient: number };
}

const withShared = sharedTest(test);
const FISHER_ROWS = 30;
const TABLE_ROWS = 300;

async function suite(): Promise<Suite> {
  return JSON.parse(await readFile(sharedPath('golden', 'suite.json'), 'utf8')) as Suite;
}

async function open(tasks: readonly string[]): Promise<Session> {
  const folder = (name: string) => sharedPath('models', 'mini', name);
  return Session.open(folder('base'), tasks.map(folder), { threads: 2 });
}

async function rowsOf(model: Session, task: string, split: SplitName): Promise<TokenizedRows> {
  const { rows } = await loadSplit(sharedPath('data', 'suite', task), split, { needLabels: true });
  return tokenizeRows(await tokenizerOf(model), rows);
}

const first = (n: number) => Array.from({ length: n }, (_, i) => i);

/** PyTorch's sums run in another order, so that a row whose two best choices are equal to six digits may go either way. */
const WITHIN = 2;
function sameCount(
  t: ExecutionContext,
  right: number,
  expected: { accuracy: number; rows: number; what: string },
): void {
  const golden = Math.round(expected.accuracy * expected.rows);
  t.log(`${expected.what}: ${right} of ${expected.rows}, PyTorch ${golden}`);
  t.true(Math.abs(right - golden) <= WITHIN, expected.what);
}

const countRight = async (model: Session, rows: TokenizedRows, indices: number[]) => {
  const { accuracy, examples } = await score(model, { rows, indices });
  return Math.round(accuracy * examples);
};

withShared('token ids of the first rows of every task', async (t) => {
  const { tasks, tokens } = await suite();
  const model = await open([]);
  for (const task of tasks) {
    const rows = await rowsOf(model, task, 'validation');
    t.deepEqual(
      tokens[task].map((_, i) => ({ input: [...rows.inputIds[i]], choices: rows.choices[i].map((ids) => [...ids]) })),
      tokens[task],
      task,
    );
  }
  model.close();
});

/** The NLLs of a row's choices, computed from the engine's logits with a sum of exponentials in one order or another. */
async function nllsOfLogits(
  model: Session,
  { rows, row }: { rows: TokenizedRows; row: number },
  sumOfExp: (logits: Float32Array, top: number) => number,
): Promise<number[]> {
  const batch = packRows(rows, [row]);
  const logits = await model.job((engine) => engine.logits(batch));
  const vocabulary = logits.length / batch.labelIds.length;
  const nll = Array.from(batch.labelIds, (label, token) => {
    const line = logits.subarray(token * vocabulary, (token + 1) * vocabulary);
    const top = line.reduce((a, b) => Math.max(a, b));
    return Math.log(sumOfExp(line, top)) + top - line[label];
  });
  return rows.choices[row].map((_, c) =>
    nll.slice(batch.labelOffsets[c], batch.labelOffsets[c + 1]).reduce((a, b) => a + b, 0),
  );
}

/**
 * Sums as PyTorch's log_softmax does in float32, in sixteen lanes over the whole row. The lane that holds the largest term, which is 1, loses
 * every term below half of its last place. That is a sixteenth of what the NLL of a sure answer is made of: 1e-5 where the NLL is 4e-3. The
 * engine's sums keep it.
 */
function sumInSixteenLanes(logits: Float32Array, top: number): number {
  const lanes = new Float32Array(16);
  logits.forEach((value, i) => (lanes[i % 16] += Math.fround(Math.exp(Math.fround(value - top)))));
  for (let width = 8; width >= 1; width /= 2) for (let i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}

const sumInFloat64 = (logits: Float32Array, top: number) =>
  logits.reduce((sum, value) => sum + Math.exp(value - top), 0);

withShared('NLLs of base and children to 1e-4, where PyTorch lost of its sum: summed as it does', async (t) => {
  const { tasks, nll } = await suite();
  const model = await open(tasks);
  let worst = 0;
  let worstOfOurs = 0;
  let summedAnew = 0;
  const off = (actual: readonly number[], expected: readonly number[]) =>
    Math.max(...expected.map((value, c) => Math.abs(actual[c] - value) / value));
  for (const [i, task] of tasks.entries()) {
    const rows = await rowsOf(model, task, 'validation');
    for (const [name, index] of [
      ['base', 0],
      [task, i + 1],
    ] as const) {
      await model.load(index);
      const { results } = await score(model, { rows, indices: first(nll[task][name].length) });
      for (const [row, expected] of nll[task][name].entries()) {
        let actual: readonly number[] = results[row].nll;
        if (off(actual, expected) > 2e-5) {
          const exact = await nllsOfLogits(model, { rows, row }, sumInFloat64);
          worstOfOurs = Math.max(worstOfOurs, ...exact.map((value, c) => Math.abs(results[row].nll[c] - value)));
          actual = await nllsOfLogits(model, { rows, row }, sumInSixteenLanes);
          summedAnew++;
        }
        worst = Math.max(worst, off(actual, expected));
      }
    }
  }
  t.log(
    `worst ${worst.toExponential(1)}; ${summedAnew} rows summed as PyTorch does, ours within ${worstOfOurs.toExponential(1)} of the float64 sums of the same logits`,
  );
  t.true(worst < 1e-4);
  t.true(worstOfOurs < 2e-6);
  model.close();
});

const splits: SplitName[] = process.env.DFMERGE_WHOLE_SUITE === '1' ? ['validation', 'test'] : ['validation'];
for (const split of splits) {
  withShared(`accuracy of base and children on the ${split} splits`, async (t) => {
    const { tasks, accuracy } = await suite();
    const model = await open(tasks);
    for (const [i, task] of tasks.entries()) {
      const rows = await rowsOf(model, task, split);
      for (const [name, index] of [
        ['base', 0],
        [task, i + 1],
      ] as const) {
        await model.load(index);
        const right = await countRight(model, rows, first(rows.labels.length));
        sameCount(t, right, {
          accuracy: accuracy[task][name][split],
          rows: rows.labels.length,
          what: `${name} on ${task}`,
        });
      }
    }
    model.close();
  });
}

withShared(
  'the table of merges: averaging, task arithmetic, GTA, Fisher and DF-Merge at fixed coefficients',
  async (t) => {
    const { tasks, merges } = await suite();
    const model = await open(tasks);
    const rows = await Promise.all(tasks.map((task) => rowsOf(model, task, 'validation')));
    for (const { method, coefficients, fisher, accuracy_first_300_validation: golden } of merges) {
      // This holds for `fisher` too: the table measures its C_i at θ0 + τ_i / M, while METHOD §2 has those of Fisher Merging at θ_i.
      const inputs = rows.map((task) => ({ rows: task, indices: first(FISHER_ROWS) }));
      const plan = fisher === null ? plainPlan() : await measuredPlan(model, inputs);
      await runMerge(model, plan.passes(coefficients), plan);
      for (const [i, task] of tasks.entries()) {
        const right = await countRight(model, rows[i], first(TABLE_ROWS));
        sameCount(t, right, {
          accuracy: golden[task],
          rows: TABLE_ROWS,
          what: `${method} ${coefficients.map((c) => c.toFixed(2)).join(' ')} on ${task}`,
        });
      }
    }
    model.close();
  },
);

withShared('a whole Fisher: sums, maxima and samples', async (t) => {
  const { fisher, fisher_of: of } = await suite();
  const model = await open([of.task]);
  await model.interpolate(1, of.coefficient);
  await measure(
    model,
    { rows: await rowsOf(model, of.task, 'validation'), indices: first(FISHER_ROWS) },
    { mode: 'exact' },
  );
  t.deepEqual(new Set(Object.keys(fisher)), new Set(model.parameters.map(({ name }) => name)));
  const worst = { sum: 0, max: 0, samples: 0 };
  for (const [name, { sum, max, index, value }] of Object.entries(fisher)) {
    const ours = model.engine.parameter('fisher', name);
    // In rows of the embedding that no input touches ε alone, which is part of F, adds up to much of the sum.
    worst.sum = Math.max(worst.sum, Math.abs(ours.reduce((a, b) => a + b, 0) / sum - 1));
    worst.max = Math.max(worst.max, Math.abs(ours.reduce((a, b) => Math.max(a, b)) / max - 1));
    worst.samples = Math.max(
      worst.samples,
      relativeError(
        Float64Array.from(index, (at) => ours[at]),
        value,
      ),
    );
  }
  t.log(`worst relative errors: ${JSON.stringify(worst)}`);
  for (const [what, error] of Object.entries(worst)) t.true(error < 1e-3, what);
  model.close();
});
