#include <algorithm>
#include <cmath>

#include "core/arithmetic.h"
#include "ops/random.h"

namespace dfmerge::cpu {

namespace {

// SplitMix64 (Steele, Lea and Flood, 2014). It is applied to a counter, so that an element is the same whichever thread
// computes it.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Makes one normal number of two uniform ones by the transform of Box and Muller.
float standard_normal(uint64_t key, uint64_t counter) {
  const uint64_t bits = mix(key ^ mix(counter));
  const double u = (static_cast<double>(bits >> 32) + 0.5) * 0x1p-32,
               v = static_cast<double>(bits & 0xffffffffu) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
}

}  // namespace

void fill_normal(Context& context, const FillNormal& o) {
  constexpr int64_t kItem = 1 << 15;
  const uint64_t key = mix(o.seed * 0x100000001b3u + o.stream);
  context.pool.run(divide_up(o.size, kItem), [&](int64_t item, int) {
    context.check_stop();
    for (int64_t i = item * kItem; i < std::min(o.size, (item + 1) * kItem); ++i)
      o.x[i] = static_cast<float>(o.deviation * standard_normal(key, static_cast<uint64_t>(i)));
  });
}

}  // namespace dfmerge::cpu
