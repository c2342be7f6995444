import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { evaluateRows, scoringRows } from '../../lib/engine/evaluate.js';
import { generateRows, type GeneratedSequence } from '../../lib/engine/generate.js';
import type { Session } from '../../lib/engine/session.js';
import { randomRows, taskLengths } from '../lengths.js';
import { SHAPES } from '../shapes.js';
import type { CaseResult, Check, GenerateSpec } from '../spec.js';
import { openModel } from './open_model.js';
import { timed } from './timed.js';

/** The greatest relative error of a sequence's log-probability. */
const BOUND = 2e-5;

/**
 * Times the generation of sequences of one length from the first rows of a task. Beforehand it checks them, and writes them and their inputs
 * to the file that peers compare theirs with.
 */
export async function timeGeneration(spec: GenerateSpec): Promise<CaseResult> {
  const { task, newTokens, beams } = spec;
  const { inputIds } = randomRows(taskLengths(spec.lengths, task, spec.rows).rows, SHAPES[spec.shape].vocabSize, task);
  const session = await openModel(spec, { dtype: spec.dtype });
  try {
    await session.load(0);
    // With no end token every sequence has the same length, and the model's own start token is its padding.
    const options = { maxNewTokens: newTokens, numBeams: beams, tokens: { endTokens: [], startToken: 0 } };
    const sequences = await generateRows(session, inputIds, options);
    const check = await checkScores(session, inputIds, sequences);
    const ids = (list: readonly Int32Array[]) => list.map((row) => [...row]);
    const generated = { inputs: ids(inputIds), sequences: ids(sequences.map((sequence) => sequence.ids)) };
    await writeFile(join(dirname(spec.base), spec.generated), JSON.stringify(generated));
    return { ...(await timed(async () => void (await generateRows(session, inputIds, options)), spec.repeats)), check };
  } finally {
    session.close();
  }
}

/** Scores each sequence whole, as the label of its input, which must give the score that it was generated with. */
async function checkScores(
  session: Session,
  inputIds: Int32Array[],
  sequences: readonly GeneratedSequence[],
): Promise<Check> {
  const rows = {
    inputIds,
    choices: sequences.map(({ ids }) => [ids]),
    labels: new Int32Array(inputIds.length),
  };
  const scored = await scoringRows(session, { rows, indices: inputIds.map((_, i) => i) });
  const { results } = await evaluateRows(session, scored);
  const errors = results.map(({ index, nll, tokens }) => {
    const expected = -nll[0] / tokens[0];
    return Math.abs(sequences[index].score - expected) / Math.abs(expected);
  });
  return { against: 'scoring the sequences whole', error: Math.max(...errors), bound: BOUND };
}
