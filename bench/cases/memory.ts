import { evaluateRows, scoringRows } from '../../lib/engine/evaluate.js';
import { fisherInputs, measureFisher } from '../../lib/engine/fisher.js';
import { randomRows, taskLengths } from '../lengths.js';
import { SHAPES } from '../shapes.js';
import type { CaseResult, MemorySpec } from '../spec.js';
import { MemoryWatch } from './memory_watch.js';
import { openModel } from './open_model.js';
import { secondsOf } from './timed.js';

/** Measures what stays resident during one Fisher, a merge of all models with it, and a scoring pass. */
export async function measureMemory(spec: MemorySpec): Promise<CaseResult> {
  const rows = randomRows(
    taskLengths(spec.lengths, spec.task, spec.rows).rows,
    SHAPES[spec.shape].vocabSize,
    spec.task,
  );
  const all = rows.inputIds.map((_, i) => i);
  const memory = MemoryWatch.start();
  const session = await openModel(spec, { dtype: spec.dtype, children: spec.models });
  try {
    const seconds = await secondsOf(async () => {
      await session.interpolate(1, 0.3);
      await measureFisher(session, await fisherInputs(session, { rows, indices: all }, 'exact'), { mode: 'exact' });
      await session.job((engine) => engine.beginMerge());
      for (let i = 1; i <= spec.models; i++)
        await session.job((engine) => engine.fold({ model: i, coefficient: 0.3, withFisher: true }));
      await session.job((engine) => engine.finishMerge());
      await evaluateRows(session, await scoringRows(session, { rows, indices: all }));
    });
    return { seconds: [seconds], ...memory.stop() };
  } finally {
    session.close();
  }
}
