// The activation inside a feed-forward layer: relu(h), as in T5 v1.0, or gelu_new(gate) * linear, as in v1.1.
#pragma once
#include "ops/segments.h"

namespace dfmerge {

// Overwrites h [rows, width] with max(h, 0).
struct Relu {
  int64_t rows, width;
  float* h;
};
// Sets dh [gradient rows, width] to 0 where the output y of its forward row is not positive, and leaves it elsewhere.
struct ReluBackward {
  const Segments& segments;
  int64_t width;
  const float* y;
  float* dh;
};
// y [rows, width] = gelu_new(gate) * linear, where the rows of gate and linear are `stride` floats apart.
struct GatedGelu {
  int64_t rows, width, stride;
  const float *gate, *linear;
  float* y;
};
// Writes dgate and dlinear from dy [gradient rows, width]. The rows of gate, linear, dgate and dlinear are `stride`
// floats apart.
struct GatedGeluBackward {
  const Segments& segments;
  int64_t width, stride;
  const float *gate, *linear;
  const float* dy;
  float *dgate, *dlinear;
};

namespace cpu {
void relu(Context& context, const Relu& o);
void relu_backward(Context& context, const ReluBackward& o);
void gated_gelu(Context& context, const GatedGelu& o);
void gated_gelu_backward(Context& context, const GatedGeluBackward& o);
}  // namespace cpu

inline constexpr Op<cpu::relu> relu;
inline constexpr Op<cpu::relu_backward> relu_backward;
inline constexpr Op<cpu::gated_gelu> gated_gelu;
inline constexpr Op<cpu::gated_gelu_backward> gated_gelu_backward;

}  // namespace dfmerge
