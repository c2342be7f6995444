#include "ops/activation.h"

namespace dfmerge {

namespace {
constexpr int64_t kRowsPerTask = 16;

template <class Body>
void for_rows(Context& context, int64_t rows, const Body& body) {
  context.pool.run((rows + kRowsPerTask - 1) / kRowsPerTask, [&](int64_t item, int) {
    for (int64_t row = item * kRowsPerTask; row < rows && row < (item + 1) * kRowsPerTask; ++row) body(row);
  });
}
}  // namespace

void relu(Context& context, int64_t rows, int64_t width, float* h) {
  for_rows(context, rows, [&](int64_t row) { context.kernels.relu(h + row * width, width); });
}

void relu_backward(Context& context, const Segments& segments, int64_t width, const float* y, float* dh) {
  for_rows(context, segments.rows(), [&](int64_t row) {
    context.kernels.relu_backward(dh + row * width, y + segments.row_of[row] * width, width);
  });
}

void gated_gelu(Context& context, int64_t rows, int64_t width, int64_t stride, const float* gate, const float* linear,
                float* y) {
  for_rows(context, rows, [&](int64_t row) {
    context.kernels.gated_gelu(y + row * width, gate + row * stride, linear + row * stride, width);
  });
}

void gated_gelu_backward(Context& context, const Segments& segments, int64_t width, int64_t stride, const float* gate,
                         const float* linear, const float* dy, float* dgate, float* dlinear) {
  for_rows(context, segments.rows(), [&](int64_t row) {
    const int64_t forward = segments.row_of[row] * stride;
    context.kernels.gated_gelu_backward(dgate + row * stride, dlinear + row * stride, dy + row * width, gate + forward,
                                        linear + forward, width);
  });
}

}  // namespace dfmerge
