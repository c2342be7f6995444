// The feed-forward's activation: relu(h) (T5 v1.0) or gelu_new(gate) * linear (v1.1).
#pragma once
#include "ops/squared_outer.h"

namespace dfmerge {

void relu(Context& context, int64_t rows, int64_t width, float* h);
// dh [rows, width] <- dh where the forward row's y > 0, else 0.
void relu_backward(Context& context, const Segments& segments, int64_t width, const float* y, float* dh);
// stride: floats between the rows of gate, linear and their gradients; y and dy are [rows, width].
void gated_gelu(Context& context, int64_t rows, int64_t width, int64_t stride, const float* gate, const float* linear,
                float* y);
void gated_gelu_backward(Context& context, const Segments& segments, int64_t width, int64_t stride, const float* gate,
                         const float* linear, const float* dy, float* dgate, float* dlinear);

}  // namespace dfmerge
