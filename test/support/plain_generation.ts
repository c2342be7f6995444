// Generation as its definition says it: the whole model at every step, and a beam search over one input in plain lists.
import type { PlainT5 } from './plain_t5.js';

/** How a sequence is generated. */
export interface PlainGeneration {
  maxNewTokens: number;
  numBeams: number;
  lengthPenalty: number;
  earlyStopping: boolean;
  endTokens: readonly number[];
  startToken: number;
}

interface PlainSequence {
  ids: number[];
  /** The log-probability; of an ended sequence, divided by its length to the power of the penalty. */
  score: number;
}

/** The log-probabilities of the next token. */
function nextTokens(model: PlainT5, input: ArrayLike<number>, decoderInput: number[]): number[] {
  const n = model.config.vocab_size;
  const logits = [...model.logits(input, decoderInput).subarray((decoderInput.length - 1) * n)];
  const top = Math.max(...logits);
  const logSum = top + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
  return logits.map((logit) => logit - logSum);
}

function greedy(model: PlainT5, input: ArrayLike<number>, o: PlainGeneration): PlainSequence {
  const ids: number[] = [];
  let score = 0;
  do {
    const next = nextTokens(model, input, [o.startToken, ...ids]);
    const best = Math.max(...next);
    ids.push(next.indexOf(best));
    score += best;
  } while (ids.length < o.maxNewTokens && !o.endTokens.includes(ids.at(-1)!));
  return { ids, score: score / ids.length ** o.lengthPenalty };
}

/** The sequence that is generated of an input. */
export function plainGenerate(model: PlainT5, input: ArrayLike<number>, o: PlainGeneration): PlainSequence {
  if (o.numBeams === 1) return greedy(model, input, o);
  const byScore = (a: PlainSequence, b: PlainSequence) => b.score - a.score;
  let running: PlainSequence[] = [{ ids: [], score: 0 }];
  let ended: PlainSequence[] = [];
  for (let length = 1; ; length++) {
    const last = length === o.maxNewTokens;
    const all = running.flatMap(({ ids, score }) =>
      nextTokens(model, input, [o.startToken, ...ids]).map((by, id) => ({ ids: [...ids, id], score: score + by })),
    );
    all.sort(byScore);
    const ends = ({ ids }: PlainSequence) => last || o.endTokens.includes(ids.at(-1)!);
    const penalized = ({ ids, score }: PlainSequence) => ({ ids, score: score / length ** o.lengthPenalty });
    ended = [...ended, ...all.slice(0, o.numBeams).filter(ends).map(penalized)].sort(byScore).slice(0, o.numBeams);
    running = all.filter((sequence) => !ends(sequence)).slice(0, o.numBeams);
    if (last) return ended[0];
    const full = ended.length === o.numBeams;
    if (full && (o.earlyStopping || penalized(running[0]).score <= ended.at(-1)!.score)) return ended[0];
  }
}
