#include "core/arithmetic.h"
#include "ops/activation.h"

namespace dfmerge::cpu {

namespace {

constexpr int64_t kRowsPerTask = 16;

template <class Body>
void for_rows(Context& context, int64_t rows, const Body& body) {
  context.pool.run(divide_up(rows, kRowsPerTask), [&](int64_t item, int) {
    for (int64_t row = item * kRowsPerTask; row < rows && row < (item + 1) * kRowsPerTask; ++row) body(row);
  });
}

}  // namespace

void relu(Context& context, const Relu& o) {
  for_rows(context, o.rows, [&](int64_t row) { context.kernels.relu(o.h + row * o.width, o.width); });
}

void relu_backward(Context& context, const ReluBackward& o) {
  for_rows(context, o.segments.rows, [&](int64_t row) {
    context.kernels.relu_backward(o.dh + row * o.width, o.y + o.segments.row_of[row] * o.width, o.width);
  });
}

void gated_gelu(Context& context, const GatedGelu& o) {
  for_rows(context, o.rows, [&](int64_t row) {
    context.kernels.gated_gelu({o.y + row * o.width, o.gate + row * o.stride, o.linear + row * o.stride, o.width});
  });
}

void gated_gelu_backward(Context& context, const GatedGeluBackward& o) {
  for_rows(context, o.segments.rows, [&](int64_t row) {
    const int64_t at = row * o.stride, forward = o.segments.row_of[row] * o.stride;
    context.kernels.gated_gelu_backward(
        {o.dgate + at, o.dlinear + at, o.dy + row * o.width, o.gate + forward, o.linear + forward, o.width});
  });
}

}  // namespace dfmerge::cpu
