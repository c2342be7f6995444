// T5's layer norm: y = w x r with r = 1 / sqrt(mean(x^2) + epsilon); it subtracts no mean and adds no bias.
#pragma once
#include "ops/segments.h"

namespace dfmerge {

struct RmsNorm {
  int64_t rows, d;
  const float* x;       // [rows, d]
  const float* weight;  // [d]
  float epsilon;
  float* y;  // [rows, d]
  float* r;  // [rows]
};

// Adds the gradient of the loss with respect to x to dx. Gradient row t belongs to forward row segments.row_of[t].
struct RmsNormBackward {
  const Segments& segments;
  int64_t d;
  const float* x;       // [forward rows, d]
  const float* r;       // [forward rows]
  const float* weight;  // [d]
  const float* dy;      // [rows, d]
  float* dx;            // [rows, d]
};

// target[d] += sum_s weight_s g_s^2 (or, unless squared, weight_s g_s), where g_s is the sum of dy_t x_t r_t over the
// rows t of segment s.
struct RmsNormWeight {
  const Segments& segments;
  int64_t d;
  const float* x;   // [forward rows, d]
  const float* r;   // [forward rows]
  const float* dy;  // [rows, d]
  bool squared;
  float* target;
};

namespace cpu {
void rms_norm(Context& context, const RmsNorm& o);
void rms_norm_backward(Context& context, const RmsNormBackward& o);
void rms_norm_weight(Context& context, const RmsNormWeight& o);
}  // namespace cpu

inline constexpr Op<cpu::rms_norm> rms_norm;
inline constexpr Op<cpu::rms_norm_backward> rms_norm_backward;
inline constexpr Op<cpu::rms_norm_weight> rms_norm_weight;

}  // namespace dfmerge
