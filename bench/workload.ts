/**
 * Times the engine's work on random weights of a T5 shape: node dist/bench/workload.js fisher|score TASK --workloads FILE [--shape mini|base|large]
 * [--rows N] [--threads N] [--repeats N]. FILE holds token lengths per task: {TASK: {rows: [{input, choices: [..]}]}}.
 * Prints one JSON line: seconds (best of the repeats after a warm-up), rows, encoder tokens, choices, peak resident memory in MiB.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createModel } from '../lib/create.js';
import { makeBatches, type TokenizedRows } from '../lib/data/batch.js';
import { RandomStream } from '../lib/data/random.js';
import { evaluateRows } from '../lib/evaluate.js';
import { measureFisher } from '../lib/fisher.js';
import { T5Model } from '../lib/model.js';

const SHAPES: Record<string, { dModel: number; dKv: number; dFf: number; layers: number; numHeads: number; vocabSize: number }> = {
  mini: { dModel: 128, dKv: 32, dFf: 512, layers: 3, numHeads: 4, vocabSize: 8192 },
  base: { dModel: 768, dKv: 64, dFf: 3072, layers: 12, numHeads: 12, vocabSize: 32128 },
  large: { dModel: 1024, dKv: 64, dFf: 4096, layers: 24, numHeads: 16, vocabSize: 32128 },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { shape: { type: 'string', default: 'base' }, rows: { type: 'string', default: '30' }, threads: { type: 'string' }, repeats: { type: 'string', default: '2' }, dtype: { type: 'string', default: 'float32' }, 'batch-memory': { type: 'string', default: '256' }, workloads: { type: 'string' } },
});
const [work, task] = positionals;
const shape = SHAPES[values.shape];
if (!['fisher', 'score'].includes(work) || !task || !values.workloads || !shape) throw new Error('usage: workload.js fisher|score TASK --workloads FILE [--shape mini|base|large]');

const lengths = (JSON.parse(readFileSync(values.workloads, 'utf8')) as Record<string, { rows: { input: number; choices: number[] }[] }>)[task].rows.slice(0, Number(values.rows));
const stream = new RandomStream(0, task);
const ids = (n: number) => Int32Array.from({ length: n }, (_, i) => (i === n - 1 ? 1 : 3 + stream.below(shape.vocabSize - 3)));
const rows: TokenizedRows = {
  inputIds: lengths.map(({ input }) => ids(input)),
  choices: lengths.map(({ choices }) => choices.map(ids)),
  labels: new Int32Array(lengths.length),
};
const all = lengths.map((_, i) => i);
const threads = Number(values.threads ?? availableParallelism());
const folder = await mkdtemp(join(tmpdir(), 'dfmerge-bench-'));
const config = {
  model_type: 't5', d_model: shape.dModel, d_kv: shape.dKv, d_ff: shape.dFf, num_layers: shape.layers, num_heads: shape.numHeads, vocab_size: shape.vocabSize,
  feed_forward_proj: 'relu', layer_norm_epsilon: 1e-6, pad_token_id: 0, eos_token_id: 1, decoder_start_token_id: 0,
}; // prettier-ignore
await createModel({ out: join(folder, 'model'), config, seed: 1, threads });
const model = await T5Model.open(join(folder, 'model'), [], { threads, tokenizer: false, batchMemory: Number(values['batch-memory']) * 2 ** 20, dtype: values.dtype as 'float32' | 'bfloat16' });
await model.load(0);
await rm(folder, { recursive: true }); // the mapping keeps the weights
const run = async () => void (work === 'fisher' ? await measureFisher(model, rows, all, { mode: 'exact' }) : await evaluateRows(model, rows, all));
await run();
let seconds = Infinity;
for (let i = 0; i < Number(values.repeats); i++) {
  const start = performance.now();
  await run();
  seconds = Math.min(seconds, (performance.now() - start) / 1000);
}
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
console.log(
  JSON.stringify({
    work, task, shape: values.shape, dtype: values.dtype, threads, rows: all.length,
    encoder_tokens: sum(lengths.map(({ input }) => input)), choices: sum(lengths.map(({ choices }) => choices.length)),
    batches: makeBatches(rows, all, work === 'fisher' ? model.gradientBudget((choices) => choices) : model.scoreBudget()).length,
    seconds: Number(seconds.toFixed(3)), peak_mib: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
); // prettier-ignore
model.close();
