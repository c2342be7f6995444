import type { TokenizedRows } from '../../../lib/engine/batch.js';

/** A bag of tokens in plain loops: the sum of the input's embeddings meets the head. */
export interface PlainBag {
  vocabSize: number;
  width: number;
  /** Each is [vocabSize, width]. */
  embedding: ArrayLike<number>;
  linear: ArrayLike<number>;
}

/** The gradients of one NLL. */
interface Gradients {
  embedding: Float64Array;
  linear: Float64Array;
}

function hidden(bag: PlainBag, input: Int32Array): Float64Array {
  const h = new Float64Array(bag.width);
  for (const id of input) for (let i = 0; i < bag.width; i++) h[i] += bag.embedding[id * bag.width + i];
  return h;
}

function probabilities(bag: PlainBag, h: Float64Array): Float64Array {
  const p = Float64Array.from({ length: bag.vocabSize }, (_, v) =>
    Math.exp(h.reduce((sum, value, i) => sum + value * bag.linear[v * bag.width + i], 0)),
  );
  const sum = p.reduce((a, b) => a + b);
  return p.map((value) => value / sum);
}

/** The NLL of a choice, which is a sum over its label tokens. */
export function plainNll(bag: PlainBag, input: Int32Array, choice: Int32Array): number {
  const p = probabilities(bag, hidden(bag, input));
  return choice.reduce((sum, id) => sum - Math.log(p[id]), 0);
}

function gradientsOf(bag: PlainBag, input: Int32Array, choice: Int32Array): Gradients {
  const { vocabSize, width } = bag;
  const h = hidden(bag, input);
  const p = probabilities(bag, h);
  const slope = p.map((value) => value * choice.length);
  for (const id of choice) slope[id] -= 1;
  const linear = Float64Array.from(
    { length: vocabSize * width },
    (_, at) => slope[Math.floor(at / width)] * h[at % width],
  );
  const dh = Float64Array.from({ length: width }, (_, i) =>
    slope.reduce((sum, value, v) => sum + value * bag.linear[v * width + i], 0),
  );
  const embedding = new Float64Array(vocabSize * width);
  for (const id of input) for (let i = 0; i < width; i++) embedding[id * width + i] += dh[i];
  return { embedding, linear };
}

/** The exact Fisher of all rows, 1/N Σ_x Σ_c p̃_c (∇ NLL_c / L_c)² + ε, where p̃ is the softmax of −NLL_c / L_c. */
export function plainFisher(bag: PlainBag, rows: TokenizedRows, epsilon: number): Gradients {
  const size = bag.vocabSize * bag.width;
  const fisher = { embedding: new Float64Array(size), linear: new Float64Array(size) };
  rows.inputIds.forEach((input, x) => {
    const weights = rows.choices[x].map((choice) => Math.exp(-plainNll(bag, input, choice) / choice.length));
    const total = weights.reduce((a, b) => a + b);
    rows.choices[x].forEach((choice, c) => {
      const gradients = gradientsOf(bag, input, choice);
      for (const part of ['embedding', 'linear'] as const)
        gradients[part].forEach((g, at) => (fisher[part][at] += (weights[c] / total) * (g / choice.length) ** 2));
    });
  });
  for (const part of ['embedding', 'linear'] as const)
    fisher[part] = fisher[part].map((sum) => sum / rows.inputIds.length + epsilon);
  return fisher;
}
