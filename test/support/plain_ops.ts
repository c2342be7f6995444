// The ops as plain float64 loops, written from their formulas, with which the native kernels are compared. They only go forward: gradients
// come from differenceGradient.

export type Numbers = ArrayLike<number>;

/** The unit roundoff of float32. */
export const EPSILON32 = 2 ** -24;

/** C [m, n] = A [m, k] B [k, n], where a transposed operand is stored as [k, m] or [n, k]. */
export function matmul(o: {
  m: number;
  n: number;
  k: number;
  a: Numbers;
  b: Numbers;
  transposeA?: boolean;
  transposeB?: boolean;
}): Float64Array {
  const c = new Float64Array(o.m * o.n);
  for (let i = 0; i < o.m; i++) {
    for (let j = 0; j < o.n; j++) {
      let sum = 0;
      for (let l = 0; l < o.k; l++)
        sum += o.a[o.transposeA ? l * o.m + i : i * o.k + l] * o.b[o.transposeB ? j * o.k + l : l * o.n + j];
      c[i * o.n + j] = sum;
    }
  }
  return c;
}

/** The operands of squaredOuter, as the addon takes them. */
export interface OuterOperands {
  out: number;
  in: number;
  /** The inputs of the forward pass, [forward rows, in]. */
  x: Float32Array;
  /** The gradients of its outputs, [gradient rows, out]. */
  dy: Float32Array;
  /** Segment s has the gradient rows gradient[s] .. gradient[s + 1], which belong to the forward rows from forward[s] on. */
  gradient: Int32Array;
  forward: Int32Array;
  weight: Float32Array;
  squared: boolean;
  /** Rows [in] that are added to the gradient of a segment, sorted by row and then by segment. */
  extraRows: Int32Array;
  extraSegments: Int32Array;
  extra: Float32Array;
}

/**
 * target[o, i] = Σ_s w_s g², or Σ_s w_s g, where g = Σ_t dy[t, o] x[t, i] + extra. `bound` is how far float32 may be off: a sum of K terms is
 * known to K ε Σ|terms|, whatever the order.
 */
export function squaredOuter(o: OuterOperands): { target: Float64Array; bound: Float64Array } {
  const target = new Float64Array(o.out * o.in);
  const bound = new Float64Array(o.out * o.in);
  for (let s = 0; s < o.forward.length; s++) {
    const rows = o.gradient[s + 1] - o.gradient[s];
    const terms = rows + 2;
    for (let row = 0; row < o.out; row++) {
      const entry = o.extraRows.findIndex((r, e) => r === row && o.extraSegments[e] === s);
      for (let i = 0; i < o.in; i++) {
        let g = entry < 0 ? 0 : o.extra[entry * o.in + i];
        let size = Math.abs(g);
        for (let t = 0; t < rows; t++) {
          const term = o.dy[(o.gradient[s] + t) * o.out + row] * o.x[(o.forward[s] + t) * o.in + i];
          g += term;
          size += Math.abs(term);
        }
        const error = terms * EPSILON32 * size;
        const w = Math.abs(o.weight[s]);
        target[row * o.in + i] += o.weight[s] * (o.squared ? g * g : g);
        // The error of g, and then that of the square and of its weighted sum over segments.
        bound[row * o.in + i] +=
          w *
          (o.squared
            ? 2 * Math.abs(g) * error + error * error + (o.forward.length + 3) * EPSILON32 * g * g
            : error + (o.forward.length + 2) * EPSILON32 * Math.abs(g));
      }
    }
  }
  return { target, bound };
}

/** Each row is y = w x / sqrt(mean(x²) + ε). */
export function rmsNorm(x: Numbers, weight: Numbers, epsilon: number): Float64Array {
  const d = weight.length;
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += d) {
    let squares = 0;
    for (let i = 0; i < d; i++) squares += x[row + i] ** 2;
    const r = 1 / Math.sqrt(squares / d + epsilon);
    for (let i = 0; i < d; i++) y[row + i] = weight[i] * x[row + i] * r;
  }
  return y;
}

