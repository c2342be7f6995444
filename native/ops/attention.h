// Multi-head attention over ragged spans: softmax(Q K^T + bias) V, unscaled, as T5's. It computes in float32 whatever
// the device computes in: it is a small share of the work and, rounded, most of a Fisher's error. q [query rows,
// heads * d_kv], k and v [key rows, heads * d_kv], their rows possibly apart; the output is [query rows, heads * d_kv].
#pragma once
#include <vector>

#include "ops/position_bias.h"

namespace dfmerge {

// Query rows that attend to key rows. Forward rows index q, k, v and the output; gradient rows index their gradients.
struct AttentionSpan {
  int64_t query, query_rows, key, key_rows;
  int64_t query_gradient, key_gradient;
  int64_t segment;  // adds to the bias gradient of this one
};

// The spans of one group (an input) are worked on by one thread, in order; groups and heads in parallel.
struct AttentionSpans {
  int64_t groups = 0;
  const AttentionSpan* spans = nullptr;
  const int64_t* group = nullptr;  // [groups + 1] offsets into spans
};

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
  const PositionBias* bias;          // null: none
  int64_t query_stride, key_stride;  // floats between the rows of q and dq, and of k, v, dk and dv
  int64_t inner() const { return int64_t{heads} * d_kv; }
};

struct Attention {
  const AttentionShape& shape;
  const AttentionSpans& spans;
  const float *q, *k, *v;
  float* output;
};

// The softmax is computed again; spans of a group that follow one another with the same forward rows share it.
struct AttentionBackward {
  const AttentionShape& shape;
  const AttentionSpans& spans;
  const float *q, *k, *v;  // forward
  const float* doutput;    // gradient rows of the queries
  float *dq, *dk, *dv;     // written; spans' key gradient rows do not overlap
  float* dbias;            // [segments, heads, 2 reach - 1], added to; null without bias
};

namespace cpu {
void attention(Context& context, const Attention& o);
void attention_backward(Context& context, const AttentionBackward& o);
}  // namespace cpu

inline constexpr Op<cpu::attention> attention;
inline constexpr Op<cpu::attention_backward> attention_backward;

}  // namespace dfmerge
