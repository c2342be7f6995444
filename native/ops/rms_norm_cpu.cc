#include <algorithm>

#include "ops/rms_norm.h"

namespace dfmerge {

namespace {
constexpr int64_t kRowsPerTask = 32, kColumnsPerTask = 64;
int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
}  // namespace

void rms_norm(Context& context, int64_t rows, int64_t d, const float* x, const float* weight, float epsilon, float* y,
              float* r) {
  context.pool.run(divide_up(rows, kRowsPerTask), [&](int64_t item, int) {
    const int64_t end = std::min(rows, (item + 1) * kRowsPerTask);
    for (int64_t row = item * kRowsPerTask; row < end; ++row)
      r[row] = context.kernels.rms_norm(y + row * d, x + row * d, weight, epsilon, d);
  });
}

void rms_norm_backward(Context& context, const Segments& segments, int64_t d, const RmsNormBackward& o) {
  context.pool.run(divide_up(segments.rows(), kRowsPerTask), [&](int64_t item, int) {
    const int64_t end = std::min(segments.rows(), (item + 1) * kRowsPerTask);
    for (int64_t row = item * kRowsPerTask; row < end; ++row) {
      const int64_t forward = segments.row_of[row];
      context.kernels.rms_norm_backward(o.dx + row * d, o.dy + row * d, o.x + forward * d, o.weight, o.r[forward], d);
    }
  });
}

void rms_norm_weight(Context& context, const Segments& segments, int64_t d, const RmsNormBackward& o, bool squared,
                     float* target) {
  context.pool.run(divide_up(d, kColumnsPerTask), [&](int64_t item, int) {
    const int64_t first = item * kColumnsPerTask, columns = std::min(kColumnsPerTask, d - first);
    for (int64_t s = 0; s < segments.count(); ++s) {
      float gradient[kColumnsPerTask] = {};
      for (int64_t row = segments.gradient[s]; row < segments.gradient[s + 1]; ++row) {
        const int64_t forward = segments.row_of[row];
        context.kernels.add_product(gradient, o.dy + row * d + first, o.x + forward * d + first, o.r[forward], columns);
      }
      if (squared)
        context.kernels.add_weighted_square(target + first, gradient, segments.weight[s], columns);
      else
        context.kernels.add_scaled(target + first, gradient, segments.weight[s], columns);
    }
  });
}

}  // namespace dfmerge