/** The tanh form of GELU, which transformers calls gelu_new. */
export function geluNew(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

export function relu(x: number): number {
  return Math.max(x, 0);
}

/** The NLL of a label: log Σ exp(logits) − logits[label]. */
export function crossEntropy(logits: Numbers, label: number): number {
  let top = -Infinity;
  for (let i = 0; i < logits.length; i++) top = Math.max(top, logits[i]);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - top);
  return Math.log(sum) + top - logits[label];
}

/**
 * T5's bucket of the distance key − query, as the paper describes it: half of the buckets are for exact distances, and the other half grow
 * logarithmically up to the maximum distance. Where both directions are seen, each has half of all buckets, and those of keys behind come
 * first.
 */
export function positionBucket(
  rule: { buckets: number; maxDistance: number; bidirectional: boolean },
  distance: number,
): number {
  const perSide = rule.bidirectional ? rule.buckets / 2 : rule.buckets;
  const ahead = rule.bidirectional && distance > 0;
  const away = rule.bidirectional ? Math.abs(distance) : Math.max(-distance, 0);
  const exact = perSide / 2;
  // Logarithmic bucket j begins at the distance exact · (max / exact)^(j / exact).
  let bucket = Math.min(away, exact);
  if (away >= exact)
    while (
      bucket + 1 < perSide &&
      away >= exact * (rule.maxDistance / exact) ** ((bucket + 1 - exact) / (perSide - exact)) - 1e-9
    )
      bucket++;
  return bucket + (ahead ? perSide : 0);
}

/** The operands of attention over spans, as the addon takes them; bias is [buckets, heads]. */
export interface AttentionOperands {
  heads: number;
  dKv: number;
  causal: boolean;
  queryOffsets: Int32Array;
  keyOffsets: Int32Array;
  q: Numbers;
  k: Numbers;
  v: Numbers;
  buckets?: number;
  maxDistance?: number;
  bias?: Numbers;
}

/** Computes softmax(q kᵀ + bias) v for each span and head, without scaling. */
export function attention(o: AttentionOperands): Float64Array {
  const inner = o.heads * o.dKv;
  const y = new Float64Array(o.q.length);
  for (let s = 0; s + 1 < o.queryOffsets.length; s++) {
    const [query, key] = [o.queryOffsets[s], o.keyOffsets[s]];
    const [queries, keys] = [o.queryOffsets[s + 1] - query, o.keyOffsets[s + 1] - key];
    for (let h = 0; h < o.heads; h++) {
      for (let i = 0; i < queries; i++) {
        const visible = o.causal ? Math.min(i + 1, keys) : keys;
        const weights = new Float64Array(visible);
        let total = 0;
        for (let j = 0; j < visible; j++) {
          let score = o.bias
            ? o.bias[
                positionBucket({ buckets: o.buckets!, maxDistance: o.maxDistance!, bidirectional: !o.causal }, j - i) *
                  o.heads +
                  h
              ]
            : 0;
          for (let c = 0; c < o.dKv; c++)
            score += o.q[(query + i) * inner + h * o.dKv + c] * o.k[(key + j) * inner + h * o.dKv + c];
          total += weights[j] = Math.exp(score);
        }
        for (let j = 0; j < visible; j++)
          for (let c = 0; c < o.dKv; c++)
            y[(query + i) * inner + h * o.dKv + c] += (weights[j] / total) * o.v[(key + j) * inner + h * o.dKv + c];
      }
    }
  }
  return y;
}

/** The inner product Σ a_i b_i. */
export function dot(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * ∂f/∂x by central differences in float64, where f is called with x changed in one place. With a step of 1e-5 the truncation and the
 * cancellation are both about 1e-10 of the values, far below float32's rounding.
 */
export function differenceGradient(x: Float64Array, f: () => number, entries?: Iterable<number>): Float64Array {
  const step = 1e-5;
  const gradient = new Float64Array(x.length);
  for (const i of entries ?? x.keys()) {
    const value = x[i];
    x[i] = value + step;
    const above = f();
    x[i] = value - step;
    const below = f();
    x[i] = value;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}
