// Relative position bias of T5's self-attention: a learned value per head and bucket of the distance key - query.
#pragma once
#include "ops/segments.h"

namespace dfmerge {

struct BucketRule {
  int buckets, max_distance;
  bool bidirectional;  // true in an encoder; in a decoder keys ahead of the query fall into bucket 0
};

// The bucket of a distance key - query. Distances are computed in float32, as the published models were trained.
int position_bucket(const BucketRule& rule, int64_t distance);

// The bias by distance: values[head * (2 reach - 1) + distance + reach - 1] for |distance| < reach.
struct PositionBias {
  int64_t reach;
  const float* values;
  int64_t width() const { return 2 * reach - 1; }
  const float* head(int64_t h) const { return values + h * width(); }
};

// Lays the weight [buckets, heads] out by distance, into `values` as PositionBias has them.
struct SpreadBias {
  const BucketRule& rule;
  int heads;
  const float* weight;
  int64_t reach;
  float* values;
};

// target[buckets, heads] += sum_s weight_s g_s^2 (or, unless squared, weight_s g_s), where g_s gathers the gradients of
// segment s by bucket. They come by distance: by_distance is [segments, heads, 2 reach - 1].
struct PositionBiasWeight {
  const Segments& segments;
  const BucketRule& rule;
  int heads;
  int64_t reach;
  const float* by_distance;
  bool squared;
  float* target;
};

namespace cpu {
void position_bias(Context& context, const SpreadBias& o);
void position_bias_weight(Context& context, const PositionBiasWeight& o);
}  // namespace cpu

inline constexpr Op<cpu::position_bias> position_bias;
inline constexpr Op<cpu::position_bias_weight> position_bias_weight;

}  // namespace dfmerge
