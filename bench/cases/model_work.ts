import { readFile, writeFile } from 'node:fs/promises';
import { native } from '../../bindings/index.js';
import type { TokenizedRows } from '../../lib/engine/batch.js';
import { evaluateRows, scoringRows } from '../../lib/engine/evaluate.js';
import { fisherInputs, measureFisher } from '../../lib/engine/fisher.js';
import type { Session } from '../../lib/engine/session.js';
import { train } from '../../lib/engine/train.js';
import { randomRows, taskLengths } from '../lengths.js';
import { SHAPES } from '../shapes.js';
import type { CaseResult, Check, ReferenceSpec, WorkSpec } from '../spec.js';
import { MemoryWatch } from './memory_watch.js';
import { openModel } from './open_model.js';
import { compareProbes, probe, probedRow, type Probe } from './probe.js';
import { timed } from './timed.js';

interface Reference extends Probe {
  isa: string;
}

/** Checks the work against the reference's numbers, and times a Fisher, a scoring pass or training steps on the first rows of a task. */
export async function timeWork(spec: WorkSpec): Promise<CaseResult> {
  const { vocabSize } = SHAPES[spec.shape];
  const rows = randomRows(taskLengths(spec.lengths, spec.task, spec.rows).rows, vocabSize, spec.task);
  const session = await openModel(spec, { dtype: spec.dtype });
  try {
    await session.load(0);
    const check = await checked(session, spec);
    return {
      ...(await (spec.kind === 'train'
        ? timeSteps(session, rows, spec.repeats)
        : timed(() => onePass(session, rows, spec.kind), spec.repeats))),
      check,
    };
  } finally {
    session.close();
  }
}

/** Does one row of the work, with the kernels that DFMERGE_ISA names, and writes its numbers to a file for the checks of other processes. */
export async function writeReference(spec: ReferenceSpec): Promise<CaseResult> {
  const session = await openModel(spec, { dtype: 'float32' });
  try {
    await session.load(0);
    const reference: Reference = { isa: native().info().isa, ...(await probe(session, spec.work, probed(spec))) };
    await writeFile(spec.reference, JSON.stringify(reference));
    return { seconds: [] };
  } finally {
    session.close();
  }
}

function probed(spec: WorkSpec | ReferenceSpec): TokenizedRows {
  const row = probedRow(taskLengths(spec.lengths, spec.task, spec.rows).rows, spec.shape === 'mini');
  return randomRows([row], SHAPES[spec.shape].vocabSize, `${spec.task} probe`);
}

async function checked(session: Session, spec: WorkSpec): Promise<Check> {
  const { isa, ...expected } = JSON.parse(await readFile(spec.reference, 'utf8')) as Reference;
  return compareProbes(await probe(session, spec.kind, probed(spec)), expected, { dtype: spec.dtype, against: isa });
}

async function onePass(session: Session, rows: TokenizedRows, kind: 'fisher' | 'score' | 'train'): Promise<void> {
  const all = rows.inputIds.map((_, i) => i);
  if (kind === 'fisher')
    await measureFisher(session, await fisherInputs(session, { rows, indices: all }, 'exact'), { mode: 'exact' });
  else await evaluateRows(session, await scoringRows(session, { rows, indices: all }));
}

/** Times training steps on all rows at once, of which the first warms up. */
async function timeSteps(session: Session, rows: TokenizedRows, repeats: number): Promise<CaseResult> {
  const memory = MemoryWatch.start();
  const ends: number[] = [];
  const afterStep = async () => void ends.push(performance.now() / 1000);
  await train(session, rows, {
    steps: repeats + 1,
    batchSize: rows.labels.length,
    learningRate: 1e-4,
    seed: 0,
    afterStep,
  });
  return { seconds: ends.slice(1).map((end, i) => end - ends[i]), ...memory.stop() };
}
