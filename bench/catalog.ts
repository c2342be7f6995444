import { sum } from '../lib/core/statistics.js';
import {
  fisherFlop,
  matmulFlop,
  MERGE_PASSES,
  scoreFlop,
  trainFlop,
  type MergePart,
  type RowLengths,
} from './flops.js';
import { taskLengths } from './lengths.js';
import { DTYPES, parameterCount, SHAPES, SHORT, weightsOf, type Dtype, type ShapeName } from './shapes.js';
import type { CaseSpec } from './spec.js';

/** The useful work of one run. */
export interface Work {
  gflop?: number;
  gbyte?: number;
  /** Tokens that are generated. */
  tokens?: number;
}

/** A peer's program, and what it is asked to do. The runner adds threads and repeats. */
export interface PeerRequest {
  label: string;
  program: 'torch_t5' | 'ct2_score' | 'ct2_generate' | 'bayes_opt_suggest';
  request: Record<string, unknown>;
}

/** What a case's process is told, without what the runner adds: model folders, reference, threads and repeats. */
export type PlainSpec = CaseSpec extends infer S
  ? S extends CaseSpec
    ? Omit<S, 'threads' | 'repeats' | 'base' | 'child' | 'reference'>
    : never
  : never;

export interface BenchCase {
  name: string;
  /** The heading of the table that it belongs to. */
  group: string;
  dtype: Dtype;
  shape?: ShapeName;
  work: Work;
  spec: PlainSpec;
  /** Whether it is also timed on one thread. */
  scaling?: boolean;
  peers: PeerRequest[];
  /** Whether it belongs to the small part that `--quick` runs. */
  quick: boolean;
  /** Whether it is too long, or too large, for a run without `--full`. */
  full: boolean;
}

const MIB = 2 ** 20;
/** Operands that take this many bytes in all are not held by any cache. */
const UNCACHED = 256 * MIB;
const ITERATION_TASKS = ['paws', 'qasc', 'wiki_qa', 'winogrande'];
const FISHER_INPUTS = 30;
const VALIDATION_SHARE = 0.05;

/** How many rows of each task a Fisher takes, by shape. */
const FISHER_ROWS: Record<ShapeName, Record<string, number>> = {
  mini: { trec: 30, qasc: 30 },
  small: {},
  base: { paws: 6, qasc: 2, wiki_qa: 4, winogrande: 8 },
  large: { paws: 2 },
};
/** How many rows of each task are scored, by shape. */
const SCORE_ROWS: Record<ShapeName, Record<string, number>> = {
  mini: { trec: 500, qasc: 64 },
  small: {},
  base: { paws: 64, qasc: 16, wiki_qa: 32, winogrande: 64 },
  large: { paws: 16 },
};

interface Optional {
  shape?: ShapeName;
  scaling?: boolean;
  peers?: PeerRequest[];
  quick?: boolean;
  full?: boolean;
}

function define(
  name: string,
  parts: Pick<BenchCase, 'group' | 'dtype' | 'work' | 'spec'>,
  options: Optional = {},
): BenchCase {
  return { name, ...parts, peers: [], quick: false, full: false, ...options };
}

/**
 * Every case, in the order in which they run.
 * @param lengths the file of token lengths
 */
export function catalog(lengths: string): BenchCase[] {
  return [
    ...matmuls(),
    ...outers(lengths),
    ...merges(),
    ...passes(lengths),
    ...steps(lengths),
    ...generations(lengths),
    ...others(lengths),
  ];
}

/**
 * How many operands of `floats` elements the calls go round, so that each comes from memory, as in a model that the caches do not hold.
 */
function copies(shape: ShapeName, floats: number): number {
  return Math.max(1, Math.ceil(Math.min(UNCACHED, 4 * parameterCount(SHAPES[shape])) / (4 * floats)));
}

function matmuls(): BenchCase[] {
  const cases: BenchCase[] = [];
  for (const shape of ['base', 'mini'] as const)
    for (const dtype of DTYPES)
      for (const [weight, [n, k]] of Object.entries(weightsOf(SHAPES[shape])))
        for (const m of [16, 128, 512, 2048]) {
          const spec = { kind: 'matmul', m, n, k, dtype, weights: copies(shape, n * k) } as const;
          const parts = {
            group: `Matrix products, T5-${shape}`,
            dtype,
            work: { gflop: matmulFlop(m, n, k) / 1e9 },
            spec,
          };
          cases.push(
            define(`matmul:${shape}:${weight}:${m}:${SHORT[dtype]}`, parts, {
              shape,
              quick: shape === 'base' && weight === 'ff-in' && m === 512,
            }),
          );
        }
  return cases;
}

/** The label tokens of each choice of a batch: 96 segments of one to three rows. */
const LABEL_SEGMENTS = Array.from({ length: 96 }, (_, i) => 1 + (i % 3));

