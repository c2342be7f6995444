// Relative position bias of T5's self-attention: a learned value per head and bucket of the distance key - query.
#pragma once
#include <vector>

#include "ops/squared_outer.h"

namespace dfmerge {

struct BucketRule {
  int buckets, max_distance;
  bool bidirectional;  // encoder; else causal: keys ahead fall into bucket 0
};

// Bucket of a distance key - query. Distances are computed in float32, as the published models were trained.
int position_bucket(const BucketRule& rule, int64_t distance);

// values[head * (2 reach - 1) + distance + reach - 1], |distance| < reach, from weight[buckets, heads].
struct PositionBias {
  int64_t reach;
  const float* values;
  const float* head(int64_t h) const { return values + h * (2 * reach - 1); }
};
void position_bias(const BucketRule& rule, int heads, const float* weight, int64_t reach, float* values);

// target[buckets, heads] += sum_s weight_s g^2 (or g), g = the gradients by distance, [segments, heads, 2 reach - 1],
// gathered by bucket.
void position_bias_weight(Context& context, const BucketRule& rule, int heads, int64_t reach,
                          const std::vector<float>& weights, const float* by_distance, bool squared, float* target);

}  // namespace dfmerge
