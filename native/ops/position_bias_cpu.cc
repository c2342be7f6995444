#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/position_bias.h"

namespace dfmerge {

int position_bucket(const BucketRule& rule, int64_t distance) {
  int buckets = rule.buckets, first = 0;
  int64_t n = -distance;
  if (rule.bidirectional) {
    buckets /= 2;
    if (distance > 0) first = buckets;
    n = std::abs(distance);
  }
  n = std::max<int64_t>(n, 0);
  const int exact = buckets / 2;
  if (n < exact) return first + static_cast<int>(n);
  // From `exact` to max_distance the buckets grow with the logarithm of the distance.
  const float position = std::log(static_cast<float>(n) / static_cast<float>(exact)) /
                         static_cast<float>(std::log(static_cast<double>(rule.max_distance) / exact)) *
                         static_cast<float>(buckets - exact);
  return first + static_cast<int>(std::min<int64_t>(exact + static_cast<int64_t>(position), buckets - 1));
}

namespace cpu {

void position_bias(Context&, const SpreadBias& o) {
  const int64_t width = 2 * o.reach - 1;
  for (int64_t distance = 1 - o.reach; distance < o.reach; ++distance) {
    const int bucket = position_bucket(o.rule, distance);
    for (int h = 0; h < o.heads; ++h) o.values[h * width + distance + o.reach - 1] = o.weight[bucket * o.heads + h];
  }
}

void position_bias_weight(Context& context, const PositionBiasWeight& o) {
  const int64_t width = 2 * o.reach - 1;
  std::vector<int> bucket_of(static_cast<size_t>(width));
  for (int64_t i = 0; i < width; ++i) bucket_of[i] = position_bucket(o.rule, i - (o.reach - 1));
  context.pool.run(o.heads, [&](int64_t h, int) {
    std::vector<float> gradient(static_cast<size_t>(o.rule.buckets));
    for (int64_t s = 0; s < o.segments.count; ++s) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
      const float* row = o.by_distance + (s * o.heads + h) * width;
      for (int64_t i = 0; i < width; ++i) gradient[bucket_of[i]] += row[i];
      for (int b = 0; b < o.rule.buckets; ++b)
        o.target[b * o.heads + h] += o.segments.weight[s] * (o.squared ? gradient[b] * gradient[b] : gradient[b]);
    }
  });
}

}  // namespace cpu

}  // namespace dfmerge
