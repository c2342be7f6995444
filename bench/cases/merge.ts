import { packRows } from '../../lib/engine/batch.js';
import type { Session } from '../../lib/engine/session.js';
import { randomRows } from '../lengths.js';
import { SHAPES } from '../shapes.js';
import type { CaseResult, Check, MergeSpec } from '../spec.js';
import { COPY_BYTES, copyRates } from './kernels.js';
import { openModel } from './open_model.js';
import { timed } from './timed.js';

const LAMBDA = 0.3;
const CHILD = 1;
const SHORT_ROW = { input: 8, choices: [2, 2] };

/**
 * Times one pass over all parameters, with base and child mapped from their files, and then copies of plain memory. Before that every part
 * is checked in the specified float order.
 */
export async function timeMerge(spec: MergeSpec): Promise<CaseResult> {
  const session = await openModel(spec, { dtype: 'float32', children: 1 });
  try {
    const check = await checkMerge(session, SHAPES[spec.shape].vocabSize);
    const begin = () => session.job((engine) => engine.beginMerge());
    const fold = () => session.job((engine) => engine.fold({ model: CHILD, coefficient: LAMBDA, withFisher: true }));
    const parts = {
      interpolate: { body: () => session.interpolate(CHILD, LAMBDA), prepare: undefined },
      fold: { body: fold, prepare: begin },
      finish: { body: () => session.job((engine) => engine.finishMerge()), prepare: () => begin().then(fold) },
    };
    const { body, prepare } = parts[spec.part];
    const result = await timed(body, spec.repeats, prepare);
    const copying = Array.from({ length: spec.repeats }, () =>
      Math.max(...Object.values(copyRates(spec.threads, { bytes: COPY_BYTES, samples: 2 }))),
    );
    return { ...result, copying, check };
  } finally {
    session.close();
  }
}

/** Checks that results agree in every bit, so that the error is 0 or 1. It leaves a Fisher in the engine. */
async function checkMerge(session: Session, vocabSize: number): Promise<Check> {
  const names = session.parameters
    .map(({ name }) => name)
    .filter((name) => /(block\.0\.layer\.0\..*(q|layer_norm)|final_layer_norm)\.weight$/.test(name));
  const values = (vector: 'parameters' | 'fisher') => names.map((name) => session.engine.parameter(vector, name));
  await session.load(CHILD);
  const child = values('parameters');
  await session.load(0);
  const base = values('parameters');
  await session.job((engine) => engine.beginFisher());
  await session.job((engine) =>
    engine.addFisher(packRows(randomRows([SHORT_ROW], vocabSize, 'merge'), [0]), { mode: 'exact' }),
  );
  await session.job((engine) => engine.finishFisher({ epsilon: 1e-12 }));
  const fisher = values('fisher');
  await session.interpolate(CHILD, LAMBDA);
  const interpolated = values('parameters');
  await session.job((engine) => engine.beginMerge());
  await session.job((engine) => engine.fold({ model: CHILD, coefficient: LAMBDA, withFisher: true }));
  await session.job((engine) => engine.finishMerge());
  const merged = values('parameters');
  const same = names.every((_, t) =>
    base[t].every((theta0, i) => {
      const expected = plainMerge(theta0, child[t][i], fisher[t][i]);
      return Object.is(interpolated[t][i], expected.interpolated) && Object.is(merged[t][i], expected.merged);
    }),
  );
  return { against: 'the specified float order', error: same && names.length > 0 ? 0 : 1, bound: 0 };
}

/** θ0 + λ τ, and the unified merge of one model (paper, eq. 7), with every step rounded to float32. */
function plainMerge(base: number, child: number, fisher: number): { interpolated: number; merged: number } {
  const f = Math.fround;
  const lambda = f(LAMBDA);
  const tau = f(child - base);
  const numerator = f(f(fisher * lambda) * tau);
  return { interpolated: f(base + f(lambda * tau)), merged: f(f(f(1 * numerator) / fisher) + base) };
}