function outers(lengths: string): BenchCase[] {
  const cases: BenchCase[] = [];
  for (const shape of ['base', 'mini'] as const)
    for (const dtype of DTYPES)
      for (const weight of ['attention', 'ff-in'] as const)
        for (const rows of [...(shape === 'base' ? ['paws', 'qasc'] : ['trec', 'qasc']), 'labels']) {
          const [out, width] = weightsOf(SHAPES[shape])[weight];
          const inputs =
            rows === 'labels'
              ? LABEL_SEGMENTS.map((n) => ({ input: n, choices: [0] }))
              : taskLengths(lengths, rows, FISHER_ROWS[shape][rows]).rows;
          const gradientRows = sum(inputs.map(({ input, choices }) => input * choices.length));
          const spec = {
            kind: 'outer',
            out,
            in: width,
            dtype,
            targets: copies(shape, out * width),
            inputs: inputs.map(({ input }) => input),
            choices: inputs.map(({ choices }) => choices.length),
          } as const;
          const parts = {
            group: `Squared outer products, T5-${shape}`,
            dtype,
            work: { gflop: matmulFlop(out, width, gradientRows) / 1e9 },
            spec,
          };
          cases.push(
            define(`outer:${shape}:${weight}:${rows}:${SHORT[dtype]}`, parts, {
              shape,
              quick: shape === 'base' && weight === 'ff-in' && rows === 'paws',
            }),
          );
        }
  return cases;
}

function merges(): BenchCase[] {
  const shape = 'base';
  const floats = parameterCount(SHAPES[shape]);
  return (Object.keys(MERGE_PASSES) as MergePart[]).map((part) => {
    const work = { gbyte: (4 * floats * MERGE_PASSES[part]) / 1e9 };
    return define(
      `merge:${shape}:${part}`,
      { group: 'Merge, float32 files', dtype: 'float32', work, spec: { kind: 'merge', part, shape } },
      { shape },
    );
  });
}

function passes(lengths: string): BenchCase[] {
  const cases: BenchCase[] = [];
  for (const [kind, tables, flop] of [
    ['fisher', FISHER_ROWS, fisherFlop],
    ['score', SCORE_ROWS, scoreFlop],
  ] as const)
    for (const shape of Object.keys(tables) as ShapeName[])
      for (const [task, rows] of Object.entries(tables[shape]))
        for (const dtype of DTYPES) {
          const table = taskLengths(lengths, task, rows).rows;
          const spec = { kind, shape, dtype, lengths, task, rows } as const;
          const parts = {
            group: kind === 'fisher' ? 'Exact Fisher' : 'Scoring',
            dtype,
            work: { gflop: flop(SHAPES[shape], table) / 1e9 },
            spec,
          };
          const scaling = (shape === 'base' && task === 'paws') || (shape === 'mini' && task === 'trec');
          const options = {
            shape,
            scaling,
            peers: BESIDE_PEERS.includes(task) ? passPeers(kind, { shape, dtype, rows: table }) : [],
            quick: shape === 'mini' && task === 'trec',
            full: shape === 'large',
          };
          cases.push(define(`${kind}:${shape}:${task}:${rows}:${SHORT[dtype]}`, parts, options));
        }
  return cases;
}

/** Peers take minutes, so that they only do these tasks, which stand for short and long inputs and for few and many choices. */
const BESIDE_PEERS = ['paws', 'qasc', 'trec'];

interface PeerWork {
  shape: ShapeName;
  dtype: Dtype;
  rows: readonly RowLengths[];
}

function passPeers(work: 'fisher' | 'score' | 'train', { shape, dtype, rows }: PeerWork): PeerRequest[] {
  const torch = (peerDtype: Dtype): PeerRequest => ({
    label: `PyTorch ${SHORT[peerDtype]}`,
    program: 'torch_t5',
    request: { work, shape: SHAPES[shape], dtype: peerDtype, rows },
  });
  const ctranslate2 = (type: string): PeerRequest => ({
    label: `CTranslate2 ${type}`,
    program: 'ct2_score',
    request: { shape: SHAPES[shape], type, rows },
  });
  if (work === 'score') return [torch(dtype), ctranslate2(dtype === 'bfloat16' ? 'int8' : dtype)];
  return [torch(dtype)];
}

function steps(lengths: string): BenchCase[] {
  const cases: BenchCase[] = [];
  for (const [shape, task, rows] of [
    ['base', 'paws', 16],
    ['mini', 'trec', 64],
  ] as const)
    for (const dtype of DTYPES) {
      const table = taskLengths(lengths, task, rows).rows;
      const spec = { kind: 'train', shape, dtype, lengths, task, rows } as const;
      const parts = { group: 'Fine-tuning step', dtype, work: { gflop: trainFlop(SHAPES[shape], table) / 1e9 }, spec };
      cases.push(
        define(`train:${shape}:${task}:${rows}:${SHORT[dtype]}`, parts, {
          shape,
          peers: passPeers('train', { shape, dtype, rows: table }),
        }),
      );
    }
  return cases;
}

