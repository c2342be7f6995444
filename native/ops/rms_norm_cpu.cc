#include <algorithm>

#include "core/arithmetic.h"
#include "ops/rms_norm.h"

namespace dfmerge::cpu {

namespace {
constexpr int64_t kRowsPerTask = 32, kColumnsPerTask = 64;
}

void rms_norm(Context& context, const RmsNorm& o) {
  context.pool.run(divide_up(o.rows, kRowsPerTask), [&](int64_t item, int) {
    const int64_t end = std::min(o.rows, (item + 1) * kRowsPerTask);
    for (int64_t row = item * kRowsPerTask; row < end; ++row)
      o.r[row] = context.kernels.rms_norm({o.y + row * o.d, o.x + row * o.d, o.weight, o.epsilon, o.d});
  });
}

void rms_norm_backward(Context& context, const RmsNormBackward& o) {
  context.pool.run(divide_up(o.segments.rows, kRowsPerTask), [&](int64_t item, int) {
    const int64_t end = std::min(o.segments.rows, (item + 1) * kRowsPerTask);
    for (int64_t row = item * kRowsPerTask; row < end; ++row) {
      const int64_t forward = o.segments.row_of[row];
      context.kernels.rms_norm_backward(
          {o.dx + row * o.d, o.dy + row * o.d, o.x + forward * o.d, o.weight, o.r[forward], o.d});
    }
  });
}

void rms_norm_weight(Context& context, const RmsNormWeight& o) {
  const Segments& segments = o.segments;
  context.pool.run(divide_up(o.d, kColumnsPerTask), [&](int64_t item, int) {
    const int64_t first = item * kColumnsPerTask, columns = std::min(kColumnsPerTask, o.d - first);
    for (int64_t s = 0; s < segments.count; ++s) {
      float gradient[kColumnsPerTask] = {};
      for (int64_t row = segments.gradient[s]; row < segments.gradient[s + 1]; ++row) {
        const int64_t forward = segments.row_of[row];
        context.kernels.add_product(
            {gradient, o.dy + row * o.d + first, o.x + forward * o.d + first, o.r[forward], columns});
      }
      if (o.squared)
        context.kernels.add_weighted_square({o.target + first, gradient, segments.weight[s], columns});
      else
        context.kernels.add_scaled({o.target + first, gradient, segments.weight[s], columns});
    }
  });
}

}  // namespace dfmerge::cpu
