// The trained T5s of ../shared/models/mini against what PyTorch measured with them (../shared/golden/suite.json).
// DFMERGE_WHOLE_SUITE=1 adds the accuracies on the test splits, which would double the time.
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { tokenizeRows, type TokenizedRows } from '../lib/data/batch.js';
import { loadSplit, type SplitName } from '../lib/data/task.js';
import { evaluateRows } from '../lib/evaluate.js';
import { measureFisher } from '../lib/fisher.js';
import { mergeModels } from '../lib/merge.js';
import { T5Model } from '../lib/model.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { relativeError } from './support/tensors.js';

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
  merges: { method: string; coefficients: number[]; fisher: string | null; accuracy_first_300_validation: Record<string, number>; mean: number }[];
  fisher: Record<string, Digest>;
  fisher_of: { task: string; coefficient: number };
}

const withShared = sharedTest(test);
const FISHER_ROWS = 30;
const TABLE_ROWS = 300;

async function suite(): Promise<Suite> {
  return JSON.parse(await readFile(sharedPath('golden', 'suite.json'), 'utf8')) as Suite;
}

async function open(tasks: readonly string[]): Promise<T5Model> {
  const folder = (name: string) => sharedPath('models', 'mini', name);
  return T5Model.open(folder('base'), tasks.map(folder), { threads: 2 });
}

async function rowsOf(model: T5Model, task: string, split: SplitName): Promise<TokenizedRows> {
  const { rows } = await loadSplit(sharedPath('data', 'suite', task), split, { needLabels: true });
  return tokenizeRows(model.requireTokenizer(), rows);
}

const first = (n: number) => Array.from({ length: n }, (_, i) => i);

/** PyTorch's sums run in another order: a row whose two best choices are equal to six digits may go either way. */
const WITHIN = 2;
function sameCount(t: ExecutionContext, right: number, expected: { accuracy: number; rows: number; what: string }): void {
  const golden = Math.round(expected.accuracy * expected.rows);
  t.log(`${expected.what}: ${right} of ${expected.rows}, PyTorch ${golden}`);
  t.true(Math.abs(right - golden) <= WITHIN, expected.what);
}

const countRight = async (model: T5Model, rows: TokenizedRows, indices: number[]) => {
  const { accuracy, examples } = await evaluateRows(model, rows, indices);
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

withShared('NLLs of base and children to 1e-4', async (t) => {
  const { tasks, nll } = await suite();
  const model = await open(tasks);
  let worst = 0;
  for (const [i, task] of tasks.entries()) {
    const rows = await rowsOf(model, task, 'validation');
    for (const [name, index] of [['base', 0], [task, i + 1]] as const) { // prettier-ignore
      await model.load(index);
      const { results } = await evaluateRows(model, rows, first(nll[task][name].length));
      for (const [row, expected] of nll[task][name].entries()) worst = Math.max(worst, ...expected.map((value, c) => Math.abs(results[row].nll[c] - value) / value));
    }
  }
  t.log(`worst ${worst.toExponential(1)}`);
  t.true(worst < 1e-4);
  model.close();
});

const splits: SplitName[] = process.env.DFMERGE_WHOLE_SUITE === '1' ? ['validation', 'test'] : ['validation'];
for (const split of splits) {
  withShared(`accuracy of base and children on the ${split} splits`, async (t) => {
    const { tasks, accuracy } = await suite();
    const model = await open(tasks);
    for (const [i, task] of tasks.entries()) {
      const rows = await rowsOf(model, task, split);
      for (const [name, index] of [['base', 0], [task, i + 1]] as const) { // prettier-ignore
        await model.load(index);
        const right = await countRight(model, rows, first(rows.labels.length));
        sameCount(t, right, { accuracy: accuracy[task][name][split], rows: rows.labels.length, what: `${name} on ${task}` });
      }
    }
    model.close();
  });
}

withShared('the table of merges: averaging, task arithmetic, GTA, Fisher and DF-Merge at fixed coefficients', async (t) => {
  const { tasks, merges } = await suite();
  const model = await open(tasks);
  const rows = await Promise.all(tasks.map((task) => rowsOf(model, task, 'validation')));
  for (const { method, coefficients, fisher, accuracy_first_300_validation: golden } of merges) {
    // Also for `fisher`: the table measures its C_i at θ0 + τ_i / M, unlike METHOD §2, where Fisher Merging has them at θ_i.
    const measure = async (i: number) => {
      await model.interpolate(i, coefficients[i - 1]);
      await measureFisher(model, rows[i - 1], first(FISHER_ROWS), { mode: 'exact' });
    };
    await mergeModels(model, coefficients, fisher === null ? null : measure);
    for (const [i, task] of tasks.entries()) {
      const right = await countRight(model, rows[i], first(TABLE_ROWS));
      sameCount(t, right, { accuracy: golden[task], rows: TABLE_ROWS, what: `${method} ${coefficients.map((c) => c.toFixed(2)).join(' ')} on ${task}` });
    }
  }
  model.close();
});

withShared('a whole Fisher: sums, maxima and samples', async (t) => {
  const { fisher, fisher_of: of } = await suite();
  const model = await open([of.task]);
  await model.interpolate(1, of.coefficient);
  await measureFisher(model, await rowsOf(model, of.task, 'validation'), first(FISHER_ROWS), { mode: 'exact' });
  t.deepEqual(new Set(Object.keys(fisher)), new Set(model.parameters.map(({ name }) => name)));
  const worst = { sum: 0, max: 0, samples: 0 };
  for (const [name, { sum, max, index, value }] of Object.entries(fisher)) {
    const ours = model.engine.parameter('fisher', name);
    // ε alone adds up to much of the embedding's sum of rows that no input touches; it is part of F.
    worst.sum = Math.max(worst.sum, Math.abs(ours.reduce((a, b) => a + b, 0) / sum - 1));
    worst.max = Math.max(worst.max, Math.abs(ours.reduce((a, b) => Math.max(a, b)) / max - 1));
    worst.samples = Math.max(worst.samples, relativeError(Float64Array.from(index, (at) => ours[at]), value));
  }
  t.log(`worst relative errors: ${JSON.stringify(worst)}`);
  for (const [what, error] of Object.entries(worst)) t.true(error < 1e-3, what);
  model.close();
});
