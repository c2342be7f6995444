#include <algorithm>
#include <cstring>

#include "ops/attention.h"
#include "ops/matmul.h"

namespace dfmerge {

namespace {

// p[query_rows, key_rows]: the attention weights of one head.
void attention_weights(const Context& context, Arena& scratch, const AttentionShape& shape, const AttentionSpan& span,
                       int64_t h, const float* q, const float* k, float* p) {
  const Kernels& kernels = context.kernels;
  const int64_t keys = span.key_rows;
  matmul_local(*context.kernels.float_matmul, scratch, {span.query_rows, keys, shape.d_kv},
               row_major(q + span.query * shape.query_stride + h * shape.d_kv, shape.query_stride),
               transposed(k + span.key * shape.key_stride + h * shape.d_kv, shape.key_stride), p, keys);
  for (int64_t i = 0; i < span.query_rows; ++i) {
    float* row = p + i * keys;
    if (shape.bias) kernels.add(row, shape.bias->head(h) + shape.bias->reach - 1 - i, keys);
    const int64_t visible = shape.causal ? std::min(i + 1, keys) : keys;
    kernels.softmax(row, visible);
    std::fill(row + visible, row + keys, 0.0f);
  }
}

bool same_forward(const AttentionSpan& a, const AttentionSpan& b) {
  return a.query == b.query && a.query_rows == b.query_rows && a.key == b.key && a.key_rows == b.key_rows;
}

}  // namespace

void attention(Context& context, const AttentionShape& shape, const AttentionSpans& spans, const float* q,
               const float* k, const float* v, float* output) {
  const int64_t inner = int64_t{shape.heads} * shape.d_kv, groups = static_cast<int64_t>(spans.group.size()) - 1;
  context.pool.run(groups * shape.heads, [&](int64_t item, int thread) {
    const int64_t group = item / shape.heads, h = item % shape.heads;
    Arena& scratch = context.scratch[thread];
    for (int64_t s = spans.group[group]; s < spans.group[group + 1]; ++s) {
      const AttentionSpan& span = spans.spans[s];
      ArenaScope scope(scratch);
      float* p = scratch.allocate(span.query_rows * span.key_rows);
      attention_weights(context, scratch, shape, span, h, q, k, p);
      matmul_local(*context.kernels.float_matmul, scratch, {span.query_rows, shape.d_kv, span.key_rows},
                   row_major(p, span.key_rows),
                   row_major(v + span.key * shape.key_stride + h * shape.d_kv, shape.key_stride),
                   output + span.query * inner + h * shape.d_kv, inner);
    }
  });
}

void attention_backward(Context& context, const AttentionShape& shape, const AttentionSpans& spans,
                        const AttentionBackward& o) {
  const int64_t inner = int64_t{shape.heads} * shape.d_kv, groups = static_cast<int64_t>(spans.group.size()) - 1;
  const Kernels& kernels = context.kernels;
  context.pool.run(groups * shape.heads, [&](int64_t item, int thread) {
    const int64_t group = item / shape.heads, h = item % shape.heads, column = h * shape.d_kv;
    Arena& scratch = context.scratch[thread];
    ArenaScope scope(scratch);
    int64_t largest = 0;
    for (int64_t s = spans.group[group]; s < spans.group[group + 1]; ++s)
      largest = std::max(largest, spans.spans[s].query_rows * spans.spans[s].key_rows);
    float* p = scratch.allocate(largest);
    float* ds = scratch.allocate(largest);
    for (int64_t s = spans.group[group]; s < spans.group[group + 1]; ++s) {
      const AttentionSpan& span = spans.spans[s];
      const int64_t queries = span.query_rows, keys = span.key_rows;
      if (s == spans.group[group] || !same_forward(span, spans.spans[s - 1]))
        attention_weights(context, scratch, shape, span, h, o.q, o.k, p);
      const float* doutput = o.doutput + span.query_gradient * inner + column;
      const int64_t query_stride = shape.query_stride, key_stride = shape.key_stride,
                    key_gradient = span.key_gradient * key_stride + column;
      matmul_local(*context.kernels.float_matmul, scratch, {queries, keys, shape.d_kv}, row_major(doutput, inner),
                   transposed(o.v + span.key * key_stride + column, key_stride), ds, keys);
      matmul_local(*context.kernels.float_matmul, scratch, {keys, shape.d_kv, queries}, transposed(p, keys),
                   row_major(doutput, inner), o.dv + key_gradient, key_stride);
      for (int64_t i = 0; i < queries; ++i) {
        kernels.softmax_backward(ds + i * keys, p + i * keys, keys);
        if (o.dbias) {
          const int64_t width = 2 * shape.bias->reach - 1;
          kernels.add(o.dbias + (span.segment * shape.heads + h) * width + shape.bias->reach - 1 - i, ds + i * keys,
                      keys);
        }
      }
      matmul_local(*context.kernels.float_matmul, scratch, {queries, shape.d_kv, keys}, row_major(ds, keys),
                   row_major(o.k + span.key * key_stride + column, key_stride),
                   o.dq + span.query_gradient * query_stride + column, query_stride);
      matmul_local(*context.kernels.float_matmul, scratch, {keys, shape.d_kv, queries}, transposed(ds, keys),
                   row_major(o.q + span.query * query_stride + column, query_stride), o.dk + key_gradient, key_stride);
    }
  });
}

}  // namespace dfmerge
