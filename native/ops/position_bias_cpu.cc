#include <algorithm>
#include <cmath>

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
  // Logarithmic from `exact` to max_distance.
  const float position = std::log(static_cast<float>(n) / static_cast<float>(exact)) /
                         static_cast<float>(std::log(static_cast<double>(rule.max_distance) / exact)) *
                         static_cast<float>(buckets - exact);
  return first + static_cast<int>(std::min<int64_t>(exact + static_cast<int64_t>(position), buckets - 1));
}

void position_bias(const BucketRule& rule, int heads, const float* weight, int64_t reach, float* values) {
  for (int64_t distance = 1 - reach; distance < reach; ++distance) {
    const int bucket = position_bucket(rule, distance);
    for (int h = 0; h < heads; ++h) values[h * (2 * reach - 1) + distance + reach - 1] = weight[bucket * heads + h];
  }
}

void position_bias_weight(Context& context, const BucketRule& rule, int heads, int64_t reach,
                          const std::vector<float>& weights, const float* by_distance, bool squared, float* target) {
  const int64_t span = 2 * reach - 1;
  std::vector<int> bucket_of(static_cast<size_t>(span));
  for (int64_t i = 0; i < span; ++i) bucket_of[i] = position_bucket(rule, i - (reach - 1));
  context.pool.run(heads, [&](int64_t h, int) {
    std::vector<float> gradient(static_cast<size_t>(rule.buckets));
    for (size_t s = 0; s < weights.size(); ++s) {
      std::fill(gradient.begin(), gradient.end(), 0.0f);
      const float* row = by_distance + (static_cast<int64_t>(s) * heads + h) * span;
      for (int64_t i = 0; i < span; ++i) gradient[bucket_of[i]] += row[i];
      for (int b = 0; b < rule.buckets; ++b)
        target[b * heads + h] += weights[s] * (squared ? gradient[b] * gradient[b] : gradient[b]);
    }
  });
}

}  // namespace dfmerge
