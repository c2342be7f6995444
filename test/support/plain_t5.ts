// A whole T5 as plain float64 loops (METHOD §7). The engine's scores are compared with it, and the engine's gradients with its finite
// differences.
import { attention, crossEntropy, geluNew, matmul, relu, rmsNorm } from './plain_ops.js';
import type { T5Shape } from './random_t5.js';

export type PlainWeights = Map<string, Float64Array>;

export class PlainT5 {
  constructor(
    readonly config: T5Shape,
    readonly weights: PlainWeights,
  ) {}

  /** The NLL of one label sequence given one input, summed over its tokens. */
  nll(input: ArrayLike<number>, label: ArrayLike<number>): number {
    const { vocab_size: n } = this.config;
    const logits = this.logits(input, [0, ...Array.from(label).slice(0, -1)]);
    let total = 0;
    for (let t = 0; t < label.length; t++) total += crossEntropy(logits.subarray(t * n, (t + 1) * n), label[t]);
    return total;
  }

  /** The logits that follow each of the decoder's tokens, [tokens, vocabulary]. */
  logits(input: ArrayLike<number>, decoderInput: ArrayLike<number>): Float64Array {
    const hidden = this.#decode(decoderInput, this.#encode(input));
    const { d_model: d, vocab_size: n, tie_word_embeddings: tied } = this.config;
    if (tied) for (let i = 0; i < hidden.length; i++) hidden[i] /= Math.sqrt(d);
    return matmul({
      m: decoderInput.length,
      n,
      k: d,
      a: hidden,
      b: this.#get(tied ? 'shared.weight' : 'lm_head.weight'),
      transposeB: true,
    });
  }

  #get(name: string): Float64Array {
    const values = this.weights.get(name);
    if (!values) throw new Error(`no weight ${name}`);
    return values;
  }

  #embed(ids: ArrayLike<number>): Float64Array {
    const d = this.config.d_model;
    const x = new Float64Array(ids.length * d);
    for (let t = 0; t < ids.length; t++)
      x.set(this.#get('shared.weight').subarray(ids[t] * d, (ids[t] + 1) * d), t * d);
    return x;
  }

  #encode(ids: ArrayLike<number>): Float64Array {
    const x = this.#embed(ids);
    for (let i = 0; i < this.config.num_layers; i++) {
      this.#attend(x, { layer: `encoder.block.${i}.layer.0`, stack: 'encoder' });
      this.#feedForward(x, `encoder.block.${i}.layer.1`);
    }
    return this.#norm(x, 'encoder.final_');
  }

  #decode(ids: ArrayLike<number>, encoded: Float64Array): Float64Array {
    const x = this.#embed(ids);
    for (let i = 0; i < this.config.num_decoder_layers; i++) {
      this.#attend(x, { layer: `decoder.block.${i}.layer.0`, stack: 'decoder' });
      this.#attend(x, { layer: `decoder.block.${i}.layer.1`, encoded });
      this.#feedForward(x, `decoder.block.${i}.layer.2`);
    }
    return this.#norm(x, 'decoder.final_');
  }

  #norm(x: Float64Array, prefix: string): Float64Array {
    return rmsNorm(x, this.#get(`${prefix}layer_norm.weight`), this.config.layer_norm_epsilon);
  }

  /** The product x Wᵀ, where W is [out, in]. */
  #project(x: Float64Array, name: string, width: { in: number; out: number }): Float64Array {
    return matmul({ m: x.length / width.in, n: width.out, k: width.in, a: x, b: this.#get(name), transposeB: true });
  }

  /** Adds to x its attention to the encoder's output or, with the stack's position bias and causal in the decoder, to itself. */
  #attend(
    x: Float64Array,
    { layer, stack, encoded }: { layer: string; stack?: 'encoder' | 'decoder'; encoded?: Float64Array },
  ): void {
    const {
      d_model: d,
      num_heads: heads,
      d_kv: dKv,
      relative_attention_num_buckets: buckets,
      relative_attention_max_distance: maxDistance,
    } = this.config;
    const kind = encoded ? 'EncDecAttention' : 'SelfAttention';
    const normed = this.#norm(x, `${layer}.`);
    const source = encoded ?? normed;
    const project = (from: Float64Array, part: string) =>
      this.#project(from, `${layer}.${kind}.${part}.weight`, { in: d, out: heads * dKv });
    const bias = stack && {
      buckets,
      maxDistance,
      bias: this.#get(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`),
    };
    const y = attention({
      heads,
      dKv,
      causal: stack === 'decoder',
      ...bias,
      queryOffsets: Int32Array.of(0, x.length / d),
      keyOffsets: Int32Array.of(0, source.length / d),
      q: project(normed, 'q'),
      k: project(source, 'k'),
      v: project(source, 'v'),
    });
    addTo(x, this.#project(y, `${layer}.${kind}.o.weight`, { in: heads * dKv, out: d }));
  }

  #feedForward(x: Float64Array, layer: string): void {
    const { d_model: d, d_ff: width, feed_forward_proj: kind } = this.config;
    const normed = this.#norm(x, `${layer}.`);
    const project = (part: string) =>
      this.#project(normed, `${layer}.DenseReluDense.${part}.weight`, { in: d, out: width });
    const linear = kind === 'relu' ? undefined : project('wi_1');
    const hidden = linear ? project('wi_0').map((gate, i) => geluNew(gate) * linear[i]) : project('wi').map(relu);
    addTo(x, this.#project(hidden, `${layer}.DenseReluDense.wo.weight`, { in: width, out: d }));
  }
}

function addTo(x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}
