#include <algorithm>

#include "ops/attention.h"
#include "ops/matmul_cpu.h"

namespace dfmerge::cpu {

namespace {

// What the products of one head on one thread share.
struct HeadWork {
  const Kernels& kernels;
  Arena& scratch;
  const AttentionShape& shape;
  int64_t h;

  int64_t column() const { return h * shape.d_kv; }
  void multiply(const Matmul& o) const { matmul_local(*kernels.float_matmul, scratch, o); }
};

// Computes the attention weights of one head, [query_rows, key_rows], where `scores` says that q k^T goes.
void attention_weights(const HeadWork& head, const AttentionSpan& span, const Matmul& scores) {
  const int64_t keys = span.key_rows;
  const PositionBias* bias = head.shape.bias;
  head.multiply(scores);
  for (int64_t i = 0; i < span.query_rows; ++i) {
    float* row = scores.c.data + i * keys;
    if (bias) head.kernels.add(row, bias->head(head.h) + bias->reach - 1 - i, keys);
    const int64_t visible = head.shape.causal ? std::min(i + 1, keys) : keys;
    head.kernels.softmax(row, visible);
    std::fill(row + visible, row + keys, 0.0f);
  }
}

// The forward rows of a span as operands of one head.
struct SpanRows {
  const float *q, *k, *v;
  int64_t width, query_stride, key_stride;
  SpanRows(const HeadWork& head, const AttentionSpan& span, const Attention& o)
      : q(o.q + span.query * o.shape.query_stride + head.column()),
        k(o.k + span.key * o.shape.key_stride + head.column()),
        v(o.v + span.key * o.shape.key_stride + head.column()),
        width(o.shape.d_kv),
        query_stride(o.shape.query_stride),
        key_stride(o.shape.key_stride) {}
  Matmul scores(const AttentionSpan& span, float* p) const {
    return {{span.query_rows, span.key_rows, width}, queries(), transposed(k, key_stride), {p, span.key_rows}};
  }
  Matrix queries() const { return row_major(q, query_stride); }
  Matrix keys() const { return row_major(k, key_stride); }
  Matrix values() const { return row_major(v, key_stride); }
  Matrix values_transposed() const { return transposed(v, key_stride); }
};

bool same_forward(const AttentionSpan& a, const AttentionSpan& b) {
  return a.query == b.query && a.query_rows == b.query_rows && a.key == b.key && a.key_rows == b.key_rows;
}

struct SpanBackward {
  const AttentionBackward& o;
  float *p, *ds;
};

// Computes the gradients of one span and head from its attention weights p. ds is scratch memory of p's size.
void span_backward(const HeadWork& head, const AttentionSpan& span, const SpanBackward& work) {
  const AttentionBackward& o = work.o;
  float *p = work.p, *ds = work.ds;
  const auto& shape = o.shape;
  const int64_t queries = span.query_rows, keys = span.key_rows, inner = shape.inner();
  const SpanRows rows(head, span, {shape, o.spans, o.q, o.k, o.v, nullptr});
  const float* doutput = o.doutput + span.query_gradient * inner + head.column();
  const int64_t key_gradient = span.key_gradient * shape.key_stride + head.column(),
                query_gradient = span.query_gradient * shape.query_stride + head.column();
  const int width = shape.d_kv;
  head.multiply({{queries, keys, width}, row_major(doutput, inner), rows.values_transposed(), {ds, keys}});
  head.multiply({{keys, width, queries},
                 transposed(p, keys),
                 row_major(doutput, inner),
                 {o.dv + key_gradient, shape.key_stride}});
  for (int64_t i = 0; i < queries; ++i) {
    head.kernels.softmax_backward(ds + i * keys, p + i * keys, keys);
    if (!o.dbias) continue;
    float* by_distance = o.dbias + (span.segment * shape.heads + head.h) * shape.bias->width();
    head.kernels.add(by_distance + shape.bias->reach - 1 - i, ds + i * keys, keys);
  }
  head.multiply(
      {{queries, width, keys}, row_major(ds, keys), rows.keys(), {o.dq + query_gradient, shape.query_stride}});
  head.multiply(
      {{keys, width, queries}, transposed(ds, keys), rows.queries(), {o.dk + key_gradient, shape.key_stride}});
}

// Calls body(head, first, last) for the spans of every group and head, in parallel.
template <class Operands, class Body>
void for_heads(Context& context, const Operands& o, const Body& body) {
  const AttentionShape& shape = o.shape;
  const AttentionSpans& spans = o.spans;
  context.pool.run(spans.groups * shape.heads, [&](int64_t item, int thread) {
    const int64_t group = item / shape.heads;
    const HeadWork head{context.kernels, context.scratch[thread], shape, item % shape.heads};
    ArenaScope scope(head.scratch);
    body(head, spans.spans + spans.group[group], spans.spans + spans.group[group + 1]);
  });
}

}  // namespace

void attention(Context& context, const Attention& o) {
  const int64_t inner = o.shape.inner();
  for_heads(context, o, [&](const HeadWork& head, const AttentionSpan* first, const AttentionSpan* last) {
    for (const AttentionSpan* span = first; span != last; ++span) {
      ArenaScope scope(head.scratch);
      const SpanRows rows(head, *span, o);
      float* p = head.scratch.allocate(span->query_rows * span->key_rows);
      attention_weights(head, *span, rows.scores(*span, p));
      head.multiply({{span->query_rows, o.shape.d_kv, span->key_rows},
                     row_major(p, span->key_rows),
                     rows.values(),
                     {o.output + span->query * inner + head.column(), inner}});
    }
  });
}

void attention_backward(Context& context, const AttentionBackward& o) {
  for_heads(context, o, [&](const HeadWork& head, const AttentionSpan* first, const AttentionSpan* last) {
    int64_t largest = 0;
    for (const AttentionSpan* span = first; span != last; ++span)
      largest = std::max(largest, span->query_rows * span->key_rows);
    float* p = head.scratch.allocate(largest);
    float* ds = head.scratch.allocate(largest);
    for (const AttentionSpan* span = first; span != last; ++span) {
      const SpanRows rows(head, *span, {o.shape, o.spans, o.q, o.k, o.v, nullptr});
      if (span == first || !same_forward(*span, span[-1])) attention_weights(head, *span, rows.scores(*span, p));
      span_backward(head, *span, {o, p, ds});
    }
  });
}

}  // namespace dfmerge::cpu