/** How many tokens every sequence gets. */
const NEW_TOKENS = 32;

function generations(lengths: string): BenchCase[] {
  const [shape, dtype, task, newTokens] = ['small', 'float32', 'paws', NEW_TOKENS] as const;
  return [
    [1, 1],
    [8, 1],
    [32, 1],
    [8, 4],
  ].map(([rows, beams]) => {
    const generated = `generated-${rows}-${beams}.json`;
    const spec = { kind: 'generate', shape, dtype, lengths, task, rows, beams, newTokens, generated } as const;
    const parts = { group: 'Generation', dtype, work: { tokens: rows * newTokens }, spec };
    const request = { model: `${shape}-base`, type: dtype, generated, beams, newTokens };
    return define(
      `generate:${shape}:${task}:${rows}:${beams === 1 ? 'greedy' : `${beams}-beams`}:${SHORT[dtype]}`,
      parts,
      {
        shape,
        peers: [{ label: `CTranslate2 ${dtype}`, program: 'ct2_generate', request }],
      },
    );
  });
}

function others(lengths: string): BenchCase[] {
  const cases: BenchCase[] = [];
  const dtype = 'float32';
  for (const points of [60, 10]) {
    const request = { points, dimensions: 6 };
    const parts = {
      group: 'Suggestion of the Bayesian optimiser',
      dtype,
      work: {},
      spec: { kind: 'suggest', ...request },
    } as const;
    cases.push(
      define(`suggest:${points}x6`, parts, {
        peers: [{ label: 'bayes_opt', program: 'bayes_opt_suggest', request }],
        quick: points === 60,
      }),
    );
  }
  for (const cold of [false, true]) {
    const work = { gbyte: (2 * 4 * parameterCount(SHAPES.base)) / 1e9 }; // Bytes are read from the file and written to memory.
    cases.push(
      define(
        `load:base:${cold ? 'disk' : 'cached'}`,
        { group: 'Loading a checkpoint', dtype, work, spec: { kind: 'load', shape: 'base', cold } },
        { shape: 'base' },
      ),
    );
  }
  for (const shape of ['mini', 'base'] as const)
    for (const dtype of DTYPES) cases.push(iteration(lengths, shape, dtype));
  for (const shape of ['base', 'large'] as const) for (const dtype of DTYPES) cases.push(memory(lengths, shape, dtype));
  return cases;
}

function memory(lengths: string, shape: ShapeName, dtype: Dtype): BenchCase {
  const spec = { kind: 'memory', shape, dtype, lengths, task: 'paws', rows: 16, models: 6 } as const;
  return define(
    `memory:${shape}:${SHORT[dtype]}`,
    { group: 'Memory: six models, one Fisher, merge and scoring', dtype, work: {}, spec },
    { shape, full: true },
  );
}

function iteration(lengths: string, shape: ShapeName, dtype: Dtype): BenchCase {
  const tasks = ITERATION_TASKS.map((task) => {
    const { count, rows } = taskLengths(lengths, task);
    const scoreRows = Math.ceil(count * VALIDATION_SHARE);
    if (rows.length < Math.max(scoreRows, FISHER_INPUTS))
      throw new Error(`${lengths}: ${task} has ${rows.length} rows, ${Math.max(scoreRows, FISHER_INPUTS)} are needed`);
    return { task, fisherRows: FISHER_INPUTS, scoreRows, rows };
  });
  let flop = 0;
  for (const { rows, fisherRows, scoreRows } of tasks)
    flop += fisherFlop(SHAPES[shape], rows.slice(0, fisherRows)) + scoreFlop(SHAPES[shape], rows.slice(0, scoreRows));
  const passes = tasks.length * (MERGE_PASSES.interpolate + MERGE_PASSES.fold) + MERGE_PASSES.finish;
  const work = { gflop: flop / 1e9, gbyte: (4 * parameterCount(SHAPES[shape]) * passes) / 1e9 };
  const spec = {
    kind: 'iteration',
    shape,
    dtype,
    lengths,
    tasks: tasks.map(({ task, fisherRows, scoreRows }) => ({ task, fisherRows, scoreRows })),
  } as const;
  const group = `One iteration: ${ITERATION_TASKS.join(', ')}; ${FISHER_INPUTS} Fisher inputs each, ${100 * VALIDATION_SHARE} % of validation`;
  return define(
    `iteration:${shape}:${SHORT[dtype]}`,
    { group, dtype, work, spec },
    { shape, quick: shape === 'mini', full: shape !== 'mini' },
  );
}
