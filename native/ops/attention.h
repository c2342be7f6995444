// Multi-head attention over ragged spans of rows: softmax(Q K^T + bias) V. The scores are not scaled, because T5 does
// without that. Everything is computed in float32 whatever the device computes in: attention is a small share of the
// work, and rounded it would cause most of a Fisher's error.
//
//   q, output  [query rows, heads * d_kv]
//   k, v       [key rows, heads * d_kv]
//
// The rows of q, k and v may lie apart, so that they can be columns of one wider product.
#pragma once
#include <vector>

#include "ops/position_bias.h"

namespace dfmerge {

// Query rows that attend to key rows. `query` and `key` are the first rows in q, k, v and the output; `query_gradient`
// and `key_gradient` are the first rows in their gradients.
struct AttentionSpan {
  int64_t query, query_rows, key, key_rows;
  int64_t query_gradient, key_gradient;
  int64_t segment;  // whose bias gradient this span adds to
};

// Spans in groups, one group per input. One thread works on the spans of a group in order, while groups and heads run
// in parallel.
struct AttentionSpans {
  int64_t groups = 0;
  const AttentionSpan* spans = nullptr;
  const int64_t* group = nullptr;  // [groups + 1] offsets into spans
};

// The host's tables behind AttentionSpans.
struct SpanTable {
  std::vector<AttentionSpan> spans;
  std::vector<int64_t> group{0};
  void end_group() { group.push_back(static_cast<int64_t>(spans.size())); }
  AttentionSpans upload(Stream& stream) const {
    return {static_cast<int64_t>(group.size()) - 1, stream.upload(spans), stream.upload(group)};
  }
};

struct AttentionShape {
  int heads, d_kv;
  bool causal;
  const PositionBias* bias;          // null where attention has no position bias
  int64_t query_stride, key_stride;  // floats between rows: of q and dq; of k, v, dk and dv
  int64_t inner() const { return int64_t{heads} * d_kv; }
};

struct Attention {
  const AttentionShape& shape;
  const AttentionSpans& spans;
  const float *q, *k, *v;
  float* output;
};

// The attention weights were not kept, so they are computed again. Spans of a group that follow one another with the
// same forward rows share them.
struct AttentionBackward {
  const AttentionShape& shape;
  const AttentionSpans& spans;
  const float *q, *k, *v;  // forward rows
  const float* doutput;    // gradient rows of the queries
  float *dq, *dk, *dv;     // overwritten: the spans' key gradient rows do not overlap
  float* dbias;            // [segments, heads, 2 reach - 1], added to; null where there is no bias
};

namespace cpu {
void attention(Context& context, const Attention& o);
void attention_backward(Context& context, const AttentionBackward& o);
}  // namespace cpu

inline constexpr Op<cpu::attention> attention;
inline constexpr Op<cpu::attention_backward> attention_backward;

}  // namespace dfmerge
